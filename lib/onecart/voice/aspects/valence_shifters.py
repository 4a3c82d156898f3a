"""What the words before an opinion make of it: negators, boosters, `too`, `enough`, hypothetical comparison."""

from onecart.voice.aspects import opinion_lexicon
from onecart.voice.text.clauses import Word

_SCOPE = 4  # words a negator reaches
TOO, _HYPOTHETICAL, _COULD_NOT = -1.8, -1.2, 2.5
_NOT_ADJECTIVE = opinion_lexicon.words("the a an to of in on for with as that this it i we they was is")

Words = tuple[Word, ...]


def turned(words: Words, first: int, last: int, weight: float) -> float:
    """`weight` of the words `first` to `last`, after what stands before them. A phrase with a negator inside is not negated
    again: in `I do not see why it does not work` it still does not work."""
    for word in words[max(0, first - 2) : first]:
        weight *= opinion_lexicon.BOOSTERS.get(word.word, 1.0)
    if first and words[first - 1].word == "too" and weight > 0:
        weight = TOO
    if weight > 0 and hypothetical(words, first):
        return _HYPOTHETICAL
    if any(w.word in opinion_lexicon.NEGATORS for w in words[first : last + 1]) or not negated(words, first):
        return weight
    if words[first].word in opinion_lexicon.COMPARATIVES and {"could", "can"} & _before(words, first, 6):
        return _COULD_NOT  # it could not be better
    return weight * opinion_lexicon.FLIP


def hypothetical(words: Words, first: int) -> bool:
    """`should be better`, `could have been good`: it is not."""
    before = _before(words, first, 7)
    if negated(words, first):
        return False
    compared = words[first].word in opinion_lexicon.COMPARATIVES and bool(before & opinion_lexicon.HYPOTHETICAL)
    return compared or ("have" in before and bool({"could", "should"} & before))


def negated(words: Words, first: int, far: int = _SCOPE) -> bool:
    """An odd number of negators reaches the word; neither and nor count as one, and reach to the clause's end."""
    near = [
        w.word
        for i, w in enumerate(words[:first])
        if w.word in opinion_lexicon.NEGATORS
        and words[i + 1].word not in opinion_lexicon.NOT_NEGATING
        and (first - i <= far or w.word in opinion_lexicon.WHOLE_CLAUSE)
    ]
    whole = any(word in opinion_lexicon.WHOLE_CLAUSE for word in near)
    return (sum(word not in opinion_lexicon.WHOLE_CLAUSE for word in near) + whole) % 2 == 1


def too(words: Words, i: int) -> bool:
    """`too heavy`, not `too` in place of `also`."""
    return i > 0 and words[i - 1].word == "too" and words[i].word not in _NOT_ADJECTIVE


def enough(words: Words, i: int) -> bool:
    """`enough` of itself, not that of `not loud enough`."""
    return words[i].word == "enough" and not (i and not_enough(words, i - 1))


def not_enough(words: Words, i: int) -> bool:
    return i + 1 < len(words) and words[i + 1].word == "enough" and negated(words, i)


def _before(words: Words, first: int, far: int) -> set[str]:
    return {w.word for w in words[max(0, first - far) : first]}
