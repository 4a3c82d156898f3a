"""In whose words: the strongest evidence of each issue, masked."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.voice.text.masking import masked

_LONGEST = 200  # characters of a quote
_SHORTEST = 15


def issue_quotes(
    issues: DataFrame, mentions: DataFrame, placed: DataFrame, *, each: int = 3, names: Sequence[str] = ()
) -> DataFrame:
    """Up to `each` quotes of each row of `issues`[scope, item, aspect, week]: those, place (1: the strongest), review_id, quote,
    score, and record_id.

    mentions: review_id, record_id, aspect, polarity, evidence, score, and the columns `names` of the writer's names, which are
    masked too. placed: review_id, scope, item, week. Only complaints are quoted; of words that differ in case or punctuation
    alone, one. A quote longer than 200 characters ends in `...`.
    """
    said = mentions.where(F.col("polarity") == "negative").withColumn(
        "quote", masked(F.col("evidence"), names=[F.col(n) for n in names])
    )
    said = said.where(F.length("quote") >= _SHORTEST).withColumn("quote", _cut(F.trim("quote")))
    keys = ["scope", "item", "aspect", "week"]
    rows = placed.join(said, "review_id", how="inner").join(issues.select(*keys), keys, how="left_semi")
    order = [F.col("score"), F.desc(F.length("quote")), F.col("review_id"), F.col("start")]
    same = Window.partitionBy(*keys, F.regexp_replace(F.lower("quote"), r"[^\p{L}\p{N}]", "")).orderBy(*order)
    of_review = Window.partitionBy(*keys, "review_id").orderBy(*order)
    once = rows.withColumns({"a": F.row_number().over(same), "b": F.row_number().over(of_review)}).where(
        "a = 1 AND b = 1"
    )
    ranked = once.withColumn("place", F.row_number().over(Window.partitionBy(*keys).orderBy(*order)))
    return ranked.where(F.col("place") <= each).select(*keys, "place", "review_id", "record_id", "quote", "score")


def _cut(quote: Column) -> Column:
    return F.when(F.length(quote) > _LONGEST, F.concat(F.substring(quote, 1, _LONGEST), F.lit("..."))).otherwise(quote)
