"""The job `measure`: visits, orders and decisions -> conversion, what changed, and what campaigns brought."""

from onecart.context import Context, Result
from onecart.contracts.measure import MEASURE
from onecart.measure.attribution.table import write_attribution
from onecart.measure.conversion.breakdown import write_conversion_breakdown
from onecart.measure.conversion.changes import write_conversion_changes
from onecart.measure.conversion.daily import write_conversion_daily
from onecart.measure.experiments.campaigns import write_experiment_results
from onecart.measure.off_policy.table import write_policy_value

_PARTS = (
    write_conversion_daily,
    write_conversion_breakdown,
    write_conversion_changes,
    write_experiment_results,
    write_attribution,  # beside what the experiments prove
    write_policy_value,
)


def run(ctx: Context) -> Result:
    """Runs the parts in their order; each replaces a table and says what is worth reading."""
    ctx.require_rows("gold.sessions", "silver.orders")
    words = [part(ctx) for part in _PARTS]
    rows_in = ctx.lake.count("gold.sessions") if ctx.lake.exists("gold.sessions") else 0
    written = sum(ctx.lake.count(table.name) for table in MEASURE if table.name in ctx.lake.writes)
    return Result(rows_in=rows_in, rows_out=written, headline="; ".join(filter(None, words)))
