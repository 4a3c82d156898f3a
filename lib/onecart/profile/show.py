"""The single view of one customer, with the evidence of each link."""

from typing import Any

from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.lake import Lake

_SHOWN = 200  # records listed at most; a customer may have thousands of cookies


def show(lake: Lake, customer_id: str) -> str:
    """The profile as readable text: what is known, then each record, the rule that links it and its probability.

    `customer_id` may also be a record_id, as in card:123. UsageError: neither is known.
    """
    view = to_dict(lake, customer_id)
    profile = {name: value for name, value in view["profile"].items() if value not in (None, [])}
    lines = [f"customer {view['customer_id']}", ""]
    lines += [f"  {name.replace('_', ' '):<20}{_words(value)}" for name, value in profile.items()]
    if not profile:
        lines.append("  a visitor: no contact, account, card or order, so no profile")
    lines += ["", f"  {view['record_count']:,} records"]
    width = max(len(r["record_id"]) for r in view["records"])
    lines += [f"    {r['record_id']:<{width}}  {r['probability']:.2f}  {r['rule']}" for r in view["records"]]
    if view["record_count"] > len(view["records"]):
        lines.append(f"    and {view['record_count'] - len(view['records']):,} more")
    return "\n".join(lines)


def to_dict(lake: Lake, customer_id: str) -> dict[str, Any]:
    """The same as values for JSON: customer_id, profile (empty for a visitor), record_count, records (at most 200)."""
    links, profiles = lake.read("gold.identity_links"), lake.read("gold.customer_profile")
    found = (
        links.where((F.col("customer_id") == customer_id) | (F.col("record_id") == customer_id))
        .select("customer_id")
        .first()
    )
    if found is None:
        some = ", ".join(r[0] for r in profiles.select("customer_id").limit(3).toLocalIterator())
        raise UsageError(
            f"no customer or record '{customer_id}' in {lake.root}; give a customer_id or record_id of the table "
            f"gold.identity_links, such as {some or '(it has none yet: run `onecart run unify`)'}"
        )
    mine = links.where(F.col("customer_id") == found[0]).drop("customer_id")
    profile = profiles.where(F.col("customer_id") == found[0]).drop("customer_id").first()
    listed = mine.orderBy(F.desc("probability"), "record_id").limit(_SHOWN).toLocalIterator()
    return {
        "customer_id": found[0],
        "profile": {name: _plain(value) for name, value in profile.asDict().items()} if profile else {},
        "record_count": mine.count(),
        "records": [r.asDict() for r in listed],
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | list) else str(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else value
