"""The job `decide`: segments, then campaigns and service routing."""

from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.decide.campaigns.write import write_campaigns
from onecart.decide.routing.table import write_ticket_routing
from onecart.decide.segments import segments

PARTS = (write_campaigns, write_ticket_routing)  # each writes its tables and gives its words for the headline


def run(ctx: Context) -> Result:
    """Reads gold.customer_profile and, where there, the intent scores of as_of; replaces gold.segments, then does what each of
    PARTS does."""
    ctx.require_rows("gold.customer_profile")
    as_of, profile = ctx.as_of(), ctx.lake.read("gold.customer_profile")
    scores = ctx.lake.read_if_exists("gold.intent_scores").where(F.col("as_of") == F.lit(as_of))
    written = ctx.lake.replace("gold.segments", segments(profile, scores).withColumn("as_of", F.lit(as_of)))
    counts = ctx.lake.read("gold.segments").groupBy("segment").count().collect()
    n = {row["segment"]: row["count"] for row in counts}
    words = [f"{n.get('champion', 0):,} champions, {n.get('at_risk', 0):,} at risk of {sum(n.values()):,}"]
    words += [part(ctx) for part in PARTS]
    return Result(rows_in=sum(n.values()), rows_out=written.inserted, headline="; ".join(filter(None, words)))
