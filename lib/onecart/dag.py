"""The jobs and their order, declared once: `onecart run all`, the Databricks bundle and the docs come from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One step of the way data walks. `run(ctx) -> Result` is in `<room>/job.py`; `needs` the jobs before it.

    `purpose`: the job reads only rows of customers whose consent covers it; None: it runs the shop, and what it writes
    stays in the lake (only `lake.export` lets rows out, for a purpose of its own). `streams`: a run may go on for days, and
    each of its batches reads the tables as they are then.
    """

    name: str
    room: str
    summary: str
    needs: tuple[str, ...] = ()
    nlp: bool = False
    purpose: str | None = None
    streams: bool = False


DAG = (
    Job("ingest", "channels", "files, topics and databases -> bronze, each record once"),
    Job("clean", "quality", "bronze -> silver, bad rows to ops.quarantine", ("ingest",)),
    Job("unify", "profile", "who is who, one profile per customer", ("clean",)),
    Job("behave", "behaviour", "sessions, funnel, features", ("unify",)),
    Job("intent", "intent", "probability to buy", ("behave",)),
    Job("recommend", "recommend", "products for each customer", ("unify",)),
    Job("voice", "voice", "sentiment, aspects and issues of reviews, intents of tickets", ("clean",), nlp=True),
    Job("forecast", "forecast", "demand per product", ("clean",)),  # takes what reviews said, where it is there
    Job("decide", "decide", "segments, campaigns, who answers which ticket", ("intent", "voice")),
    Job(
        "measure",
        "measure",
        "conversion, what changed, what is due to what, and what campaigns brought",
        ("behave", "decide"),
    ),
    Job("report", "report", "report.html", ("recommend", "forecast", "voice", "decide", "measure")),
)
UPKEEP = Job("upkeep", "upkeep", "compact and vacuum the tables")
LIVE = Job("live", "live", "probability that a visit under way buys", streams=True)
STREAM = Job(
    "stream", "stream", "topics, databases and files -> silver, scores and offers, batch after batch", streams=True
)
JOBS = {job.name: job for job in (*DAG, UPKEEP, LIVE, STREAM)}
