"""The people behind the true customers, and what three systems wrote about them: CRM, web accounts, store cards."""

from pyspark.sql import DataFrame
from pyspark.sql import Window as W
from pyspark.sql import functions as F

from onecart.config import Samples
from onecart.samples import names
from onecart.samples.defects import BAD_TIME, Feed, absurd_time, csv_feed, iso, json_feed, with_fates
from onecart.samples.orders import DUMMY_CARD, Span, account_id, card_no, install_id
from onecart.samples.seeded_random import Dice, lookup, with_sql

_CRM_HEADER = (
    "Customer No,First Name,Surname,E-Mail,Telephone,Street,Town,Post Code,Country,Date of Birth,Loyalty Card,"
    "Opt-in E-Mail (Y/N),Opt-in SMS (Y/N),Profiling OK (Y/N),Last Changed,Origin"
)
_CARD_HEADER = "Card No;Name ; E-Mail;Phone;Postcode;Issued;Origin"


def customers(orders: DataFrame, dice: Dice, span: Span) -> DataFrame:
    """One row per true customer; key customer_id.

    first_ts, first_online (null: never online), has_app, has_card, country (of the last order), bought (one product and
    when), neighbour (another customer), home (who they share household, e-mail and phone with; mostly themselves), the
    true given, surname, email, second_email, phone (10 national digits), street, town, postcode, born, platform (null:
    not social), handle, and the ids of each channel.
    """
    known = orders.where("customer_id IS NOT NULL").groupBy("customer_id")
    drawn = f"IF(size(products) > 0, {dice.hash('bought', 'invoice')}, NULL)"
    counted = known.agg(
        F.min("placed").alias("first_ts"),
        F.expr("min(IF(channel <> 'store', placed, NULL))").alias("first_online"),
        F.expr("bool_or(channel = 'app')").alias("has_app"),
        F.expr("bool_or(own_card)").alias("has_card"),
        F.expr("max_by(country, struct(placed, invoice))").alias("country"),
        F.expr(f"min_by(struct(products[0] AS product, placed), {drawn})").alias("bought"),
    )
    # Neighbours within parts of about a thousand customers, so that one machine need not sort them all.
    part = F.expr(f"pmod(xxhash64(customer_id), {1 + span.customers // 1000})")
    neighbour = F.lag("customer_id").over(W.partitionBy(part).orderBy("customer_id"))
    shares = f"neighbour IS NOT NULL AND {dice.chance(0.01, 'household', 'customer_id')}"
    housed = with_sql(counted.withColumn("neighbour", neighbour), home=f"IF({shares}, neighbour, customer_id)")
    return housed.transform(_with_person, dice=dice, span=span)


def _with_person(df: DataFrame, *, dice: Dice, span: Span) -> DataFrame:
    net = dice.pick(("74", "75", "77", "78"), "net", "home")
    named = with_sql(
        df,
        given=dice.pick(names.GIVEN, "given", "customer_id", common_first=True),
        home_given=dice.pick(names.GIVEN, "given", "home", common_first=True),
        surname=dice.pick(names.SURNAMES, "surname", "home", common_first=True),
        phone=f"concat({net}, {dice.digits(8, 'phone', 'home')})",
        born=f"date_add(date'1932-01-01', {dice.below(62 * 365, 'born', 'customer_id')})",
        account_id=account_id(dice),
        install_id=install_id(dice, "customer_id"),
        card_no=card_no(dice),
        **_address(dice, "home", "address"),
    )
    family = "regexp_replace(lower(surname), '[^a-z]', '')"
    mailbox = f"concat(lower(home_given), '.', {family}, {dice.below(100_000, 'mailbox', 'home')})"
    short = f"concat(lower(left(given, 1)), {family}, {dice.below(100_000, 'second mailbox', 'customer_id')})"
    domain = dice.pick(names.MAIL_DOMAINS, "domain", "home")
    second_domain = dice.pick(names.MAIL_DOMAINS, "second domain", "customer_id")
    # A few addresses of shops are on more records than one person can have.
    offices = names.OFFICE_MAILS[: 1 if span.customers < 1000 else 3]
    share = _common(20 * len(offices), span)
    office = dice.pick(offices, "which office", "customer_id")
    platform = dice.pick(("twitter", "facebook"), "platform", "customer_id")
    return with_sql(
        named,
        email=f"IF({dice.chance(share, 'office', 'customer_id')}, {office}, concat({mailbox}, '@', {domain}))",
        second_email=f"concat({short}, '@', {second_domain})",
        platform=f"IF(first_online IS NOT NULL AND {dice.chance(0.2, 'social', 'customer_id')}, {platform}, NULL)",
        handle=f"concat({short}, '_', left(account_id, 4))",
    )


def _common(people: int, span: Span) -> float:
    """The share of customers that makes `people` of them; none in a world too small for so many to have one thing."""
    return people / span.customers if span.customers >= 5 * people else 0.0


def _address(dice: Dice, key: str, salt: str) -> dict[str, str]:
    """street, town and postcode (SQL) of the household `key`, in the country of the row."""

    def pick(values: tuple[str, ...], what: str) -> str:
        return dice.pick(values, f"{salt} {what}", key)

    number = f"1 + {dice.below(180, f'{salt} number', key)}"
    here = "country = 'United Kingdom'"
    town = dice.pick((f"{t}|{area}" for t, area in names.TOWNS.items()), f"{salt} town", key, common_first=True)
    inward = (
        f"{dice.below(10, f'{salt} inward', key)}, {pick(tuple('ABDEFGH'), 'l1')}, {pick(tuple('JLNPQRSTU'), 'l2')}"
    )
    code = f"concat(split({town}, '[|]')[1], 1 + {dice.below(20, f'{salt} outward', key)}, ' ', {inward})"
    abroad = lookup({country: "/".join(towns) for country, towns in names.FOREIGN_TOWNS.items()})
    choices = f"split(coalesce({abroad}[country], 'Central/Old Town/Port'), '/')"
    foreign = f"element_at({choices}, 1 + {dice.below(f'size({choices})', f'{salt} town', key)})"
    return {
        "street": f"concat({number}, ' ', {pick(names.STREETS, 'street')}, ' ', {pick(names.STREET_KINDS, 'kind')})",
        "town": f"IF({here}, split({town}, '[|]')[0], {foreign})",
        "postcode": f"IF({here}, {code}, {dice.digits(5, f'{salt} zip', key)})",
    }


def typo(column: str, rate: float, dice: Dice) -> str:
    """`column` with, at `rate`, two letters swapped or one dropped. Needs `key`."""
    at = f"(2 + {dice.below(f'(length({column}) - 2)', f'typo at {column}', 'key')})"
    before, one, two = f"left({column}, {at} - 1)", f"substr({column}, {at}, 1)", f"substr({column}, {at} + 1, 1)"
    swapped = f"concat({before}, {two}, {one}, substr({column}, {at} + 2))"
    dropped = f"concat({before}, substr({column}, {at} + 1))"
    slip = f"IF({dice.chance(0.5, f'typo kind {column}', 'key')}, {swapped}, {dropped})"
    return f"IF(length({column}) > 3 AND {dice.chance(rate, f'typo {column}', 'key')}, {slip}, {column})"


def _written(people: DataFrame, source: str, dice: Dice, no_email: float, no_phone: float) -> DataFrame:
    """The people as they or a clerk wrote them into `source`: adds key, late, w_given, w_surname, w_email, w_phone,
    w_street; one in eight by a nickname, one in twelve with another e-mail.
    """
    nick = f"coalesce({lookup(names.NICKNAMES)}[given], given)"
    keyed = with_sql(people, key=f"concat('{source}:', customer_id)", late="false")
    said = with_sql(
        keyed,
        said_given=f"IF({dice.chance(0.12, 'nickname', 'key')}, {nick}, given)",
        said_email=f"IF({dice.chance(0.08, 'other e-mail', 'key')}, second_email, email)",
    )
    slipped = with_sql(
        said,
        first=typo("said_given", 0.04, dice),
        last=typo("surname", 0.05, dice),
        w_street=typo("street", 0.05, dice),
        shouted=f"IF({dice.chance(0.05, 'upper case', 'key')}, upper(said_email), said_email)",
        swapped=dice.chance(0.02, "fields swapped", "key"),
    )
    return with_sql(
        slipped,
        w_given="IF(swapped, last, first)",
        w_surname="IF(swapped, first, last)",
        w_email=f"IF({dice.chance(no_email, 'no e-mail', 'key')}, NULL, shouted)",
        w_phone=f"IF({dice.chance(no_phone, 'no phone', 'key')}, NULL, {_phone(dice)})",
    )


def _phone(dice: Dice) -> str:
    """The number in one of the ways people write it, the first ones more often; abroad, with its country code."""
    ways = (
        "concat('0', left(phone, 4), ' ', right(phone, 6))",
        "concat('+44 ', left(phone, 4), ' ', right(phone, 6))",
        "concat('0', phone)",
        "concat('0044', phone)",
        "concat('(0', left(phone, 4), ') ', substr(phone, 5, 3), '-', right(phone, 3))",
    )
    some = f"element_at(array({', '.join(ways)}), 1 + int(pow({dice.u('phone format', 'key')}, 2) * {len(ways)}))"
    return f"IF(country = 'United Kingdom', {some}, {ways[1]})"


def crm_records(people: DataFrame, dice: Dice, span: Span) -> DataFrame:
    """One row per CRM record, key customer_no: of 85% of the customers, and of 3% a second one of before they moved."""
    listed = people.where(dice.chance(0.85, "crm", "customer_id"))
    changed = f"first_ts + ({span.last} - first_ts) * {dice.u('changed', 'customer_id')}"
    newest = with_sql(_written(listed, "crm", dice, 0.10, 0.15), at=changed)
    moved = with_sql(
        listed.where(dice.chance(0.03, "second record", "customer_id")),
        **_address(dice, "customer_id", "old address"),
    )
    older = with_sql(_written(moved, "crm-old", dice, 0.10, 0.15), at="first_ts")
    dummy = _common(max(36, span.customers // 200), span)
    own = f"IF(has_card AND {dice.chance(0.7, 'card in crm', 'key')}, card_no, NULL)"
    return with_sql(
        newest.unionByName(older),
        customer_no=f"concat('K', {dice.code('crm', 'key')})",
        crm_card=f"IF({dice.chance(dummy, 'dummy card', 'key')}, '{DUMMY_CARD}', {own})",
    )


def crm_feed(records: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One CSV line per CRM record."""
    fields = (
        *("customer_no", "w_given", "w_surname", "w_email", "w_phone", "w_street", "town", "postcode", "country"),
        *("date_format(born, 'dd/MM/yyyy')", "crm_card", *(f"IF({c}, 'Y', 'N')" for c in _consents(dice))),
        *(f"date_format({absurd_time('at', dice)}, 'dd/MM/yyyy HH:mm')", "'simulated'"),
    )
    return csv_feed(with_fates(records, dice, samples), _CRM_HEADER, fields, dice, ",", {14: BAD_TIME})


def _consents(dice: Dice) -> tuple[str, str, str]:
    """May be e-mailed, texted, profiled: the same in each system but for one record in twenty."""
    asked = f"IF({dice.chance(0.05, 'consent differs', 'key')}, key, customer_id)"
    email, sms, profiling = (f"consent {what}" for what in ("email", "sms", "profiling"))
    return dice.chance(0.70, email, asked), dice.chance(0.45, sms, asked), dice.chance(0.85, profiling, asked)


def account_feed(people: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per web account: everybody who ever ordered online."""
    online = _written(people.where("first_online IS NOT NULL"), "account", dice, 0.0, 0.15)
    opened = with_sql(online, at=f"first_online - make_dt_interval(0, 0, {dice.below(90, 'opened', 'key')})")
    email, sms, profiling = _consents(dice)
    fields = {
        "account_id": "account_id",
        "profile": "struct(w_given AS given, w_surname AS family)",
        "email": "w_email",
        "phone": "w_phone",
        "address": "struct(w_street AS street, town AS city, postcode, country)",
        "device_id": f"IF(has_app AND {dice.chance(0.9, 'device known', 'key')}, install_id, NULL)",
        "social": "concat(platform, ':', handle)",
        "consents": f"struct({email} AS email, {sms} AS sms, {profiling} AS profiling)",
        "updated_at": iso(absurd_time("at", dice)),
        "origin": "'simulated'",
    }
    return json_feed(with_fates(opened, dice, samples), fields, dice)


def card_feed(people: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One CSV line per loyalty card: everybody who ever showed one."""
    holders = _written(people.where("has_card"), "card", dice, 0.35, 0.25)
    issued = with_sql(holders, at=f"first_ts - make_dt_interval({dice.below(60, 'issued', 'key')})")
    day = f"date_format({absurd_time('at', dice)}, 'dd/MM/yyyy')"
    fields = ("card_no", "concat(w_given, ' ', w_surname)", "w_email", "w_phone", "postcode", day, "'simulated'")
    return csv_feed(with_fates(issued, dice, samples), _CARD_HEADER, fields, dice, ";", {5: "31/02/2011"})
