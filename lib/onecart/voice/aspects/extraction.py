"""Which aspects of goods and service a text speaks of, how, and in which words."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.errors import UsageError
from onecart.frames import library_function
from onecart.voice.aspects.aspect_rules import Reader
from onecart.voice.checks import require_text

MENTION = T.StructType(
    [
        T.StructField("aspect", T.StringType(), False),
        T.StructField("polarity", T.StringType(), False),
        T.StructField("evidence", T.StringType(), False),
        T.StructField("start", T.IntegerType(), False),
        T.StructField("end", T.IntegerType(), False),
        T.StructField("term", T.StringType(), False),
        T.StructField("score", T.DoubleType(), False),
    ]
)
_MOST_TERMS = 5000


@library_function()
def aspects(reviews: DataFrame, *, terms: Mapping[str, str] | None = None) -> DataFrame:
    """One row per aspect and clause of a text: review_id, aspect, polarity, evidence, start, end, term, score, and sku.

    reviews: `text` (string; English), and optionally `review_id` (any type, kept; where there is no such column it is a hash
    of the text, so equal texts share it) and `sku`; a batch or a stream. Texts that are null or speak of no aspect give no
    row. Each row of `reviews` is read by itself: a review_id that stands in it twice is there twice in what comes back.
    terms: further terms, each with the aspect it names, as `mine_terms` and `tag_terms` find them; beside those of `lexicon`.

    polarity: positive | negative | neutral (no opinion, or a question). score: weight of the opinion, -4 to 4, as people
    rate single words; not a probability. term: the words that name the aspect. evidence: the words that show the polarity,
    text[start:end] in Python's counting. key: review_id, aspect, start, where review_id is unique.

    Words and rules, see `reading`: no training, so the same answer for every shop. It reads no irony, and a problem told
    without a word of opinion (`the driver threw it over the fence`) it does not see.

    Raises UsageError without a string column `text`, or for terms that are not words.
    """
    require_text(reviews)
    reader = Reader(_checked(terms or {}))
    names = [c.lower() for c in reviews.columns]
    known = F.col("review_id") if "review_id" in names else F.hex(F.xxhash64("text"))
    kept = [known.alias("review_id"), *([F.col("sku")] if "sku" in names else [])]
    found = reviews.where("text IS NOT NULL").select(*kept, F.inline(_mentions(reader)(F.col("text"))))
    return found.select("review_id", *MENTION.names, *(["sku"] if "sku" in names else []))


def _mentions(reader: Reader) -> Callable[[Column], Column]:
    """A function of a text column: its mentions, as an array of MENTION. Python, because Spark SQL knows no scopes."""

    @pandas_udf(T.ArrayType(MENTION))  # type: ignore[call-overload, untyped-decorator]
    def read(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch.map(lambda text: _rows(reader, text))

    return read


def _rows(reader: Reader, text: str | None) -> list[dict[str, object]]:
    return [
        {
            "aspect": m.aspect,
            "polarity": m.polarity,
            "evidence": (text or "")[m.start : m.end],
            "start": m.start,
            "end": m.end,
            "term": m.term,
            "score": m.score,
        }
        for m in reader.read(text or "")
    ]


def _checked(terms: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(terms, Mapping):
        raise UsageError(f"terms must map words to the aspect they name, found {type(terms).__name__}")
    if len(terms) > _MOST_TERMS:
        raise UsageError(f"{len(terms)} terms; give {_MOST_TERMS} at most")
    for term, aspect in terms.items():
        if not isinstance(term, str) or not isinstance(aspect, str) or not term.strip() or not aspect.strip():
            raise UsageError(f"terms has {term!r}: {aspect!r}; it must map words to the aspect they name")
    return terms
