"""What a text says of which aspect: terms, the opinion around each, and the words that show it. Plain Python, no Spark.

Rules in the manner of VADER (Hutto & Gilbert 2014), by clause: what one clause says does not reach the aspects of the next,
unless that one has no opinion of its own and does not stand in contrast.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from onecart.voice.aspects import aspect_lexicon, opinion_lexicon
from onecart.voice.aspects.valence_shifters import TOO, enough, negated, not_enough, too, turned
from onecart.voice.text.clauses import Clause, Word, clauses, lengths, matches, words_of

NEUTRAL = 0.4  # weights nearer to 0 than this are no opinion
_WEAK = ("for the price", "at this price", "at that price", "for this price", "for the money", "at the price")
_GENERIC = ("quality", "design", "performance")  # `the battery does not work` is about the battery
_ENOUGH, _NOT_TOO = 1.0, 0.6
_LIKERS = opinion_lexicon.words("i we they you she he kids really also both do not would husband wife daughter son")


@dataclass(frozen=True)
class Mention:
    """An aspect in a clause. `score`: its weight, -4 to 4; text[start:end] is the evidence."""

    aspect: str
    term: str
    polarity: str
    score: float
    start: int
    end: int


@dataclass(frozen=True)
class _Term:
    """A term at words `first` to `last` of a clause. weight: None where it only names an aspect; aspect: None where it is
    only an opinion. weak: it names an aspect only where nothing else does."""

    first: int
    last: int
    aspect: str | None
    weight: float | None
    weak: bool = False

    @property
    def single(self) -> bool:
        return self.first == self.last


class Reader:
    """Finds aspects by the terms of `lexicon` and of `more` (term -> aspect), and reads their polarity."""

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        known: dict[tuple[str, ...], tuple[str | None, float | None, bool]] = {}
        known |= {words_of(phrase): (None, weight, False) for phrase, weight in opinion_lexicon.fixed().items()}
        known |= {words_of(t): (aspect, None, False) for t, aspect in {**(more or {}), **aspect_lexicon.NAMES}.items()}
        known |= {words_of(t): (aspect, weight, False) for t, (aspect, weight) in aspect_lexicon.TELLING.items()}
        known |= {words_of(term): ("price", None, True) for term in _WEAK}
        known.pop((), None)
        self._known = known
        self._longest = lengths(known)
        self._weights, self._of_aspect = opinion_lexicon.weights(), opinion_lexicon.of_aspect()
        self._sometimes = {word for _, word in self._of_aspect}

    def read(self, text: str) -> list[Mention]:
        """The mentions in a text, in order: of an aspect one in a clause."""
        parts = clauses(text)
        terms = [self._terms(c) for c in parts]
        said = [self._said(c, t) for c, t in zip(parts, terms, strict=True)]
        found: list[tuple[int, Mention]] = []
        for i, clause in enumerate(parts):
            here = [*self._named(text, parts, said, terms[i], i)]
            found += [(clause.sentence, m) for m in _strongest(here)]
        told = {(sentence, m.aspect) for sentence, m in found if m.polarity != "neutral"}
        kept = [m for sentence, m in found if m.polarity != "neutral" or (sentence, m.aspect) not in told]
        first = {(m.aspect, m.start): m for m in reversed(kept)}  # two clauses may borrow one opinion
        return [*reversed(first.values())]

    def _terms(self, clause: Clause) -> list[_Term]:
        """The longest terms from left to right; they do not overlap."""
        words = clause.words
        return [
            _Term(i, stop - 1, *self._known[tuple(w.base for w in words[i:stop])])
            for i, stop in matches(words, self._known, self._longest)
        ]

    def _said(self, clause: Clause, terms: list[_Term]) -> list[_Term]:
        """The opinions of a clause with their final weights. Weight 0: the word is an opinion of some aspects only."""
        words, taken = clause.words, {i for t in terms for i in range(t.first, t.last + 1)}
        found = [
            _Term(t.first, t.last, t.aspect, turned(words, t.first, t.last, t.weight))
            for t in terms
            if t.weight is not None
        ]
        for i, word in enumerate(words):
            if i in taken:
                continue
            weight = self._weight(words, i)
            if not_enough(words, i) or too(words, i):
                mild = too(words, i) and negated(words, i, far=2)
                found.append(_Term(i, i, None, _NOT_TOO if mild else TOO, weak=True))
            elif weight or word.word in self._sometimes:
                found.append(_Term(i, i, None, turned(words, i, i, weight)))
            elif enough(words, i):
                found.append(_Term(i, i, None, _ENOUGH))
        return found

    def _weight(self, words: tuple[Word, ...], i: int) -> float:
        word = words[i].word
        if word in ("like", "love") and i > 1 and words[i - 2].word in ("want", "wanted", "tried"):
            return 0.0
        if word == "like":
            return 1.5 if i and words[i - 1].word in _LIKERS else 0.0
        if word in opinion_lexicon.BOOSTERS and i + 1 < len(words):
            return 0.0  # `pretty heavy`
        return self._weights.get(word, 0.0)

    def _named(
        self, text: str, parts: list[Clause], said: list[list[_Term]], terms: list[_Term], i: int
    ) -> Iterator[Mention]:
        names = [t for t in terms if t.aspect and t.weight is None]
        used: set[_Term] = set()
        for name in [n for n in names if not n.weak] or names:
            where = i
            about = self._about(parts[i], name, said[i])
            if not about:
                where = _neighbour(parts, partial(self._tells, parts, said, name), i)
                about = self._about(parts[where], name, said[where])
            score = 0.0
            if about:
                near = [1.0 if where != i else 1 / _distance(name, t) for t, _ in about]
                score = sum(w * n for (_, w), n in zip(about, near, strict=True)) / sum(near)
                if where == i:
                    used.add(max(zip(about, near, strict=True), key=lambda x: abs(x[0][1]) * x[1])[0][0])
            yield _mention(text, parts, i, where, name, score)
        for told in said[i]:
            if told.aspect and not (told in used and (told.single or told.aspect in _GENERIC)):
                yield _mention(text, parts, i, i, told, told.weight or 0.0)

    def _tells(self, parts: list[Clause], said: list[list[_Term]], name: _Term, i: int) -> bool:
        return bool(self._about(parts[i], name, said[i]))

    def _about(self, clause: Clause, name: _Term, said: list[_Term]) -> list[tuple[_Term, float]]:
        """The opinions of a clause with what each weighs for an aspect."""
        found = []
        for term in said:
            weight, word = term.weight or 0.0, clause.words[term.first].word
            own = self._of_aspect.get((name.aspect or "", word)) if term.single and not term.weak else None
            if own is not None:
                weight = turned(clause.words, term.first, term.last, own)
            if _across_than(clause.words, term, name):
                weight = -weight
            if weight:
                found.append((term, weight))
        return found


def _mention(text: str, parts: list[Clause], i: int, where: int, term: _Term, score: float) -> Mention:
    clause, spans = parts[i], (parts[i], parts[where])
    score = 0.0 if clause.question else max(-4.0, min(4.0, score))
    polarity = "neutral" if abs(score) < NEUTRAL else "positive" if score > 0 else "negative"
    start, end = min(c.words[0].start for c in spans), max(c.words[-1].end for c in spans)
    written = text[clause.words[term.first].start : clause.words[term.last].end].lower()
    return Mention(term.aspect or "", written, polarity, score, start, end)


def _strongest(mentions: list[Mention]) -> list[Mention]:
    """Of each aspect the mention with the strongest opinion."""
    best: dict[str, Mention] = {}
    for m in mentions:
        if m.aspect not in best or abs(m.score) > abs(best[m.aspect].score):
            best[m.aspect] = m
    return list(best.values())


def _neighbour(parts: list[Clause], telling: Callable[[int], bool], i: int) -> int:
    """The clause whose opinion one without any takes over: the one before, else the one after, of its sentence and not set
    against it; else itself."""
    before, after = i - 1, i + 1
    if before >= 0 and parts[before].sentence == parts[i].sentence and not parts[i].contrast and telling(before):
        return before
    same = after < len(parts) and parts[after].sentence == parts[i].sentence
    return after if same and not parts[after].contrast and telling(after) else i


def _across_than(words: tuple[Word, ...], opinion: _Term, name: _Term) -> bool:
    """The opinion is a comparison, and the aspect on its other side."""
    compares = words[opinion.first].word in opinion_lexicon.COMPARATIVES or words[opinion.first - 1].word == "more"
    return compares and any(w.word == "than" for w in words[opinion.last + 1 : name.first])


def _distance(name: _Term, opinion: _Term) -> int:
    return max(name.first - opinion.last, opinion.first - name.last, 1)
