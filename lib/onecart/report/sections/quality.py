"""Can the data be trusted: rows set aside and the last runs, of ops.quarantine (quality) and ops.runs (all jobs)."""

from onecart.context import Context
from onecart.report.card import Card, Section

RUN_COLUMNS = ("job", "status", "rows_in", "rows_out", "rows_quarantined", "rows_duplicate", "seconds", "run_id")


def cards(ctx: Context) -> list[Card]:
    rules = ctx.lake.read_if_exists("ops.quarantine").groupBy("source", "rule").count()
    most = rules.orderBy("count", ascending=False).limit(15)
    runs = ctx.lake.read("ops.runs").orderBy("started_ts", ascending=False).limit(15)
    return [
        Card("Rows set aside, by rule", most.toPandas()),
        Card("The last runs", runs.select(*RUN_COLUMNS).toPandas()),
    ]


SECTION = Section("Can the data be trusted", cards)
