"""gold.decision_log: what was decided about whom, and why."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.frames import begin_of, sql_literal

TABLE = "gold.decision_log"
CAMPAIGN, CONTENT, ROUTING = "campaign", "content", "routing"
EXPECTED_PROFIT = (
    "expected profit under budget and caps, see decide.assign"  # with which the policy of campaigns begins
)


def record(ctx: Context, kind: str, decisions: DataFrame) -> None:
    """Puts `decisions` in place of all of this kind and the run's as_of.

    decisions: columns of gold.decision_log, key (subject, customer_id); decision_id, kind, as_of, decided_ts and run_id are
    filled in here, and what is left out is null.
    """
    table, as_of = contract(TABLE), ctx.as_of()
    person = F.coalesce("customer_id", F.lit(""))
    named = F.concat_ws("\x1f", F.lit(kind), "subject", person, F.lit(as_of).cast("string"))
    filled = {
        "decision_id": F.sha2(named, 256),
        "kind": F.lit(kind),
        "as_of": F.lit(as_of),
        "decided_ts": begin_of(as_of, ctx.settings.shop.time_zone),
        "run_id": F.lit(ctx.run_id),
    }
    rows = decisions.withColumns(filled)
    rows = rows.select(*[name for name in table.schema.fieldNames() if name in rows.columns])
    where = f"kind = {sql_literal(kind)} AND as_of = DATE'{as_of}'"
    ctx.lake.replace_where(TABLE, rows, where)


def versions_of(columns: Mapping[str, str]) -> Column:
    """The map model -> version of a row, from the columns of it that hold the versions; models without one are left out."""
    entries = [F.struct(F.lit(model).alias("key"), F.col(name).alias("value")) for model, name in columns.items()]
    return F.map_from_entries(F.filter(F.array(*entries), lambda entry: entry["value"].isNotNull()))
