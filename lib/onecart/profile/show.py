"""The single view of one customer, with the evidence of each link."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.lake import Lake
from onecart.profile import history
from onecart.profile.waterfall import waterfall

_SHOWN = 200  # records listed at most; a customer may have thousands of cookies
_LINKS = 30  # links explained at most, and refused ones
_SECTIONS = {
    "basic information": (
        *("given_name", "surname", "email", "phone", "street", "city", "postcode", "country", "date_of_birth"),
    ),
    "purchases": ("orders", "units", "revenue", "currency", "average_basket", "recency_days", "rfm", "top_categories"),
    "lifetime value": ("p_alive", "expected_orders_90d", "lifetime_value_12m"),
    "channels and habits": (
        *("records", "channels", "first_seen_ts", "last_seen_ts", "visits", "preferred_channel", "preferred_hour"),
        *("tickets", "reviews"),
    ),
}
_SAID_ELSEWHERE = ("rfm_r", "rfm_f", "rfm_m", "consent_email", "consent_sms", "consent_profiling")


def show(lake: Lake, customer_id: str, as_of: date | None = None) -> str:
    """`to_dict` as readable text."""
    return text(to_dict(lake, customer_id, as_of))


def to_dict(lake: Lake, customer_id: str, as_of: date | None = None) -> dict[str, Any]:
    """What is known of a customer, as values for JSON.

    `customer_id` may also be a record_id, as in card:123. UsageError: neither is known.
    customer_id, profile (empty for a visitor), consents, interests (at most 10), provenance (attribute -> where its
    value is from), record_count, records (at most 200), and of the links that evidence made: link_count, links and
    refused, the strongest 30 of each with their evidence; empty where no evidence was kept.
    With `as_of`: customer_id, as_of, valid_from, valid_to, change and profile, as the history has them for that day.
    """
    links, profiles = lake.read("gold.identity_links"), lake.read("gold.customer_profile")
    found = (
        links.where((F.col("customer_id") == customer_id) | (F.col("record_id") == customer_id))
        .select("customer_id")
        .first()
    )
    if as_of:
        return _then(lake, found[0] if found else customer_id, as_of)
    if found is None:
        raise _unknown(lake, customer_id, profiles)
    is_mine = F.col("customer_id") == found[0]
    mine = links.where(is_mine).select("record_id", "probability", "rule")
    profile = profiles.where(is_mine).drop("customer_id").first()
    provenance = _rows(lake, "gold.profile_provenance", is_mine, "attribute")
    return {
        "customer_id": found[0],
        "profile": {name: _plain(value) for name, value in profile.asDict().items()} if profile else {},
        "consents": _rows(lake, "gold.customer_consent", is_mine, "purpose", "channel"),
        "interests": _rows(lake, "gold.customer_affinity", is_mine, F.desc("score"), "dimension", "value", limit=10),
        "provenance": {row.pop("attribute"): row for row in provenance},
        "record_count": mine.count(),
        "records": [r.asDict() for r in mine.orderBy(F.desc("probability"), "record_id").limit(_SHOWN).collect()],
        **_evidence(lake, mine.select("record_id")),
    }


def text(view: Mapping[str, Any]) -> str:
    """The dict of `to_dict` as readable text."""
    lines = [f"customer {view['customer_id']}" + (f" on {view['as_of']}" if "valid_from" in view else "")]
    if "valid_from" in view:
        until = f"to {view['valid_to']}, {view['change']}" if view["valid_to"] else f"on, {view['change']}"
        lines += [f"  so from {view['valid_from']} {until}", ""]
        return "\n".join([*lines, *_fields(view["profile"], view["profile"], {})])
    if not view["profile"]:
        lines += ["", "  a visitor: no contact, account, card or order, so no profile"]
    listed = {n for names in _SECTIONS.values() for n in names} | set(_SAID_ELSEWHERE)
    sections = {**_SECTIONS, "more": tuple(n for n in view["profile"] if n not in listed)}
    for title, names in sections.items():
        fields = list(_fields(view["profile"], names, view["provenance"]))
        lines += ["", f"  {title}", *fields] if fields else []
    lines += list(_consents(view)) if view["profile"] else []
    lines += ["", f"  {view['record_count']:,} records"]
    width = max(len(r["record_id"]) for r in view["records"])
    lines += [f"    {r['record_id']:<{width}}  {r['probability']:.2f}  {r['rule']}" for r in view["records"]]
    if view["record_count"] > len(view["records"]):
        lines.append(f"    and {view['record_count'] - len(view['records']):,} more")
    return "\n".join([*lines, *_links(view)])


def _then(lake: Lake, customer_id: str, day: date) -> dict[str, Any]:
    if not lake.exists(history.TABLE):
        raise UsageError(f"no history of profiles in {lake.root} yet; run `onecart run unify`")
    row = history.as_of(lake, day).where(F.col("customer_id") == customer_id).first()
    if row is None:
        known = lake.read(history.TABLE).where(F.col("customer_id") == customer_id)
        first = known.agg(F.min("valid_from"), F.max("valid_to")).first()
        since = f"its history begins {first[0]}" if first and first[0] else f"{history.TABLE} has no such customer"
        raise UsageError(f"nothing is known of '{customer_id}' on {day}: {since}; give a later day, or another id")
    values = {name: _plain(row[name]) for name in history.TRACKED}
    frame = {
        name: _plain(row[name]) for name in ("customer_id", "valid_from", "valid_to", "change", "into_customer_id")
    }
    return {**frame, "as_of": str(day), "profile": values}


def _unknown(lake: Lake, customer_id: str, profiles: DataFrame) -> UsageError:
    if lake.exists(history.TABLE):
        was = lake.read(history.TABLE).where((F.col("customer_id") == customer_id) & F.col("valid_to").isNotNull())
        last = was.orderBy(F.desc("valid_to")).first()
        if last:
            into = f" into {last.into_customer_id}" if last.into_customer_id else ""
            return UsageError(
                f"customer '{customer_id}' is {last.change}{into} since {last.valid_to}; give that id, or an earlier --as-of"
            )
    some = ", ".join(r[0] for r in profiles.select("customer_id").limit(3).toLocalIterator())
    return UsageError(
        f"no customer or record '{customer_id}' in {lake.root}; give a customer_id or record_id of the table "
        f"gold.identity_links, such as {some or '(it has none yet: run `onecart run unify`)'}"
    )


def _rows(lake: Lake, table: str, mine: Column, *order: str | Column, limit: int = 100) -> list[dict[str, Any]]:
    """The customer's rows of a table, without those columns that say again whose they are and of when."""
    if not lake.exists(table):
        return []
    rows = lake.read(table).where(mine).orderBy(*order).limit(limit).drop("customer_id", "as_of").collect()
    return [{name: _plain(value) for name, value in row.asDict().items()} for row in rows]


def _evidence(lake: Lake, records: DataFrame) -> dict[str, Any]:
    """link_count, links (both records the customer's) and refused (one of them at least) of gold.identity_edges."""
    if not lake.exists("gold.identity_edges"):
        return {"link_count": 0, "links": [], "refused": []}
    ends = [records.withColumnRenamed("record_id", end).withColumn(f"{end}_mine", F.lit(True)) for end in _ENDS]
    edges = lake.read("gold.identity_edges")
    for end, name in zip(ends, _ENDS, strict=True):
        edges = edges.join(F.broadcast(end), name, how="left")
    near = edges.where("record_a_mine OR record_b_mine").transform(break_lineage)
    links = near.where("accepted AND record_a_mine AND record_b_mine")
    return {
        "link_count": links.count(),
        "links": _strongest(links),
        "refused": _strongest(near.where("NOT accepted")),
    }


_ENDS = ("record_a", "record_b")


def _strongest(edges: DataFrame) -> list[dict[str, Any]]:
    columns = (*_ENDS, "rules", "weight", "probability", "reason", "evidence")
    rows = edges.orderBy(F.desc("weight"), *_ENDS).select(*columns).limit(_LINKS).collect()
    return [row.asDict(recursive=True) for row in rows]


def _fields(profile: Mapping[str, Any], names: Any, provenance: Mapping[str, Any]) -> Iterator[str]:
    for name in names:
        if (value := profile.get(name)) not in (None, []):
            yield f"    {name.replace('_', ' '):<20}{_words(value):<32}{_origin(provenance.get(name))}".rstrip()


def _origin(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    over = f" over {found['candidates']:,} other{'s' if found['candidates'] > 1 else ''}" if found["candidates"] else ""
    return f"{found['record_id']}, {found['rule']}{over}"


def _consents(view: Mapping[str, Any]) -> Iterator[str]:
    if view["consents"]:
        yield from ("", "  consents")
    for said in view["consents"]:
        name = said["purpose"] if said["channel"] == "any" else f"{said['purpose']} by {said['channel']}"
        whose = f"{said['record_id']}, {said['updated_ts'][:10]}" if said["record_id"] else "nobody was asked"
        yield f"    {name:<20}{_words(said['granted']):<32}{whose}"
    if view["interests"]:
        yield from ("", "  interests")
        for row in view["interests"]:
            yield f"    {row['dimension']:<20}{row['value']:<32}{row['score']:>4.0%}  {'█' * round(30 * row['score'])}".rstrip()
    elif not view["profile"].get("consent_profiling"):
        yield from ("", "  interests are not derived: no consent to profiling")


def _links(view: Mapping[str, Any]) -> Iterator[str]:
    if view["links"]:
        yield from ("", "  why they are linked (evidence in bits: +1 doubles the odds, -1 halves them)")
        for edge in view["links"]:
            yield from waterfall(edge)
        if view["link_count"] > len(view["links"]):
            yield f"    and {view['link_count'] - len(view['links']):,} more links"
    if view["refused"]:
        yield from ("", "  refused")
        for edge in view["refused"]:
            yield from waterfall(edge)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | list) else str(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.3f}"
    return ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else value
