"""gold.decision_log: what was decided about whom, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

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


@dataclass(frozen=True)
class Decisions:
    """All decisions of one kind for the run's as_of.

    rows: columns of gold.decision_log, key (subject, customer_id); decision_id, kind, as_of, decided_ts and run_id are filled
    in by `record`, and what is left out is null.
    """

    kind: str
    rows: DataFrame


@dataclass(frozen=True)
class Part:
    """What a part of the job gives back: words for the headline, and what it decided (None: nothing)."""

    words: str = ""
    decisions: Decisions | None = None


def record(ctx: Context, decided: Sequence[Decisions]) -> None:
    """Puts the decisions in place of all of these kinds and the run's as_of, in one commit."""
    if not decided:
        return
    kinds = ", ".join(sql_literal(one.kind) for one in decided)
    rows = reduce(
        lambda one, other: one.unionByName(other, allowMissingColumns=True), [_filled(ctx, one) for one in decided]
    )
    ctx.lake.replace_where(TABLE, rows, f"kind IN ({kinds}) AND as_of = DATE'{ctx.as_of()}'")


def _filled(ctx: Context, decided: Decisions) -> DataFrame:
    as_of, kind = ctx.as_of(), F.lit(decided.kind)
    person = F.coalesce("customer_id", F.lit(""))
    named = F.concat_ws("\x1f", kind, "subject", person, F.lit(as_of).cast("string"))
    rows = decided.rows.withColumns(
        {
            "decision_id": F.sha2(named, 256),
            "kind": kind,
            "as_of": F.lit(as_of),
            "decided_ts": begin_of(as_of, ctx.settings.shop.time_zone),
            "run_id": F.lit(ctx.run_id),
        }
    )
    return rows.select(*[name for name in contract(TABLE).schema.fieldNames() if name in rows.columns])


def versions_of(columns: Mapping[str, str]) -> Column:
    """The map model -> version of a row, from the columns of it that hold the versions; models without one are left out."""
    return version_map([(F.lit(model), F.col(name)) for model, name in columns.items()])


def version_map(pairs: Sequence[tuple[Column, Column]]) -> Column:
    """The map model -> version of a row, from pairs of them; those of which one is null are left out.

    Models that are columns may be null only in Spark's plans for no rows at all, but no map may have such a key there either.
    """
    entries = [F.struct(model.alias("key"), version.alias("value")) for model, version in pairs]
    both = F.filter(F.array(*entries), lambda entry: entry["key"].isNotNull() & entry["value"].isNotNull())
    return F.map_from_entries(both)
