"""The records to link: every contact, and everything else that acted in a channel."""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

KEY_COLUMNS = (
    "given_name",
    "surname",
    "email",
    "phone",
    "street",
    "city",
    "postcode",
    "date_of_birth",
    "card_id",
    "account_id",
    "device_id",
    "cookie_id",
    "handle",
)
CONSENTS = ("consent_matching", "consent_profiling", "consent_email", "consent_sms")
_SEEN = ("card_id", "account_id", "device_id", "cookie_id", "handle", "email", "phone")


def seen_keys(interactions: DataFrame, orders: DataFrame, reviews: DataFrame, tickets: DataFrame) -> DataFrame:
    """Facts of silver -> one row per record_id and combination of keys it was seen with; `ordered`: in an order."""
    facts = [
        interactions.select("record_id", "account_id", "device_id", "cookie_id", "handle"),
        orders.select("record_id", "account_id", "device_id", "card_id", F.lit(True).alias("ordered")),
        reviews.select("record_id", "account_id"),
        tickets.select("record_id", "email", "phone"),
    ]
    together = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), facts)
    return together.where("record_id IS NOT NULL").groupBy("record_id", *_SEEN).agg(_any("ordered"))


def build_records(contacts: DataFrame, seen: DataFrame) -> DataFrame:
    """One row per record of any channel, key `record_id`: KEY_COLUMNS and CONSENTS, as `identity.link` takes them,
    `known` and `representative`.

    `contacts`: silver.contacts; `seen`: of `seen_keys`. Contacts come as they are; any other record_id that acted (a
    cookie, an app installation, a card without a holder's details, a social handle, a ticket) gets a row with the keys
    seen on it. A cookie or device gets the account that was logged in on it, if it was one account only: one used by
    several accounts links nobody, the accounts' own contact records included.
    `known`: the record is a contact, has an account or a card, or placed an order; false: an anonymous visitor.
    `representative`: the record whose link this one takes, mostly itself. Each ticket is a record of its own, so a customer
    who writes often would push the own e-mail over `identity.max_records_per_key` and lose every link by it: of tickets
    with the same e-mail and phone only two are linked, and the others take the first one's link.
    An account whose contact record refuses a purpose refuses it for its cookies and devices as well.
    """
    pairs = seen.select("account_id", "cookie_id", "device_id").unionByName(
        contacts.select("account_id", "device_id"), allowMissingColumns=True
    )
    cookies, devices = _owners(pairs, "cookie_id"), _owners(pairs, "device_id")
    people = contacts.transform(_drop_shared, devices=devices).withColumn("known", F.lit(True))
    carriers = (
        seen.join(contacts.select("record_id"), "record_id", how="left_anti")
        .transform(_per_record)
        .join(cookies.withColumnRenamed("owner", "cookie_owner"), "cookie_id", how="left")
        .join(devices.withColumnRenamed("owner", "device_owner"), "device_id", how="left")
        .withColumn("account_id", F.coalesce("account_id", "cookie_owner", "device_owner"))
        .withColumn("known", F.expr("ordered OR account_id IS NOT NULL OR card_id IS NOT NULL"))
        .transform(_with_consents, contacts=contacts)
    )
    records = people.unionByName(carriers, allowMissingColumns=True).select(
        "record_id", *KEY_COLUMNS, *CONSENTS, "known"
    )
    return records.transform(_with_stand_in)


def _with_consents(carriers: DataFrame, *, contacts: DataFrame) -> DataFrame:
    """Carriers with the consents of the account they belong to: false where any of its contact records says so."""
    said = contacts.where("account_id IS NOT NULL").groupBy("account_id").agg(*[F.min(c).alias(c) for c in CONSENTS])
    return carriers.join(said, "account_id", how="left")


def _with_stand_in(records: DataFrame) -> DataFrame:
    is_ticket = ~F.col("known") & F.coalesce("email", "phone").isNotNull()  # no other anonymous record has these
    alike = Window.partitionBy("email", "phone")
    place = F.row_number().over(alike.orderBy("record_id"))
    representative = F.when(place > 2, F.min("record_id").over(alike)).otherwise(F.col("record_id"))
    tickets = records.where(is_ticket).withColumn("representative", representative)
    return records.where(~is_ticket).withColumn("representative", F.col("record_id")).unionByName(tickets)


def _per_record(seen: DataFrame) -> DataFrame:
    """One row per record: the keys of which it showed one value only."""
    # What a logged-in account uses is evidence about the cookie or device, not a key of the account: it may use many.
    anonymous = F.col("account_id").isNull()
    own = seen.withColumns({c: F.when(anonymous, F.col(c)) for c in ("cookie_id", "device_id")})
    return own.groupBy("record_id").agg(*[_only_value(c).alias(c) for c in _SEEN], _any("ordered"))


def _owners(pairs: DataFrame, carrier: str) -> DataFrame:
    """One row per cookie or device that an account used: `owner` is that account, null where there are several."""
    used = pairs.where(F.col(carrier).isNotNull() & F.col("account_id").isNotNull())
    return used.groupBy(carrier).agg(_only_value("account_id").alias("owner"))


def _drop_shared(contacts: DataFrame, *, devices: DataFrame) -> DataFrame:
    """Contacts without the device_id of a device that several accounts use."""
    shared = devices.where("owner IS NULL").select("device_id", F.lit(True).alias("shared"))
    return contacts.join(shared, "device_id", how="left").withColumn("device_id", F.expr("if(shared, null, device_id)"))


def _only_value(column: str) -> Column:
    return F.when(F.min(column) == F.max(column), F.min(column))


def _any(column: str) -> Column:
    return F.coalesce(F.max(column), F.lit(False)).alias(column)
