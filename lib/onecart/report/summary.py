"""What stands above the sections: the headline figure of each job, and a note on where the data come from."""

from collections.abc import Sequence

from pyspark.sql import Row

from onecart.context import Context

_LEFT_OUT = ("report", "upkeep")


def tiles(ctx: Context) -> list[Row]:
    """Reads the newest run of each job, in the order they started: job, rows_out, headline and the rest of ops.runs."""
    runs = ctx.lake.read("ops.runs").where("status = 'done'").groupBy("job")
    newest = runs.agg({"started_ts": "max"}).withColumnRenamed("max(started_ts)", "started_ts")
    rows = ctx.lake.read("ops.runs").join(newest, on=["job", "started_ts"], how="inner").orderBy("started_ts").collect()
    return [row for row in rows if row.job not in _LEFT_OUT]


def note(ctx: Context, missing: Sequence[str]) -> str:
    """Says which records are simulated, and names the sections that are missing."""
    origins = ctx.lake.read_if_exists("silver.orders").select("origin").distinct()
    simulated = ctx.lake.read_if_exists("silver.interactions").where("origin = 'simulated'").limit(1).count() > 0
    real = "real" in {r[0] for r in origins.collect()}
    text = (
        "Orders are a real retailer's; web, app, CRM, social and support records around them are simulated. "
        if real and simulated
        else ""
    )
    return text + (f"Not shown, for want of data: {', '.join(missing).lower()}." if missing else "")
