"""The gold tables about what customers say that the job `voice` writes."""

from onecart.contracts.base.columns import AS_OF, MODEL_VERSION
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

_WRITER = C("record_id", "string", "who wrote it")
_POLARITY = "polarity IN ('positive', 'negative', 'neutral')"
_ISSUE = (
    C("scope", "string", "sku | category | shop", nullable=False),
    C("item", "string", "the sku, the category, all", nullable=False),
    C("aspect", "string", "what it is about, as in battery, delivery", nullable=False),
    C("week", "date", "Monday of the week", nullable=False),
)

VOICE = (
    Table(
        "gold.review_aspects",
        "one aspect in one clause of one review",
        "voice",
        (
            C("review_id", "string", "review", nullable=False),
            _WRITER,
            C("sku", "string", "product"),
            C("aspect", "string", "what it is about, as in battery, delivery", nullable=False),
            C("polarity", "string", "positive | negative | neutral (no opinion, or a question)", nullable=False),
            C("score", "double", "weight of the opinion, -4 to 4", nullable=False),
            C("term", "string", "the words that name the aspect, lower case", nullable=False),
            C("evidence", "string", "the words that show it, masked", nullable=False, pii=True),
            C("start", "int", "their place in silver.reviews.text, characters from 0", nullable=False),
            C("end", "int", "the character after them", nullable=False),
            MODEL_VERSION,
        ),
        key=("review_id", "aspect", "start"),
        checks={"polarity_known": _POLARITY, "span": "start < `end`"},
    ),
    Table(
        "gold.product_issues",
        "one aspect of one product, one category or the whole shop in one week that somebody spoke of it",
        "voice",
        (
            *_ISSUE,
            C("reviews", "long", "reviews of the item in the week", nullable=False),
            C("mentions", "long", "of them, those that speak of the aspect", nullable=False),
            C("positive", "long", "of them, those that praise it", nullable=False),
            C("negative", "long", "of them, those that complain of it", nullable=False),
            C("negative_share", "double", "negative / mentions", nullable=False),
            C("recent_share", "double", "complaints per review lately", nullable=False),
            C("past_share", "double", "complaints per review before; null: no reviews"),
            C("p_value", "double", "how often chance alone makes such a rise; null: too little to test"),
            C("q_value", "double", "the same, corrected for all tests of the run; null: above voice.issue_alpha"),
            C("emerging", "boolean", "more complaints than before, beyond chance", nullable=False),
            C(
                "sales_effect",
                "double",
                "sales beside their forecast relative to other weeks, less 1; no proof of a cause",
            ),
            C("sales_effect_low", "double", "lower end of its 95 % interval"),
            C("sales_effect_high", "double", "upper end"),
            C("sales_effect_reason", "string", "why there is none; null: there is one"),
            C("owner", "string", "who can mend it", nullable=False),
            AS_OF,
        ),
        key=("scope", "item", "aspect", "week"),
        checks={"negative_are_mentions": "negative <= mentions"},
    ),
    Table(
        "gold.issue_quotes",
        "one quote that shows one row of gold.product_issues; an erased customer's goes",
        "voice",
        (
            *_ISSUE,
            C("place", "int", "1 is the strongest", nullable=False),
            C("review_id", "string", "review it is from", nullable=False),
            _WRITER,
            C("quote", "string", "the customer's words, masked", nullable=False, pii=True),
            C("score", "double", "weight of the opinion, -4 to 4", nullable=False),
        ),
        key=("scope", "item", "aspect", "week", "place"),
    ),
    Table(
        "gold.ticket_intent",
        "one support ticket and what its writer wants",
        "voice",
        (
            C("ticket_id", "string", "ticket", nullable=False),
            C("intent", "string", "delivery | refund | fault | question | account | other", nullable=False),
            C(
                "confidence",
                "double",
                "the model's probability of it, or the rules' share of points, 0 to 1",
                nullable=False,
            ),
            C("urgency", "string", "low | normal | high", nullable=False),
            C("reasons", "strings", "what made it urgent or not"),
            MODEL_VERSION,
        ),
        key=("ticket_id",),
        checks={"urgency_known": "urgency IN ('low', 'normal', 'high')"},
    ),
    Table(
        "gold.review_sentiment",
        "one review scored",
        "voice",
        (
            C("review_id", "string", "review", nullable=False),
            C("sku", "string", "product"),
            C("sentiment", "string", "positive | negative | neutral (where asked for); null: see reason"),
            C("confidence", "double", "probability that it is right, calibrated"),
            C("reason", "string", "why there is no sentiment, or what was not read; null: read whole"),
            C("split", "string", "train | test | unlabelled: train rows were seen in training", nullable=False),
            MODEL_VERSION,
        ),
        key=("review_id",),
    ),
)
