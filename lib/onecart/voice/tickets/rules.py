"""What a support text is about and how urgent it is, by words. English. Spark SQL only."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

INTENTS = ("delivery", "refund", "fault", "question", "account", "other")
_WORDS: Mapping[str, Mapping[int, str]] = {  # intent -> points -> words, as regular expressions
    "delivery": {
        2: r"parcel|courier|deliver\w*|shipp\w*|dispatch\w*|tracking|not arrived|never arrived|arriv\w{1,10} yet|lost in the post",
        1: r"waiting for|address|postcode|late|when will (?:it|they|my) (?:come|arrive)|still not here|box was left",
    },
    "refund": {
        3: r"refund\w*|money back|charged (?:twice|double)|chargeback|reimburse\w*|credit note|overcharged",
        1: r"sent (?:it|them|\w+) back|return\w*|paid|charged|payment|invoice",
    },
    "fault": {
        2: r"broken|broke|damag\w*|faulty|defect\w*|crack\w*|scratch\w*|in pieces|smashed|shattered|does not work|doesn'?t work|"
        r"not work\w*|stopped working|leak\w*|torn|wrong (?:item|colour|color|size|product)|something else|missing|replacement|"
        r"crushed|dented|chipped|caught fire|smok(?:e|ing)|electric shock|burn(?:t|ing)|fell apart|malfunction\w*|dead on arrival",
    },
    "question": {
        2: r"\?\s*$|is (?:it|this|the|that) \w+|how (?:do|can|much|many|long|big)|do you (?:have|sell|stock)|can you tell|"
        r"question|could not find|suitable for|compatible|safe for|dimensions|in stock|when will you have|available",
        1: r"what|which|wonder\w*|would like|more of|is \w+ safe",
    },
    "account": {
        3: r"log ?in|log ?on|sign ?in|password|my account|newsletter|unsubscribe|mailing list|new e-?mail|e-?mail address|"
        r"change my (?:name|phone|number|address|details)|delete my|loyalty (?:card|points)|two[- ]factor|locked out",
        1: r"account|profile|points",
    },
}
_URGENT: Mapping[str, tuple[int, str]] = {  # reason -> points, words
    "danger to health": (
        4,
        r"caught fire|on fire|smok(?:e|ing)|burn(?:t|ed|ing|s)? (?:my|me|her|his|myself)|electric shock|shock\w{0,10} me|injur\w*|bleed\w*|"
        r"cut (?:my|her|his)|allerg\w*|chok\w*|hospital|poison\w*|explod\w*|sharp edge",
    ),
    "fraud or stolen data": (
        4,
        r"fraud\w*|scam\w*|hack\w*|stolen|unauthori[sz]ed|not my (?:order|purchase)|did not (?:order|make)|someone (?:else )?(?:used|logged)|"
        r"identity theft",
    ),
    "legal step or public complaint": (
        3,
        r"lawyer|solicitor|legal action|court|sue|trading standards|ombudsman|consumer (?:protection|rights)|chargeback|trustpilot|press",
    ),
    "money taken": (
        2,
        r"charged (?:twice|double)|overcharged|wrong amount|not seen my money|still no refund|paid twice",
    ),
    "needed soon": (
        2,
        r"urgent\w*|asap|as soon as possible|immediately|right away|today|tomorrow|tonight|this (?:weekend|evening)|"
        r"for (?:my|our|the|her|his|a) (?:\w+ )?(?:wedding|funeral|birthday|party)|before christmas|by (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
    ),
    "asked before": (
        2,
        r"(?:second|third|fourth|fifth) time|again and again|already (?:wrote|written|called|asked|contacted)|no (?:reply|answer|response)|"
        r"nobody (?:answers|replies)|ignor\w*|still waiting|for weeks|weeks ago|several times|times already|keep (?:asking|calling)",
    ),
    "angry": (
        1,
        r"disgrace\w*|unacceptable|outrag\w*|furious|appalling|disgust\w*|terrible|worst|never again|ridiculous|fed up|!{2,}",
    ),
}
_CALM = r"no (?:rush|hurry)|not urgent|whenever (?:you|it)|take your time|just wonder\w*|just curious|no need to reply|thank you for"
_HIGH, _NORMAL = 4, 1


def points(text: Column) -> dict[str, Column]:
    """Intent -> points of a text, 0 where no word of it stands there; each list counts once for each different word."""
    lower = F.lower(F.coalesce(text, F.lit("")))
    return {
        intent: sum((_different(lower, words) * weight for weight, words in lists.items()), F.lit(0))
        for intent, lists in _WORDS.items()
    }


def intent(text: Column) -> Column:
    """A struct: intent (that with most points; `other` without any) and confidence (its share of all points, 0 to 1; 0 for
    `other`). Of equal points the first in the order of INTENTS wins but for question, which most others ask too."""
    order = ("delivery", "refund", "fault", "account", "question")
    found = points(text)
    scored = F.array(
        *[
            F.struct(found[i].alias("points"), F.lit(-n).alias("place"), F.lit(i).alias("intent"))
            for n, i in enumerate(order)
        ]
    )
    best, total = F.array_max(scored), sum(found.values(), F.lit(0))
    none = F.struct(F.lit("other").alias("intent"), F.lit(0.0).alias("confidence"))
    share = F.struct(best["intent"].alias("intent"), (best["points"] / total).alias("confidence"))
    return F.when(best["points"] > 0, share).otherwise(none)


def urgency(text: Column, intent: Column) -> Column:
    """A struct: urgency (low | normal | high) and reasons (strings, the weightiest first).

    Points of the reasons that the text gives add up: 4 make it high, 1 normal; none leave a question or a matter of the
    account low, and anything else normal. Words of no hurry take two points off.
    """
    lower = F.lower(F.coalesce(text, F.lit("")))
    shouted = (
        F.length(F.regexp_replace(text, r"[^\p{Lu}]", "")) > 0.6 * F.length(F.regexp_replace(text, r"[^\p{L}]", ""))
    ) & (F.length(text) > 20)
    given = {reason: (p, lower.rlike(rf"(?<!\p{{L}})(?:{words})(?!\p{{L}})")) for reason, (p, words) in _URGENT.items()}
    given["angry"] = (1, given["angry"][1] | lower.rlike("!{2,}") | F.coalesce(shouted, F.lit(False)))
    calm = lower.rlike(_CALM)
    total = sum((F.when(holds, p).otherwise(0) for p, holds in given.values()), F.lit(0)) - F.when(calm, 2).otherwise(0)
    quiet = intent.isin("question", "account")
    level = F.when(total >= _HIGH, "high").when((total >= _NORMAL) | (~quiet & ~calm), "normal").otherwise("low")
    heaviest = sorted(given.items(), key=lambda item: -item[1][0])
    reasons = [F.when(holds, F.lit(reason)) for reason, (_, holds) in heaviest] + [F.when(calm, F.lit("in no hurry"))]
    return F.struct(level.alias("urgency"), F.array_compact(F.array(*reasons)).alias("reasons"))


def _different(lower: Column, words: str) -> Column:
    found = F.regexp_extract_all(lower, F.lit(rf"(?<!\p{{L}})(?:{words})(?!\p{{L}})"), F.lit(0))
    return F.size(F.array_distinct(found))
