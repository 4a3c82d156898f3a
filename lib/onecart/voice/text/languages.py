"""Which language a text is in, and words where a writing has no spaces between them."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.errors import UsageError, nearest
from onecart.voice.text.cleaning import spaced

CHINESE = "zh"
# Writing -> Unicode classes, and the languages written in it. Others, and those of no letters, count as Latin.
_WRITINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "han": (r"\p{IsHan}", ("zh",)),
    "kana": (r"\p{IsHiragana}\p{IsKatakana}", ("ja",)),
    "hangul": (r"\p{IsHangul}", ("ko",)),
    "cyrillic": (r"\p{IsCyrillic}", ("ru", "uk", "bg", "sr", "mk", "be", "kk")),
    "arabic": (r"\p{IsArabic}", ("ar", "fa", "ur")),
    "greek": (r"\p{IsGreek}", ("el",)),
    "hebrew": (r"\p{IsHebrew}", ("he",)),
    "thai": (r"\p{IsThai}", ("th",)),
    "devanagari": (r"\p{IsDevanagari}", ("hi", "mr", "ne")),
}
_LATIN = (
    "af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr", "hu", "id", "is", "it",
    "lt", "lv", "ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tl", "tr", "vi",
)  # fmt: skip
_KNOWN = (*_LATIN, *(code for _, codes in _WRITINGS.values() for code in codes))
_DENSE = {"han": 3, "kana": 2}  # one such character says as much as so many letters
_READ = 2000  # characters are enough


def require(languages: Sequence[str]) -> None:
    """UsageError for a code that is not known, or a package that is missing."""
    for code in languages:
        if code not in _KNOWN:
            raise UsageError(f"languages: '{code}' is no language known here{nearest(code, _KNOWN)}")
    if CHINESE in languages:
        _package("jieba", "Chinese words")
    if any(len(codes) > 1 for codes in _candidates(languages).values()):
        _package("py3langid", "languages that are written in the same letters")


def language_of(text: Column, languages: Sequence[str]) -> Column:
    """The one of `languages` that a text is in, null where it is written in none of their letters (or in no letters).

    By the writing that most of its first 2,000 characters are in, Chinese with any Japanese kana being Japanese; only where
    several of `languages` share that writing by py3langid (Lui & Baldwin 2012, langid.py), among these.
    """
    head = F.substring(text, 1, _READ)
    of = _candidates(languages)
    amounts = {
        name: F.length(F.regexp_replace(head, f"[^{letters}]", "")) * _DENSE.get(name, 1)
        for name, (letters, _) in _WRITINGS.items()
    }
    amounts["latin"] = F.length(F.regexp_replace(head, r"[^\p{IsLatin}]", ""))
    amounts["kana"] = F.when(amounts["kana"] > 0, amounts["kana"] + amounts["han"]).otherwise(0)
    most = F.greatest(*amounts.values())
    found = F.lit(None).cast("string")
    for name, amount in reversed(amounts.items()):
        codes = of.get(name, ())
        among = _told_apart(codes)(head) if len(codes) > 1 else F.lit(codes[0] if codes else None).cast("string")
        found = F.when((amount == most) & (most > 0), among).otherwise(found)
    return found


def segmented(text: Column, language: str | None) -> Column:
    """A text with spaces between its words: Chinese by jieba where the language is known to be Chinese, else a space on
    both sides of every Chinese, Japanese and Thai character."""
    return _jieba()(text) if language == CHINESE else spaced(text)


def _candidates(languages: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Writing -> those of `languages` in it."""
    of = {name: tuple(c for c in languages if c in codes) for name, (_, codes) in _WRITINGS.items()}
    of["latin"] = tuple(c for c in languages if c in _LATIN)
    return {name: codes for name, codes in of.items() if codes}


def _package(name: str, what: str) -> None:
    from importlib.util import find_spec

    if find_spec(name) is None:
        raise UsageError(f"languages: {what} need the package {name}: pip install 'onecart[languages]'")


def _jieba() -> Any:
    @pandas_udf("string")  # type: ignore[call-overload,untyped-decorator]
    def cut(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import logging

        import jieba

        jieba.setLogLevel(logging.WARNING)
        for texts in batches:
            yield texts.map(lambda text: " ".join(jieba.cut(text, HMM=False)), na_action="ignore")

    return cut


def _told_apart(codes: Sequence[str]) -> Any:
    @pandas_udf("string")  # type: ignore[call-overload,untyped-decorator]
    def classify(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import py3langid

        for texts in batches:
            py3langid.set_languages(list(codes))  # of the whole process
            yield texts.map(lambda text: py3langid.classify(text)[0], na_action="ignore")

    return classify
