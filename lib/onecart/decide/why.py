"""Why a customer was contacted, held back or left out: from event over feature, score, rule and price to decision and outcome."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Campaign, Settings
from onecart.decide.decision_log import TABLE as LOG
from onecart.errors import UsageError, nearest
from onecart.facts.horizons import horizons
from onecart.frames import begin_of
from onecart.lake import Lake

_DECISIONS, _EVENTS, _ORDERS = 20, 5, 5  # shown at most, the newest
_FEATURES = ("days_since_order", "days_since_visit", "orders_365d", "visits_28d", "cart_adds_28d", "average_basket")
_EVENT = ("event_ts", "channel", "event_type", "sku", "query", "order_id", "campaign")
_SCORE = ("probability", "horizon_days", "decile", "reasons", "model_version")
_PLAN = (
    "considered",
    "treated",
    "control",
    "budget",
    "spent",
    "gap",
    "price_of_budget",
    "price_of_contact",
    "price_of_consent",
)


def to_dict(lake: Lake, settings: Settings, customer_id: str, campaign: str | None = None) -> dict[str, Any]:
    """What was decided about a customer, newest first, as values for JSON.

    customer_id, decisions: rows of gold.decision_log, at most 20, those of campaigns with events, features, score, rule, plan
    and outcome; tables: the versions of the tables that the run had read. not_considered: campaign of the settings -> why its
    run did not ask about the customer. UsageError: no such customer or campaign, or nothing was decided yet.
    """
    campaigns = settings.decide.running
    profiles = lake.read("gold.customer_profile")
    profile = profiles.where(F.col("customer_id") == customer_id).first()
    if profile is None:
        raise UsageError(_unknown(lake, profiles, customer_id))
    if not lake.exists(LOG):
        raise UsageError(f"nothing has been decided in {lake.root} yet; run `onecart run decide`")
    log = lake.read(LOG)
    mine = log.where(F.col("customer_id") == customer_id)
    if campaign is not None:
        mine = mine.where((F.col("kind") == "campaign") & (F.col("subject") == campaign))
    rows = mine.orderBy(F.desc("as_of"), "kind", "subject").limit(_DECISIONS).collect()
    if campaign is not None and not rows and campaign not in campaigns:
        known = {row[0] for row in log.where("kind = 'campaign'").select("subject").distinct().limit(100).collect()}
        raise UsageError(f"no campaign '{campaign}'{nearest(campaign, known | {*campaigns})}")
    segment = _first(lake, "gold.segments", F.col("customer_id") == customer_id, ("segment", "as_of"))
    asked = {row["subject"] for row in rows if row["kind"] == "campaign"}
    wanted = {name: one for name, one in campaigns.items() if name not in asked and campaign in (None, name)}
    runs = {run: _tables(lake, run) for run in {row["run_id"] for row in rows}}
    zone = settings.shop.time_zone
    days = {row["as_of"]: _known_on(lake, customer_id, row["as_of"], zone) for row in rows if row["kind"] == "campaign"}
    newest: Any = lake.read_if_exists("gold.customer_orders").agg(F.max("order_ts")).first()

    def decision(row: dict[str, Any]) -> dict[str, Any]:
        found = {**row, "tables": runs[row["run_id"]]}
        if row["kind"] == "campaign":
            found |= days[row["as_of"]] | _of_campaign(lake, row, campaigns.get(row["subject"]), segment)
            found["outcome"] = _outcome(lake, settings, row, newest[0])
        return dict(_plain(found))

    return {
        "customer_id": customer_id,
        "decisions": [decision(row.asDict()) for row in rows],
        "not_considered": {name: _not_considered(one, segment) for name, one in wanted.items()},
    }


def _unknown(lake: Lake, profiles: DataFrame, customer_id: str) -> str:
    some = ", ".join(row[0] for row in profiles.select("customer_id").limit(3).collect())
    return (
        f"no customer '{customer_id}' in {lake.root}; give a customer_id of gold.customer_profile, such as {some}; "
        "`onecart show profile` finds it by a record"
    )


def _not_considered(campaign: Campaign, segment: Mapping[str, Any]) -> str:
    theirs = segment.get("segment")
    if campaign.segments and theirs not in campaign.segments:
        return f"it is for {', '.join(campaign.segments)}, the customer is {theirs or 'in no segment'}"
    if campaign.where is not None:
        return f"its condition does not hold: {campaign.where}"
    return "no run of decide has asked about the customer yet"


def _known_on(lake: Lake, customer_id: str, as_of: date, zone: str) -> dict[str, Any]:
    """What was known of the customer on that day, whatever was decided."""
    mine = F.col("customer_id") == customer_id
    on_day = mine & (F.col("as_of") == F.lit(as_of))
    before = F.col("event_ts") < begin_of(as_of, zone)
    return {
        "events": _rows(lake, "gold.customer_events", mine & before, _EVENT, F.desc("event_ts"), _EVENTS),
        "features": _first(lake, "gold.customer_features", on_day, _FEATURES),
        "score": _first(lake, "gold.intent_scores", on_day, _SCORE),
    }


def _of_campaign(
    lake: Lake, row: Mapping[str, Any], campaign: Campaign | None, segment: Mapping[str, Any]
) -> dict[str, Any]:
    """The rule, offer and plan that led to the decision."""
    run = (F.col("campaign") == row["subject"]) & (F.col("as_of") == F.lit(row["as_of"]))
    mine = F.col("customer_id") == row["customer_id"]
    return {
        "rule": _rule(campaign, segment if segment.get("as_of") == row["as_of"] else {}),
        "offer": _first(lake, "gold.campaign_audience", run & mine, ("uplift", "cost", "sku", "currency")),
        "plan": _first(lake, "gold.campaign_plan", run, _PLAN),
    }


def _rule(campaign: Campaign | None, segment: Mapping[str, Any]) -> dict[str, Any]:
    if campaign is None:
        return {"segment": segment.get("segment"), "campaign": "no longer in the settings"}
    return {"segment": segment.get("segment"), "segments": [*campaign.segments], "where": campaign.where}


def _outcome(lake: Lake, settings: Settings, row: Mapping[str, Any], newest: datetime | None) -> dict[str, Any]:
    """What the customer bought from the contact on (held back or left out: from as_of on) within the campaign's days; complete:
    the `newest` order of all is of after that."""
    zone = settings.shop.time_zone
    days = horizons(settings.decide).get(row["subject"], settings.measure.horizon_days)
    begin = F.lit(row["send_ts"]) if row["send_ts"] else begin_of(row["as_of"], zone)
    end = begin_of(row["as_of"] + timedelta(days=days), zone)
    within = (F.col("order_ts") >= begin) & (F.col("order_ts") < end) & ~F.col("is_return")
    lines = lake.read_if_exists("gold.customer_orders").where((F.col("customer_id") == row["customer_id"]) & within)
    after = F.coalesce(F.lit(newest).cast("timestamp") >= end, F.lit(False))
    sums: Any = lines.agg(F.count_distinct("order_id"), F.sum("amount"), F.min("order_ts")).select("*", after).first()
    return {"horizon_days": days, "orders": sums[0], "amount": sums[1], "first_order_ts": sums[2], "complete": sums[3]}


def _tables(lake: Lake, run_id: str) -> dict[str, int]:
    """Table -> version that the run had read."""
    row = _first(lake, "ops.runs", F.col("run_id") == run_id, ("inputs",))
    return dict(sorted((row.get("inputs") or {}).items()))


def _first(lake: Lake, table: str, where: Column, columns: Sequence[str]) -> dict[str, Any]:
    rows = _rows(lake, table, where, columns, None, 1)
    return rows[0] if rows else {}


def _rows(
    lake: Lake, table: str, where: Column, columns: Sequence[str], order: Column | None, limit: int
) -> list[dict[str, Any]]:
    if not lake.exists(table):
        return []
    rows = lake.read(table).where(where)
    rows = rows.orderBy(order) if order is not None else rows
    return [row.asDict() for row in rows.select(*columns).limit(limit).collect()]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def text(view: Mapping[str, Any]) -> str:
    """The dict of `to_dict` as readable text."""
    lines = [f"customer {view['customer_id']}"]
    for one in view["decisions"]:
        lines += ["", *_lines(one)]
    for name, why in view["not_considered"].items():
        lines += ["", f"  campaign {name}: not contacted, because {why}"]
    if len(lines) == 1:
        lines += ["", "  nothing was decided about this customer"]
    return "\n".join(lines)


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    said = {"treated": "contacted", "control": "not contacted, because held back", "excluded": "not contacted"}
    yield f"  {one['kind']} {one['subject']} on {one['as_of']}: {said.get(one['decision'], one['decision'])}"
    because = ", because the customer " if one["decision"] == "excluded" else ": "
    yield f"    decision    {said.get(one['decision'], one['decision'])}{because}{one['reason']}"
    if one["kind"] == "campaign":
        for event in one["events"]:
            what = " ".join(str(event[name]) for name in ("event_type", "sku", "query", "order_id") if event[name])
            yield f"    event       {event['event_ts']}  {event['channel']}  {what}"
        if features := {name: value for name, value in one["features"].items() if value is not None}:
            yield f"    features    {', '.join(f'{name} {value:g}' for name, value in features.items())}"
        yield from _score(one["score"])
        yield f"    rule        {_words(one['rule'])}"
        if one["offer"]:
            yield f"    offer       {one['action']} by {one['channel']}: {_words(one['offer'])}"
        if one["plan"]:
            yield f"    price       {_words(one['plan'])}"
        outcome = one["outcome"]
        bought = f"{outcome['orders']} orders, {outcome['amount'] or 0}" if outcome["orders"] else "no order"
        how = "" if outcome["complete"] else "so far, not all orders are there: "
        yield f"    outcome     {how}{bought} within {outcome['horizon_days']} days"
    yield f"    sent        {one['send_ts'] or 'no'}; probability of this decision {one['propensity']:g}; by {one['policy']}"
    made = ", ".join(f"{model} {version}" for model, version in one["versions"].items())
    yield f"    versions    run {one['run_id']}{'; ' + made if made else ''}"
    if one["tables"]:
        yield f"    tables      {', '.join(f'{name} v{version}' for name, version in one['tables'].items())}"


def _score(score: Mapping[str, Any]) -> Iterator[str]:
    if not score:
        yield "    score       none"
        return
    yield (
        f"    score       {score['probability']:.1%} likely to buy within {score['horizon_days']} days, decile "
        f"{score['decile']} ({score['model_version']})"
    )
    for reason in score["reasons"] or ():
        yield f"                {reason}"


def _words(values: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in values.items() if value not in (None, [])}
    parts = (
        f"{name.replace('_', ' ')} {value:,.4g}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in shown.items()
    )
    return ", ".join(parts) or "everybody"
