"""Writes gold.content_choice and the state it is made from."""

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.content import Placement
from onecart.context import Context
from onecart.decide.conditions import holds
from onecart.decide.content.choose import chosen
from onecart.decide.content.state import STATE, known, update_state
from onecart.decide.decision_log import CONTENT, Decisions, Part, version_map
from onecart.errors import UsageError, nearest

CHOICE = "gold.content_choice"


def write_content_choice(ctx: Context) -> Part:
    """Chooses for as_of what each customer who agreed to profiling is shown at each of decide.placements, and gives the choices
    back. No placements: nothing. UsageError: a placement asks for a column that is not there."""
    placements, as_of = ctx.settings.decide.placements, ctx.as_of()
    if not placements:
        return Part()
    people = {name: _people(ctx, name, p) for name, p in placements.items()}
    if ctx.lake.exists(CHOICE):  # else there is nothing yet that could have been answered
        update_state(ctx, placements)
    state = known(ctx.lake.read_if_exists(STATE), placements)
    parts = [chosen(people[n], n, p, state[n], seed=ctx.settings.seed) for n, p in placements.items()]
    rows = reduce(DataFrame.unionByName, parts).withColumn("run_id", F.lit(ctx.run_id))
    written = ctx.lake.replace_where(CHOICE, rows, f"as_of = '{as_of}'")
    today = ctx.lake.read(CHOICE).where(f"as_of = '{as_of}'")
    policies = ", ".join(f"{name} by {placement.policy}" for name, placement in placements.items())
    return Part(f"{written.inserted:,} choices for {policies}", Decisions(CONTENT, logged(today)))


def logged(choices: DataFrame) -> DataFrame:
    """Choices (gold.content_choice) as rows of `Decisions`."""
    model = F.concat(F.lit("content."), F.col("placement"))
    share = F.round(F.col("propensity") * 100, 1).cast("string")
    return choices.select(
        F.col("placement").alias("subject"),
        "customer_id",
        F.lit("chosen").alias("decision"),
        F.col("item").alias("action"),
        "propensity",
        F.concat("policy", F.lit(" chose it with a probability of "), share, F.lit(" %")).alias("reason"),
        version_map([(model, F.concat(model, F.lit("@"), F.col("run_id")))]).alias("versions"),
        "policy",
    )


def _people(ctx: Context, name: str, placement: Placement) -> DataFrame:
    """The customers who see the placement, with the columns of its context; checked before anything is written."""
    agreed, as_of = ctx.lake.for_purpose("profiling"), F.lit(ctx.as_of())
    profile = agreed.read("gold.customer_profile")
    if placement.where:
        profile = profile.where(holds(profile, placement.where, f"decide.placements: '{name}'"))
    people = profile.select("customer_id", as_of.alias("as_of"))
    if placement.policy == "thompson":
        return people
    features = agreed.read_if_exists("gold.customer_features").where(F.col("as_of") == as_of)
    if missing := [c for c in placement.context if c not in features.columns]:
        raise UsageError(
            f"decide.placements: the context of '{name}' has '{missing[0]}', which is no column of gold.customer_features"
            f"{nearest(missing[0], features.columns)}"
        )
    return people.join(features.select("customer_id", *placement.context), "customer_id", how="left")
