"""The jobs and their order, declared once: `onecart run all`, the Databricks bundle and the docs come from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One step of the way data walks. `room` is the module with `run(ctx) -> Result`; `needs` the jobs before it."""

    name: str
    room: str
    summary: str
    needs: tuple[str, ...] = ()
    nlp: bool = False


DAG = (
    Job("ingest", "channels.ingest", "landing files -> bronze, each file once"),
    Job("clean", "quality.clean", "bronze -> silver, bad rows to ops.quarantine", ("ingest",)),
    Job("unify", "profile.unify", "who is who, one profile per customer", ("clean",)),
    Job("behave", "behaviour.behave", "sessions, funnel, features", ("unify",)),
    Job("intent", "intent.score", "probability to buy", ("behave",)),
    Job("recommend", "recommend.serve", "products for each customer", ("unify",)),
    Job("forecast", "forecast.demand", "demand per product", ("clean",)),
    Job("voice", "voice.listen", "sentiment of reviews", ("clean",), nlp=True),
    Job("decide", "decide.segments", "segments", ("intent",)),
    Job("measure", "measure.conversion", "conversion by day and channel", ("behave",)),
    Job("report", "report.page", "report.html", ("recommend", "forecast", "voice", "decide", "measure")),
)
UPKEEP = Job("upkeep", "lake.upkeep", "compact and vacuum the tables")
JOBS = {job.name: job for job in (*DAG, UPKEEP)}
