"""A log of decisions beside a policy that would have decided otherwise: the weight of each row."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import NUMBERS, require_columns, require_type

PAIR = ("context", "action")
PROBLEMS = ("bad_propensity", "bad_reward", "missing_pair", "missing_model")
_LOG = (*PAIR, "propensity", "reward")
_NEAR = 1e-5  # by which probabilities may miss 1


def weight_names(prefix: str = "") -> tuple[str, ...]:
    """The columns of `with_weights`, the weight first."""
    return tuple(f"{prefix}{name}" for name in ("weight", "weighted", "clipped", "modelled", "correction"))


def log_rows(log: DataFrame, who: str) -> DataFrame:
    """[context, action, propensity, reward, bad_propensity, bad_reward] of a log; UsageError: a column is not there."""
    require_columns(log, _LOG, f"{who}: log")
    for name in ("propensity", "reward"):
        require_type(log, name, NUMBERS, f"{who}: log")
    plain = log.select(*PAIR, *[F.col(name).cast("double").alias(name) for name in ("propensity", "reward")])
    usable = (F.col("propensity") > 0) & (F.col("propensity") <= 1)
    return plain.withColumns(
        {
            "bad_propensity": ~F.coalesce(usable, F.lit(False)),
            "bad_reward": ~_finite("reward"),
            "missing_pair": F.lit(False),
            "missing_model": F.lit(False),
        }
    )


def with_weights(
    rows: DataFrame, policy: DataFrame, known: DataFrame | None, *, clip: float, who: str, prefix: str = ""
) -> DataFrame:
    """`rows` of `log_rows` with the columns `weight_names(prefix)`.

    weight: the policy's probability of the action / its propensity; weighted: weight x reward; clipped: the same with the
    weight cut at `clip`; modelled: the reward that the model expects of the policy in the row's context; correction: weight x
    (reward - what the model expects of the action). UsageError: the policy's probabilities are none, or do not add up to 1
    in every context; a pair of the policy is there twice. known: of `checked_model`.
    """
    policy = _checked_policy(policy, who)
    joined = rows.join(policy, [*PAIR], how="left")
    missing = F.col("probability").isNull()
    modelled, expected = F.lit(0.0), F.lit(0.0)
    no_model: Column = F.lit(False)
    if known is not None:
        of_policy = policy.join(known, [*PAIR], how="left").groupBy("context")
        value = of_policy.agg(
            F.sum(F.when(F.col("probability") > 0, F.col("probability") * F.col("expected")).otherwise(0.0)).alias(
                "value"
            ),
            F.max((F.col("probability") > 0) & F.col("expected").isNull()).alias("incomplete"),
        )
        joined = joined.join(known, [*PAIR], how="left").join(value, "context", how="left")
        modelled, expected = F.col("value"), F.col("expected")
        no_model = F.coalesce(F.col("incomplete"), F.lit(False)) | expected.isNull()
    weight = F.col("probability") / F.col("propensity")
    values = (
        weight,
        weight * F.col("reward"),
        F.least(weight, F.lit(clip)) * F.col("reward"),
        modelled,
        weight * (F.col("reward") - expected) if known is not None else F.lit(0.0),
    )
    problems = {
        "missing_pair": F.col("missing_pair") | missing,
        "missing_model": F.col("missing_model") | (~missing & no_model),
    }
    named = {name: F.coalesce(v, F.lit(0.0)) for name, v in zip(weight_names(prefix), values, strict=True)}
    kept = [name for name in rows.columns if name not in problems]
    return joined.withColumns(named).select(*kept, *[c.alias(n) for n, c in problems.items()], *named)


def problem_columns() -> list[Column]:
    """Aggregates that `require_usable` reads: how many rows have each problem, and one of them."""
    row = F.concat_ws(", action ", F.col("context").cast("string"), F.col("action").cast("string"))
    counts = [F.count_if(name).alias(name) for name in PROBLEMS]
    return [*counts, *[F.min(F.when(F.col(name), row)).alias(f"one_{name}") for name in PROBLEMS]]


def require_usable(found: Any, who: str) -> None:
    """UsageError for the first problem that rows of the log have; `found`: a row of `problem_columns`."""
    words = {
        "bad_propensity": "{n:,} rows of the log have a propensity that is not above 0 and at most 1; it is the probability "
        "with which the action was chosen",
        "bad_reward": "{n:,} rows of the log have no finite reward; an action without one has 0",
        "missing_pair": "the policy has no probability for {n:,} rows of the log, as for context {one}; give 0 where it never "
        "chooses an action",
        "missing_model": "the model has no reward for an action that {n:,} rows need, as for context {one}; give one for each",
    }
    for name in PROBLEMS:
        if found[name]:
            raise UsageError(f"{who}: {words[name].format(n=found[name], one=found[f'one_{name}'])}")


def _finite(name: str) -> Column:
    return F.coalesce(~F.isnan(name) & (F.abs(name) < float("inf")), F.lit(False))


def _checked_policy(policy: DataFrame, who: str) -> DataFrame:
    what = f"{who}: policy"
    require_columns(policy, [*PAIR, "probability"], what)
    require_type(policy, "probability", NUMBERS, what)
    plain = policy.select(*PAIR, F.col("probability").cast("double").alias("probability"))
    usable = F.coalesce(F.col("probability").between(0, 1), F.lit(False))
    by_context = plain.groupBy("context").agg(
        F.count_if(~usable).alias("odd"),
        (F.count("*") - F.count_distinct("action")).alias("twice"),
        F.sum("probability").alias("total"),
    )
    off = F.abs(F.col("total") - 1) > _NEAR
    shown = F.concat_ws(": ", F.col("context").cast("string"), F.round("total", 6).cast("string"))
    checks = by_context.agg(F.sum("odd"), F.sum("twice"), F.count_if(off), F.min(F.when(off, shown)))
    odd, twice, wrong, one = checks.first() or (0, 0, 0, None)
    if odd:
        raise UsageError(f"{what}: {odd:,} probabilities are not between 0 and 1; mend them")
    if twice:
        raise UsageError(f"{what}: {twice:,} pairs of context and action are there again; give each once")
    if wrong:
        raise UsageError(
            f"{what}: probabilities do not add up to 1 in {wrong:,} contexts, as in {one}; give all actions"
        )
    return plain


def checked_model(model: DataFrame, who: str) -> DataFrame:
    """[context, action, expected], the reward that the model expects. UsageError: a pair is there twice."""
    what = f"{who}: model"
    require_columns(model, [*PAIR, "reward"], what)
    require_type(model, "reward", NUMBERS, what)
    plain = model.select(*PAIR, F.when(_finite("reward"), F.col("reward").cast("double")).alias("expected"))
    if not plain.groupBy(*PAIR).count().where("count > 1").isEmpty():
        raise UsageError(f"{what}: a pair of context and action is there twice; give each once")
    return plain
