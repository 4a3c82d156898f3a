"""Feeds as text lines, with dirt planted on top: extra bad copies of good records, so that no real record is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from onecart.config import Samples
from onecart.samples.seeded_random import Dice, with_sql

# The record itself; the same again; the same damaged on the way (a retry came through); the same with absurd values.
FATES = ("clean", "duplicate", "malformed", "absurd")
BAD_TIME = "31/02/2011 25:61"
ISO = "yyyy-MM-dd\\'T\\'HH:mm:ss\\'Z\\'"
_META = ("key", "at", "late", "fate")
_TIME_FIELDS = '"(ts|time|placed_at|placed_ms|posted_at|opened_at|updated_at)":("[^"]*"|[0-9]+)'


@dataclass(frozen=True)
class Feed:
    """Lines of one feed: `frame`[key, at, late, fate, value]; `at` is when it happened; `header` for CSV. `each_counts`: equal
    lines of a file are several things, so that duplicates come in files of their own, as a file sent twice does."""

    frame: DataFrame
    header: str | None = None
    each_counts: bool = False


def with_fates(df: DataFrame, dice: Dice, samples: Samples, *, resent: str = "false") -> DataFrame:
    """One row a line to write: adds `fate`, and repeats a row for each bad copy planted, and where the SQL `resent` holds.
    Needs `key`."""
    rates = {"duplicate": samples.duplicate_rate, "malformed": samples.malformed_rate, "absurd": samples.absurd_rate}
    chances = {fate: dice.chance(rate, fate, "key") for fate, rate in rates.items()}
    chances["duplicate"] += f" OR {resent}"
    planted = ", ".join(f"IF({chance}, '{fate}', NULL)" for fate, chance in chances.items())
    return with_sql(df, fate=f"explode(array_compact(array('clean', {planted})))")


def absurd(value: str, instead: str, case: int, dice: Dice, cases: int = 4) -> str:
    """`value`, or `instead` in the absurd copies of this `case` (each absurd copy is absurd in one of `cases` ways)."""
    return f"IF(fate = 'absurd' AND {dice.below(cases, 'absurd case', 'key')} = {case}, {instead}, {value})"


def absurd_time(value: str, dice: Dice, cases: int = 2) -> str:
    """The timestamp `value`, or a day of 2099 or 1970 in the absurd copies of the first two cases."""
    future = absurd(value, "timestamp'2099-01-01 00:00:00'", 0, dice, cases)
    return absurd(future, "timestamp'1970-01-01 00:00:00'", 1, dice, cases)


def iso(value: str) -> str:
    """The timestamp `value` as ISO 8601 text."""
    return f"date_format({value}, '{ISO}')"


def json_feed(df: DataFrame, fields: Mapping[str, str], dice: Dice) -> Feed:
    """JSON Lines. `fields`: name -> SQL over `df`. Malformed: cut short, or with a date that is none."""
    record = F.to_json(F.struct(*[F.expr(sql).alias(name) for name, sql in fields.items()]))
    lines = df.select(*_META, record.alias("value"))
    cut = F.expr(f"left(value, int(length(value) * (0.3 + 0.6 * {dice.u('cut', 'key')})))")
    bad_time = F.regexp_replace("value", _TIME_FIELDS, f'"$1":"{BAD_TIME}"')
    damaged = F.when(F.expr(dice.chance(0.7, "damage", "key")), cut).otherwise(bad_time)
    return Feed(lines.withColumn("value", F.when(F.col("fate") == "malformed", damaged).otherwise(F.col("value"))))


def csv_feed(
    df: DataFrame,
    header: str,
    fields: Sequence[str],
    dice: Dice,
    delimiter: str = ",",
    wrong: Mapping[int, str] | None = None,
    *,
    each_counts: bool = False,
) -> Feed:
    """CSV lines. `fields`: SQL in the header's order. Malformed: the last ones missing, or text of `wrong` in its place."""
    texts = df.select(*_META, *[F.expr(f"string({sql})").alias(f"f{i}") for i, sql in enumerate(fields)])
    whole = texts.select(*_META, F.array(*[_quoted(f"f{i}", delimiter) for i in range(len(fields))]).alias("fields"))
    damages = [f"slice(fields, 1, {len(fields) - 3})"]
    damages += [f"transform(fields, (x, i) -> IF(i = {at}, '{bad}', x))" for at, bad in (wrong or {}).items()]
    damaged = f"element_at(array({', '.join(damages)}), 1 + {dice.below(len(damages), 'damage', 'key')})"
    value = f"concat_ws('{delimiter}', IF(fate = 'malformed', {damaged}, fields))"
    return Feed(whole.select(*_META, F.expr(value).alias("value")), header, each_counts)


def _quoted(field: str, delimiter: str) -> Column:
    """Quoted only where it must be: readers disagree on quotes inside quotes, and every reader takes a bare one."""
    value = F.coalesce(field, F.lit(""))
    doubled = F.concat(F.lit('"'), F.replace(value, F.lit('"'), F.lit('""')), F.lit('"'))
    return F.when(value.contains(delimiter) | value.startswith('"'), doubled).otherwise(value)


def write(feed: Feed, path: str, files: int, spread: int) -> dict[str, int]:
    """Overwrites folder `path` with at most `files` files (twice as many where `each_counts`), each of whole months (what is
    before a `/` in their keys in `spread` parts, so that the lines of a receipt stay together).

    Half of the duplicates arrive a month later, hence mostly in another file. Returns lines by fate, and the late ones.
    """
    again = F.expr("IF(fate = 'duplicate' AND xxhash64(key) % 2 = 0, at + INTERVAL '31' DAY, at)")
    spot = F.expr(f"pmod(xxhash64(substring_index(key, '/', 1)), {spread})")
    twice = F.col("fate") == "duplicate"
    parts = [feed.frame.where(~twice), feed.frame.where(twice)] if feed.each_counts else [feed.frame]
    filed = reduce(
        DataFrame.union,
        (p.coalesce(1) if files == 1 else p.repartition(files, F.date_trunc("month", again), spot) for p in parts),
    )
    # Sorted, because a shuffle's blocks arrive in any order, and the same seed shall make the same files.
    ordered = filed.sortWithinPartitions(again, "key", "fate")
    seen = Observation()
    counts = [F.count_if(F.col("fate") == fate).alias(fate) for fate in FATES]
    filed = ordered.observe(seen, *counts, F.count_if(F.expr("late AND fate = 'clean'")).alias("late"))
    if feed.header is None:
        filed.select("value").write.mode("overwrite").text(path)
    else:
        # The column's name is the header, which Spark writes into every file; the lines pass through as they are.
        writer = filed.select(F.col("value").alias(feed.header)).write.mode("overwrite").option("header", True)
        writer = writer.option("ignoreLeadingWhiteSpace", False).option("ignoreTrailingWhiteSpace", False)
        writer.csv(path, sep="\u0001", quote="")
    return {name: int(seen.get[name]) for name in (*FATES, "late")}
