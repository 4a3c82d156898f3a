"""Each ticket to one agent or queue, in the order of priority."""

from collections.abc import Mapping
from typing import get_args

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config.sections.decide.routing import Intent, Routing
from onecart.decide.routing.workload import can_answer, quotas

_SLOT = "band int, intent string, agent string, quota int"


def with_queue(tickets: DataFrame, rules: Routing) -> DataFrame:
    """Adds agent (null: none free), queue (the agent, else rules.queue), place in it (1 is next) and reason.

    With agents the tickets of a band and an intent go to the agents that have the skill, in turns by `workload.quotas`: every
    agent gets some of the most urgent ones. Bands are the points that rules give to high, normal and low urgency; a
    ticket that waits rises into the next. tickets: rows of `with_priority`.
    """
    placed = tickets.withColumn("agent", F.lit(None).cast("string"))
    if rules.agents:
        placed = _with_agent(tickets.withColumn("band", _band(rules)), rules)
    queue = F.coalesce("agent", F.lit(rules.queue))
    order = Window.partitionBy("queue").orderBy(F.desc("priority"), "ticket_id")
    skilled = [i for i in get_args(Intent) if any(can_answer(agent, i) for agent in rules.agents.values())]
    to = (
        F.when(F.lit(not rules.agents), "waits in the one queue")
        .when(F.col("agent").isNotNull(), F.concat(F.col("agent"), F.lit(" answers "), "intent", F.lit(" tickets")))
        .when(F.col("intent").isin(skilled), F.concat(F.lit("all agents who answer "), "intent", F.lit(" are busy")))
        .otherwise(F.concat(F.lit("no agent answers "), "intent", F.lit(" tickets")))
    )
    reason = F.concat_ws("; ", "why", to)
    return placed.withColumn("queue", queue).withColumns({"place": F.row_number().over(order), "reason": reason})


def _band(rules: Routing) -> Column:
    high, normal = (rules.urgency_points.get(level, 0.0) for level in ("high", "normal"))
    return (
        F.when(F.col("priority") >= max(high, normal), 0).when(F.col("priority") >= min(high, normal), 1).otherwise(2)
    )


def _with_agent(tickets: DataFrame, rules: Routing) -> DataFrame:
    counts = tickets.groupBy("band", "intent").count().collect()
    waiting: Mapping[tuple[int, str], int] = {(row["band"], row["intent"]): row["count"] for row in counts}
    rows = [(*key, n) for key, n in quotas(waiting, rules.agents).items()]
    plan = tickets.sparkSession.createDataFrame(rows, _SLOT)
    turn = Window.partitionBy("band", "intent").orderBy("at", "agent")
    each = plan.select("band", "intent", "agent", "quota", F.explode(F.sequence(F.lit(1), "quota")).alias("n"))
    slots = each.withColumn("at", (F.col("n") - 0.5) / F.col("quota")).withColumn("slot", F.row_number().over(turn))
    by_priority = Window.partitionBy("band", "intent").orderBy(F.desc("priority"), "ticket_id")
    ranked = tickets.withColumn("slot", F.row_number().over(by_priority))
    taken = slots.select("band", "intent", "slot", "agent")
    return ranked.join(taken, ["band", "intent", "slot"], how="left").drop("band", "slot")
