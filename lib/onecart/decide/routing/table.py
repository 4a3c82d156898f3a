"""gold.ticket_routing: the tickets that wait, in the order in which they are answered, and by whom."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.contracts.quality import HAPPENED
from onecart.decide.decision_log import ROUTING, Decisions, Part, versions_of
from onecart.decide.routing.assignment import with_queue
from onecart.decide.routing.priority import open_tickets, people, with_priority
from onecart.decide.routing.simulation import simulated_day
from onecart.facts.owners import Owners, with_customer
from onecart.frames import break_lineage
from onecart.governance.consent_filter import Purpose, granted

_TABLE = "gold.ticket_routing"
_POLICY = "priority with ageing"
_MODEL = "voice.intent"


def write_ticket_routing(ctx: Context) -> Part:
    """Replaces gold.ticket_routing, and gives the day's routing back; figures of a simulated day go to gold.model_health.
    Nothing without tickets."""
    if ctx.lake.is_empty("silver.tickets"):
        return Part()
    rules, as_of = ctx.settings.decide.routing, ctx.as_of()
    routed = with_queue(_prioritised(ctx), rules).withColumn("as_of", F.lit(as_of))
    written = ctx.lake.replace(_TABLE, routed.select(*contract(_TABLE).schema.fieldNames()))
    _write_simulated_day(ctx)
    return Part(f"{written.inserted:,} tickets wait", Decisions(ROUTING, decisions(ctx.lake.read(_TABLE))))


def _prioritised(ctx: Context) -> DataFrame:
    lake, as_of, zone = ctx.lake, ctx.as_of(), ctx.settings.shop.time_zone
    tickets, reviews = _with_customers(ctx)
    customers = people(
        lake.read_if_exists("gold.customer_profile"),
        granted(lake.consents(), Purpose("profiling")),
        reviews,
        lake.read_if_exists("gold.review_sentiment"),
    )
    rules, intents = ctx.settings.decide.routing, lake.read_if_exists("gold.ticket_intent")
    found = with_priority(open_tickets(tickets, as_of, zone), intents, customers, rules=rules, as_of=as_of, zone=zone)
    return break_lineage(found) if rules.agents else found  # they are counted before they are handed out


def _with_customers(ctx: Context) -> tuple[DataFrame, DataFrame]:
    """silver.tickets and silver.reviews with customer_id, named in one pass; null where nobody is known yet."""
    parts = [
        ctx.lake.read_if_exists(name).select("record_id", F.col(HAPPENED[name]).alias("at"), F.struct("*").alias(what))
        for name, what in (("silver.tickets", "ticket"), ("silver.reviews", "review"))
    ]
    both = parts[0].unionByName(parts[1], allowMissingColumns=True)
    if ctx.lake.exists("gold.identity_links"):
        owners = Owners.of(ctx.lake)
        named = with_customer(both, owners.links, owners.stitches, at="at")
    else:
        named = both.withColumn("customer_id", F.lit(None).cast("string"))
    tickets, reviews = (
        named.where(f"{what} IS NOT NULL").select(f"{what}.*", "customer_id") for what in ("ticket", "review")
    )
    return tickets, reviews


def decisions(routed: DataFrame) -> DataFrame:
    """The rows of gold.ticket_routing as rows of `Decisions`: made without any chance."""
    return routed.select(
        F.col("ticket_id").alias("subject"),
        "ticket_id",
        "customer_id",
        F.lit("chosen").alias("decision"),
        F.col("queue").alias("action"),
        F.lit(1.0).alias("propensity"),
        "reason",
        versions_of({_MODEL: "model_version"}).alias("versions"),
        F.lit(_POLICY).alias("policy"),
    )


def _write_simulated_day(ctx: Context) -> None:
    """What the rules do on a busy day of tickets like all that were read so far; written to gold.model_health."""
    read = ctx.lake.read_if_exists("gold.ticket_intent").groupBy("intent", "urgency").count().collect()
    mix = {(row["intent"], row["urgency"]): float(row["count"]) for row in read}
    figures = simulated_day(mix, ctx.settings.decide.routing, ctx.settings.seed)
    if figures:
        ctx.write_health({f"decide.{name}": values for name, values in figures.items()}, "simulated day")
