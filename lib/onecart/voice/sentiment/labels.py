"""What a training text is labelled, which labels there are, and how many rows of each."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import DataError
from onecart.frames import Kind, composed, require_type
from onecart.voice.sentiment.params import Params

Counts = dict[str | None, tuple[int, int]]  # label -> rows to learn from, rows held out
MOST = 3
_LABELS: Kind = (
    (T.StringType, T.IntegralType, T.BooleanType, T.FractionalType, T.NullType),
    "text, numbers, or true or false",
)
_STARS: Kind = ((T.NumericType, T.NullType), "numbers")
_SHOWN = 10  # labels that an error names


def label_of(reviews: DataFrame) -> Column:
    """The label as a string, null for none: of column `label`, else what the stars in `rating` say.

    Stars: 4 and more positive, 2 and less negative, between neutral. They fill in for a missing label only where the
    column `label` uses these very words.
    """
    names = reviews.columns
    if "label" not in names:
        return stars(reviews)
    given = _text(reviews, "label", _LABELS)
    if "rating" not in names:
        return given
    used = {r[0] for r in reviews.select(given).distinct().limit(_SHOWN).collect()} - {None}
    if not used or not used <= {"positive", "neutral", "negative"}:
        return given
    weak = stars(reviews)
    return F.coalesce(given, F.when(weak.isin(*used), weak))


def stars(reviews: DataFrame) -> Column:
    _text(reviews, "rating", _STARS)
    rating = F.col("rating").cast("double")
    return of_stars(rating, between="neutral")


def of_stars(rating: Column, *, between: str | None) -> Column:
    """positive from 4 stars on, negative up to 2, and `between`; null where there are none."""
    known = rating.isNotNull() & ~F.isnan(rating)
    return F.when(known, F.when(rating >= 4, "positive").when(rating <= 2, "negative").otherwise(F.lit(between)))


def _text(reviews: DataFrame, name: str, kind: Kind) -> Column:
    require_type(reviews, name, kind, "the frame")
    text = composed(F.col(name).cast("string"))
    return F.when((F.trim(text) != "") & (text != "NaN"), text)


def counted(rows: DataFrame) -> Counts:
    """From rows with `label` and `held_out`."""
    held = F.count_if("held_out")
    found = rows.groupBy("label").agg((F.count("*") - held).alias("learn"), held.alias("held_out"))
    # A label column may by mistake hold as many values as rows; a few more than wanted are enough to say so.
    return {r["label"]: (r["learn"], r["held_out"]) for r in found.orderBy("label").limit(_SHOWN + 2).collect()}


def two_or_three(counts: Counts, p: Params) -> tuple[str, ...]:
    """The labels, sorted. DataError: others than two or three, too few rows in all, or of one of them."""
    labels = sorted(label for label in counts if label is not None)
    if not 2 <= len(labels) <= MOST:
        shown = ", ".join(repr(label) for label in labels[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
        raise DataError(
            f"train_sentiment needs two or three labels; column 'label' has {shown or 'no value'}; "
            "make it null elsewhere"
        )
    total = sum(sum(counts[label]) for label in labels)
    if total < p.min_rows:
        raise DataError(f"train_sentiment: {total} labelled rows with text; min_rows is {p.min_rows}")
    for label in labels:
        learn, held = counts[label]
        if not learn or not held:
            raise DataError(
                f"train_sentiment: of label {label!r} {learn} rows are left to learn from and {held} to measure on; "
                "give more rows of it, or set another holdout_share"
            )
    return tuple(labels)
