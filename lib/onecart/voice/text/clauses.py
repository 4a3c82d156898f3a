"""Texts as words with their places, cut into sentences and clauses. Plain Python, no Spark."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from onecart.voice.aspects.opinion_lexicon import CONTRAST

_TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:['’][^\W_]+)*|\.{2,}|[.!?;:,()\n–—]|(?<=\s)-(?=\s)|\*+|&")
_ENDS = frozenset(".!?\n;")
_BREAKS = frozenset((",", "(", ")", ":", "–", "—", "-", "..", "..."))
_TYPED = {  # n't without its apostrophe
    f"{verb}nt": verb for verb in ("do", "does", "did", "is", "was", "are", "were", "has", "have", "would", "could")
}
_LONGEST = 100  # words of a clause: what is said of one thing is never as long
_SHORT = {"wo": "will", "ca": "can", "sha": "shall", "ai": "is"}


@dataclass(frozen=True)
class Word:
    """A word as written from `start` to `end`: `word` in lower case, `base` without the s of a plural or a verb."""

    word: str
    base: str
    start: int
    end: int


@dataclass(frozen=True)
class Clause:
    """Words that say one thing. `contrast`: it is set against the clause before it; `question`: its sentence asks."""

    words: tuple[Word, ...]
    sentence: int
    contrast: bool
    question: bool


def base(word: str) -> str:
    """`batteries` and `battery`, `works` and `work` alike; short words and those on -ss, -us, -is stay."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes", "zzes")) else word[:-1]


def words_of(term: str) -> tuple[str, ...]:
    """The base forms a term is looked up by."""
    return tuple(w.base for w in _words(term))


def lengths(terms: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """First word -> how many words the longest of the terms that begin with it has; what `matches` goes by."""
    found: dict[str, int] = {}
    for words in terms:
        found[words[0]] = max(found.get(words[0], 0), len(words))
    return found


def matches(
    words: tuple[Word, ...], terms: Container[tuple[str, ...]], longest: Mapping[str, int]
) -> Iterator[tuple[int, int]]:
    """Where terms stand, [from, to): the longest ones from left to right, which do not overlap."""
    i, bases = 0, tuple(w.base for w in words)
    while i < len(words):
        most = min(longest.get(bases[i], 0), len(words) - i)
        stop = next((i + n for n in range(most, 0, -1) if bases[i : i + n] in terms), i)
        if stop > i:
            yield i, stop
        i = max(stop, i + 1)


def clauses(text: str) -> list[Clause]:
    """The clauses of a text, in order. A sentence ends at . ! ? ; or a line's end; a clause at a comma, a bracket, a colon, a
    dash, `and`, a word of contrast, which belongs to the clause it opens, or after a hundred words."""
    found: list[Clause] = []
    sentence, open_words, contrast, first = 0, list[Word](), False, 0

    def close() -> None:
        nonlocal open_words, contrast
        if open_words:
            found.append(Clause(tuple(open_words), sentence, contrast, False))
            contrast = False
        open_words = []

    for word in _words(text):
        if word.word[0] in _ENDS and word.word not in _BREAKS:
            close()
            if word.word == "?":
                found[first:] = [Clause(c.words, c.sentence, c.contrast, True) for c in found[first:]]
            sentence, contrast, first = sentence + 1, False, len(found)
        elif word.word in _BREAKS or word.word in ("and", "&"):
            close()
        elif word.word in CONTRAST:
            close()
            contrast = True
        elif not word.word.startswith("*"):
            open_words.append(word)
            if len(open_words) == _LONGEST:
                close()
    close()
    return found


def _words(text: str) -> Iterator[Word]:
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        word = match.group().lower().replace("’", "'")
        head, apostrophe, tail = word.partition("'")
        if word.endswith("n't"):
            yield from _negated(word[:-3], start, end - 3, end)
        elif word in _TYPED:
            yield from _negated(_TYPED[word], start, end - 2, end)
        elif word == "cannot":
            yield from _negated("can", start, start + 3, end)
        elif apostrophe and tail:
            yield Word(head, base(head), start, end)
        else:
            yield Word(word, base(word), start, end)


def _negated(verb: str, start: int, middle: int, end: int) -> Iterator[Word]:
    verb = _SHORT.get(verb, verb)
    yield Word(verb, base(verb), start, middle)
    yield Word("not", "not", middle, end)
