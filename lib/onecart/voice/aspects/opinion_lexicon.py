"""Words of opinion and the words that turn, strengthen or soften them. Weights run from -4 to 4.

The base is the VADER lexicon (Hutto & Gilbert 2014; MIT; the mean of ten human ratings of a word), read from the package
vaderSentiment. It was made for social media: words that say nothing about goods are dropped, words of retail added.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from onecart.errors import OneCartError


def words(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


# In the lexicon, but of another meaning in a review.
_DROPPED = words("""
like play plays played playing support supports supported share shares number novel original please want pay true free
no interest certain agree ready natural thank thanks alone cut cuts stop stops miss hand hug help ease fun kind well top
number credit matter matters care fire gift gifts party dear heaven hero share sharing value values wish hope yes lol
chance challenge christmas god interested join joke natural promise protect reach safe security solution special grand
super wow arrest attack battle bomb fight gun kill killed killing war drop drops dropped leave left pressure alarm
""")

_ADDED = {
    3.0: "flawless flawlessly impeccable unbeatable",
    2.0: "fast quick quickly prompt promptly speedy sturdy durable reliable sharp crisp vivid intuitive generous fits roomy "
    "smooth smoothly seamless seamlessly spotless punctual courteous attentive polite professional thoughtful effortless "
    "hassle versatile compact lightweight stylish comfy cosy tasty yummy thick sleek recommend recommended loves",
    1.3: "decent works lasts lasted fine affordable inexpensive reasonable fair simple handy neat accurate clearly loud well "
    "improved bright quiet precise useful worth fresh",
    0.2: "okay ok average alright so-so adequate standard",
    -1.0: "short noisy quirky dark dim cold thin steep pricey hot unfortunately sadly gripe gripes drawback drawbacks downside "
    "complaint complaints issue issues complain needs nothing bulky tiny heavy dated",
    -1.6: "slow slowly late delayed cheap expensive overpriced weak tinny muffled blurry grainy clunky fiddly confusing "
    "complicated lacks lacking lacked lacklustre mediocre inferior dull scratched dented flawed unclear wobbly loose uneven "
    "bland dry soggy stale tacky unhelpful dishonest careless incorrect impossible inconvenient unimpressed unimpressive "
    "buggy glitch glitches glitchy error errors laggy sluggish unresponsive nuisance crooked leaky rattly smelly bug bugs "
    "lousy wrong missing poorly badly problem problems trouble hassles disappointment",
    -2.4: "flimsy hideous garish rubbish garbage junk crap crappy dud lemon unusable inedible nightmare atrocious appalling "
    "dreadful abysmal shoddy faulty broke broken breaks cracked torn ripped crushed shattered smashed snapped leaking "
    "peeling faded faulty stinks stank extortionate unacceptable shambles joke dies dying crashes crashed freezes froze "
    "burnt unreliable ruined overheats rude shocking",
}

# (aspect, word) -> weight: what says good of one aspect says bad of another.
_OF_ASPECT = {
    "battery": {1.6: "long longer lasts last lasted days strong", -1.6: "short flat weak low runs drains drained"},
    "delivery": {
        1.8: "free early next-day fast",
        -1.8: "long late weeks slow waiting wait waited days overdue high forever costly",
    },
    "price": {1.8: "low lower cheap cheaper fair competitive right reduced", -1.8: "high higher steep dear double rip"},
    "quality": {1.8: "high higher top", -1.8: "low lower cheap off inconsistent"},
    "sound": {1.3: "loud louder full warm rich deep balanced", -1.3: "quiet low thin harsh hollow"},
    "screen": {1.4: "big bright large brighter sharp clear", -1.4: "small dim dark dull"},
    "picture": {1.6: "sharp crisp clear vivid true", -1.4: "dark fuzzy soft noisy"},
    "performance": {1.6: "strong high quick", -1.6: "weak low poor lost"},
    "taste": {1.5: "rich fresh sweet full strong", -1.5: "cold dry weak off watery artificial"},
    "smell": {-1.5: "strong chemical chemicals plastic rotten"},
    "size": {1.0: "generous right compact", -1.2: "wrong tight heavy"},
    "staff": {-1.6: "busy absent"},
    "range": {1.6: "wide large huge big", -1.6: "small limited narrow"},
    "support": {-1.6: "hold waiting slow", 1.6: "quick fast"},
    "refund": {-1.6: "waiting weeks months slow", 1.6: "quick full"},
}

NEGATORS = words(
    "not no never without hardly barely scarcely rarely seldom neither nor none nobody nothing lack lacks lacking cannot"
)
WHOLE_CLAUSE = frozenset(("neither", "nor"))
NOT_NEGATING = frozenset(("only", "just", "doubt", "wonder", "surprisingly"))  # after not, no
FLIP = -0.74  # what a negator leaves of a weight: VADER's factor
BOOSTERS: dict[str, float] = {
    **dict.fromkeys(
        words(
            "very really so extremely incredibly absolutely totally completely super exceptionally truly highly particularly "
            "especially much far way such remarkably insanely"
        ),
        1.3,
    ),
    **dict.fromkeys(words("slightly somewhat bit little fairly rather quite almost kinda partly reasonably"), 0.75),
}
COMPARATIVES = words(
    "better worse more faster slower easier louder longer cheaper stronger lighter bigger smaller clearer sharper nicer "
    "thicker brighter softer quicker quieter"
)
HYPOTHETICAL = words("would could should wish wished expected expect hoped hope needs need")
CONTRAST = words(
    "but however although though yet whereas while except despite nevertheless nonetheless otherwise besides "
    "unfortunately sadly"
)

FIXED = {  # opinions of more than one word, which no single word of theirs tells
    2.5: "could not be better, could not be more, could not have been more, could not have been better, can not fault, "
    "could not fault, can not go wrong, could not ask for more, could not be happier, can not recommend enough, "
    "second to none, spot on, out of this world, no complaints, no complaint, thumbs up, five stars, 5 stars, "
    "highly recommend, must have, far exceeded, exceeded my expectations, better than expected, better than i expected, "
    "blows away, nothing wrong with, no problems with, no problem with, no issues with, no trouble with, worth every penny, "
    "less expensive than, a breeze, went out of her way, went out of his way, went out of their way, like a dream, works a treat",
    -2.0: "let down, lets down, lets it down, let me down, falls short, fell short, leaves a lot to be desired, "
    "leave a lot to be desired, left a lot to be desired, could be better, could have been better, stay away, steer clear, "
    "not worth, waste of, waste of money, waste of time, not as good as, not good enough, not up to, do not bother, "
    "do not buy, do not waste, send it back, sent it back, had to return, returned it, nothing special, not great, "
    "hit and miss, hit or miss, so so, not impressed, no good, not any good, gave up on, sick of, fed up, one star, 1 star, "
    "takes forever, took forever, takes ages, took ages, stopped working, hardly ever, leaves much to be desired, "
    "cuts out, cut out, cutting out, sub par, below par, more expensive than, worse than, drives me crazy, drives me mad, far from, does not last, "
    "did not last, will not last, came late, all over the place, a pain, a pain to, falls apart, thumbs down",
}


@cache
def weights() -> Mapping[str, float]:
    """Word -> weight, never 0. OneCartError where the package of the lexicon is not installed."""
    try:
        lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    except (ModuleNotFoundError, FileNotFoundError) as e:
        raise OneCartError("the package vaderSentiment is not installed; `pip install onecart[nlp]` brings it") from e
    rated = (line.split("\t")[:2] for line in lines if line)
    found = {word: float(weight) for word, weight in rated if word.isalpha() and float(weight)}
    for word in _DROPPED:
        found.pop(word, None)
    return found | {word: weight for weight, words in _ADDED.items() for word in words.split()}


@cache
def of_aspect() -> Mapping[tuple[str, str], float]:
    """(aspect, word) -> weight, in place of the word's own."""
    return {
        (aspect, word): weight
        for aspect, by_weight in _OF_ASPECT.items()
        for weight, words in by_weight.items()
        for word in words.split()
    }


def fixed() -> dict[str, float]:
    """Phrase -> weight."""
    return {phrase.strip(): weight for weight, phrases in FIXED.items() for phrase in phrases.split(",")}
