"""Whose files these are: country, currency, time zone; which ids name the same persons; whether a feed is a store's."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import phonenumbers

from onecart.facts.countries import code_of
from onecart.onboarding.asking import Asker
from onecart.onboarding.profiling.kinds import Profile
from onecart.onboarding.profiling.sample import Feed
from onecart.onboarding.synonyms import words

# Country -> currency, time zone (of most of its people).
COUNTRIES: dict[str, tuple[str, str]] = {
    "GB": ("GBP", "Europe/London"),
    "DE": ("EUR", "Europe/Berlin"),
    "AT": ("EUR", "Europe/Vienna"),
    "CH": ("CHF", "Europe/Zurich"),
    "FR": ("EUR", "Europe/Paris"),
    "BE": ("EUR", "Europe/Brussels"),
    "NL": ("EUR", "Europe/Amsterdam"),
    "ES": ("EUR", "Europe/Madrid"),
    "IT": ("EUR", "Europe/Rome"),
    "IE": ("EUR", "Europe/Dublin"),
    "PL": ("PLN", "Europe/Warsaw"),
    "MX": ("MXN", "America/Mexico_City"),
    "US": ("USD", "America/New_York"),
    "CA": ("CAD", "America/Toronto"),
    "AU": ("AUD", "Australia/Sydney"),
    "JP": ("JPY", "Asia/Tokyo"),
}
# Words of headers that one language has -> the country that speaks it most.
_LANGUAGES = {
    "DE": "menge preis einzelpreis datum kunde kundennr kundennummer artikel artikelnr bestellnr bestelldatum bezeichnung vorname nachname plz ort anzahl belegnr",
    "FR": "quantite prix commande client prenom produit libelle designation ville adresse montant",
    "ES": "cantidad precio pedido cliente fecha nombre apellidos producto descripcion direccion ciudad importe",
}
_STORE = {
    *("store", "stores", "receipt", "receipts", "till", "pos", "shop floor", "kasse", "kassen", "bon", "bons", "beleg", "belege", "belegnr", "bonnr"),
    *("filiale", "filialen", "laden", "magasin", "caisse", "tienda", "caja", "basket", "baskets", "店舗", "レジ", "レシート"),
}  # fmt: skip
_POUNDS = re.compile(r"^[0-9.]+ ?(LB|OZ|FL OZ|lbs?|oz)\b")
_PERSONS = {"customer_id": "customer", "account_id": "account", "card_id": "card"}


@dataclass
class Shop:
    country: str = ""
    currency: str = ""
    time_zone: str = "UTC"
    channels: dict[str, str] = field(default_factory=dict)
    presumed_consent: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)


def guess(feeds: Iterable[tuple[Feed, Mapping[str, Profile]]], asker: Asker) -> Shop:
    """The shop's country by what its files say, in this order: currencies, countries, telephone codes, language."""
    votes, reasons, money = Counter[str](), dict[str, str](), Counter[str]()
    for feed, profiles in feeds:
        for country, why in _evidence(feed, profiles):
            votes[country] += 1
            reasons.setdefault(country, why)
        money.update(_currencies(profiles))
    for country, (currency, _) in COUNTRIES.items():
        if money and money.most_common(1)[0][0] == currency:
            votes[country] += 1 if currency != "EUR" or country in votes else 0
            reasons.setdefault(country, f"prices in {currency}")
    ranked = [c for c, _ in votes.most_common()]
    sure = len(ranked) == 1 or (len(ranked) > 1 and votes[ranked[0]] > votes[ranked[1]])
    options = [*ranked, *(c for c in COUNTRIES if c not in ranked)] if ranked else list(COUNTRIES)
    shown = [f"{c} ({COUNTRIES[c][1]}, {COUNTRIES[c][0]})" for c in options]
    if not ranked:
        shown, options = ["not said: times are UTC", *shown], ["", *options]
    country = options[asker.choose("shop.country", "Where is the shop?", shown, sure=sure)]
    currency, zone = COUNTRIES.get(country, (money.most_common(1)[0][0] if money else "", "UTC"))
    if money and currency not in money:
        currency = money.most_common(1)[0][0]
    if not currency:
        known = list(dict.fromkeys(["EUR", "USD", "GBP", *(c[0] for c in COUNTRIES.values())]))
        currency = known[asker.choose("shop.currency", "No file says the currency", known, sure=False)]
    shop = Shop(country, currency, zone, why={"country": reasons.get(country, "a guess")})
    if country in ("US", "CA", "AU", "MX"):
        asker.choose("shop.time_zone", f"{country} has several time zones", [zone, "edit it in the file"], sure=False)
    return shop


def _evidence(feed: Feed, profiles: Mapping[str, Profile]) -> Iterable[tuple[str, str]]:
    said = {w for p in profiles.values() for w in words(p.field.header)}
    if any("\u3040" <= c <= "\u30ff" or "\u4e00" <= c <= "\u9fff" for w in said for c in w):
        yield "JP", f"Japanese headers of {feed.name}"
    for country, known in _LANGUAGES.items():
        if len(hits := said & set(known.split())) >= 2:
            yield country, f"headers like {', '.join(sorted(hits)[:3])}"
    for one in profiles.values():
        top, share = one.top
        if one.common and sum(bool(_POUNDS.search(t)) for t in one.common) > 0.5 * len(one.common):
            yield "US", f"{one.field.header} is in pounds and ounces"
        if share > 0.5 and set(words(one.field.called[0])) & {"country", "land", "pays", "pais", "国"}:
            code = code_of(top)
            if code in COUNTRIES:
                yield code, f"{one.field.header} is mostly {top}"
        if one.of("phone") > 0.8:
            codes = Counter(map(_of_number, one.common))
            code, n = codes.most_common(1)[0]
            if code in COUNTRIES and n > 0.5 * codes.total():
                yield code, f"telephone numbers are of {code}"


def _of_number(phone: str) -> str | None:
    """The country of a telephone number that says it; numbers of +1 are of the country their area is in."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    main = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return phonenumbers.region_code_for_number(number) or main


def _currencies(profiles: Mapping[str, Profile]) -> Counter[str]:
    from onecart.onboarding.profiling.formats import SIGNS

    found, known = Counter[str](), {c[0] for c in COUNTRIES.values()}
    for one in profiles.values():
        if one.of("currency") > 0.9 and {SIGNS.get(t, t) for t in one.seen} <= known:
            found[SIGNS.get(one.top[0], one.top[0])] += 2
        for sign in one.numbers.signs if one.numbers and one.of("money") > 0.9 else ():
            found[SIGNS[sign]] += 1
        for word in words(one.field.header):
            if word.upper() in known:
                found[word.upper()] += 1
    found.pop("", None)
    return found


def channel(feed: Feed, profiles: Mapping[str, Profile], asker: Asker) -> tuple[str, str]:
    """(name, kind) of the channel a feed without a field for it comes from."""
    headers = {w for one in profiles.values() for w in words(one.field.header)}
    said = {*words(feed.name), *words(" ".join(p.stem for p in feed.paths[:1])), *headers}
    store = bool(said & _STORE) or any(k in w for w in said for k in ("店舗", "レシート"))
    app = "app" in said
    kinds = [("store", "store"), ("web", "online"), ("app", "app")]
    kinds = [kinds[2], *kinds[:2]] if app else kinds if store else [kinds[1], kinds[0], kinds[2]]
    sure = store or app or bool(said & {"web", "online", "shop", "ship", "shipping", "cookie", "session", "url"})
    return kinds[asker.choose(f"{feed.name}.channel", "Where were these sold?", [k[0] for k in kinds], sure=sure)]


def is_store(name: str) -> bool:
    """Whether a channel of this name is a store."""
    return bool({*words(name)} & _STORE)


def presumed_consent(asker: Asker) -> list[str]:
    """The purposes that hold without a word, of a shop whose files have none about profiling."""
    options = ["nobody, so all get what is popular", "all may be profiled, on another legal ground than consent"]
    question = "No field says who agreed to profiling"
    return ["profiling"] if asker.choose("privacy.presumed_consent", question, options, sure=False) else []


def id_spaces(found: Mapping[tuple[str, str], Profile], asker: Asker) -> dict[tuple[str, str], str]:
    """(feed, concept) -> the word before its ids. Ids of one kind that name the same persons have one word in all feeds."""
    spaces: dict[tuple[str, str], str] = {}
    for key, one in found.items():
        feed, concept = key
        spaces[key] = _PERSONS[concept]
        for other, other_one in found.items():
            if other not in spaces or other == key or other[0] == feed:
                continue
            same_name, shared = other[1] == concept, _overlap(one, other_one)
            if same_name and not shared and _looks(one) != _looks(other_one):
                question = f"{one.field.header} and {other_one.field.header} of {other[0]} share no value"
                if asker.choose(f"{feed}.record_id", question, ["ids of two systems", "the same ids"], sure=False) == 0:
                    spaces[key] = f"{_PERSONS[concept]}_{feed}"
            elif not same_name and shared > 0.5:
                question = f"{one.field.header} has the values of {other_one.field.header} of {other[0]}"
                sure = _looks(one) != "digits"
                if asker.choose(f"{feed}.record_id", question, ["the same persons", "different ids"], sure=sure) == 0:
                    spaces[key] = spaces[other]
    return spaces


def _overlap(one: Profile, other: Profile) -> float:
    return len(one.seen & other.seen) / max(1, min(len(one.seen), len(other.seen)))


def _looks(one: Profile) -> str:
    return "digits" if all(t.isdigit() for t in one.common) else "letters"
