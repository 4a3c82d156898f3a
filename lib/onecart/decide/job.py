"""The job `decide`: who gets what, where. One function per table."""

from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.decide.routing.table import write_ticket_routing
from onecart.decide.segments import segments

_PARTS = (write_ticket_routing,)  # each says in words what it decided, nothing where its inputs are not there


def run(ctx: Context) -> Result:
    """Reads gold.customer_profile and, where there, the intent scores of as_of; replaces gold.segments, and the parts' tables."""
    ctx.require_rows("gold.customer_profile")
    as_of, profile = ctx.as_of(), ctx.lake.read("gold.customer_profile")
    scores = ctx.lake.read_if_exists("gold.intent_scores").where(F.col("as_of") == F.lit(as_of))
    written = ctx.lake.replace("gold.segments", segments(profile, scores).withColumn("as_of", F.lit(as_of)))
    counts = ctx.lake.read("gold.segments").groupBy("segment").count().collect()
    n = {row["segment"]: row["count"] for row in counts}
    of_segments = f"{n.get('champion', 0):,} champions, {n.get('at_risk', 0):,} at risk of {sum(n.values()):,}"
    parts = [of_segments, *[write(ctx) for write in _PARTS]]
    return Result(
        rows_in=sum(n.values()), rows_out=written.inserted, headline="; ".join(words for words in parts if words)
    )
