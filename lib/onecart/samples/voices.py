"""What customers say: posts, reviews (real sentences, whose link to a customer is simulated) and support tickets."""

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import Window as W
from pyspark.sql import functions as F

from onecart.config import Samples
from onecart.samples.defects import Feed, absurd_time, iso, json_feed, with_fates
from onecart.samples.orders import Span, account_id
from onecart.samples.people import typo
from onecart.samples.seeded_random import Dice, with_sql

_POSTS = (
    "Just unpacked my {}, love it!",
    "Anyone else got the {}? Mine broke after a week :(",
    "The {} makes such a nice present",
    "Still waiting for my {}... how long can it take?",
    "My {} looks exactly like in the picture, very happy",
    "Bought the {} in the shop today, the staff were lovely",
    "Not impressed by the {}, it feels cheap",
    "Where do they get these ideas? The {} is brilliant",
)
# category|subject|message; a return is about the last two categories.
_TICKETS = (
    "delivery|Where is my parcel?|My order {order} has not arrived yet. {product} should be in it. When will it come?",
    "delivery|Late delivery|I was promised delivery last week and am still waiting for {product}.",
    "delivery|Wrong address|The courier tried to deliver order {order} to my old address, please change it.",
    "product|Question about a product|Is {product} safe for the dishwasher? I could not find it on the page.",
    "product|Wrong item|I ordered {product} but something else was in the box.",
    "product|More of the same|I would like thirty more of {product}, when will you have them again?",
    "account|Cannot log in|I changed my telephone and cannot log in to my account any more.",
    "account|Change of e-mail|Please use my new e-mail address for order {order} and everything after it.",
    "account|Stop the newsletter|I get your newsletter twice a day, please take me off the list.",
    "refund|Refund for order {order}|I sent {product} back two weeks ago and have not seen my money.",
    "refund|Charged twice|My card was charged twice for order {order}. Please refund one of them.",
    "damaged|Arrived broken|{product} arrived in pieces, the box was crushed. I want a new one.",
    "damaged|Scratched|There are scratches all over {product}, this cannot have been new.",
)
_FEWEST_REVIEWS = 1200  # in a small world, too, there is enough to learn from; one for each online order at most
_RETURNS = tuple(t for t in _TICKETS if t.startswith(("refund", "damaged")))


def social_posts(people: DataFrame, span: Span, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per post: about every second customer with a social handle writes about something they bought."""
    draw = dice.u("posts", "customer_id")
    number = f"CASE WHEN {draw} < 0.12 THEN 2 WHEN {draw} < 0.4 THEN 1 ELSE 0 END"
    writers = people.where("platform IS NOT NULL AND bought.product IS NOT NULL")
    each = with_sql(writers, i=f"explode(slice(array(0, 1), 1, {number}))", late="false")
    keyed = with_sql(each, key=f"concat('p', {dice.code('post', 'customer_id', 'i')})")
    posted = _until(span, with_sql(keyed, at=_after("bought.placed", dice, "key")))
    fields = {
        "post_id": "key",
        "platform": "platform",
        "handle": "handle",
        "text": f"replace({dice.pick(_POSTS, 'words', 'key')}, '{{}}', trim(lower(bought.product.title)))",
        "mentions": "struct(bought.product.sku AS sku)",
        "posted_at": iso(absurd_time("at", dice)),
        "origin": "'simulated'",
    }
    return json_feed(with_fates(posted, dice, samples), fields, dice)


def _after(start: str, dice: Dice, key: str) -> str:
    """A moment in the 30 days after `start`."""
    return f"{start} + INTERVAL '30' DAY * {dice.u('days after', key)}"


def _until(span: Span, said: DataFrame) -> DataFrame:
    """Without what comes after the world's end: pressed into its last days, it would look like a rise of complaints."""
    return said.where(f"at <= {span.last}")


def review_feed(
    spark: SparkSession,
    orders: DataFrame,
    sentences: pd.DataFrame,
    share: float,
    span: Span,
    dice: Dice,
    samples: Samples,
) -> Feed:
    """One JSON object per sentence (a `share` of them, not too few; all again in each copy), each on goods of another
    online order.
    """
    wanted = max(round(len(sentences) * share), min(len(sentences), _FEWEST_REVIEWS))
    schema = "sentence_id STRING, text STRING, rating_mean DOUBLE"
    said = spark.createDataFrame(sentences[["sentence_id", "text", "rating_mean"]], schema)
    in_turn = W.partitionBy(F.lit(0)).orderBy(F.expr(dice.hash("sentence", "sentence_id")), "sentence_id")
    said = said.withColumn("number", F.row_number().over(in_turn)).where(F.col("number") <= wanted)
    bought = orders.where("sale AND channel <> 'store' AND customer_id IS NOT NULL AND size(products) > 0")
    bought = _until(span, with_sql(bought, at=_after("placed", dice, "invoice")))
    by_copy = W.partitionBy("copy").orderBy(F.expr(dice.hash("reviewed", "invoice")), "invoice")
    numbered = bought.withColumn("number", F.row_number().over(by_copy)).where(F.col("number") <= wanted)
    joined = numbered.join(F.broadcast(said), "number", how="inner")
    posted = with_sql(joined, key="concat('r', sentence_id, IF(copy = 0, '', concat('-', copy)))", late="false")
    fields = {
        "review_id": "key",
        "account_id": account_id(dice),
        "sku": f"products[{dice.below('size(products)', 'reviewed', 'key')}].sku",
        "stars": "int(least(5, greatest(1, round(1 + (rating_mean + 4) / 2))))",
        "text": "text",
        "posted_at": iso(absurd_time("at", dice)),
        "origin": "'simulated'",
    }
    return json_feed(with_fates(posted, dice, samples), fields, dice)


def tickets(orders: DataFrame, people: DataFrame, span: Span, dice: Dice) -> DataFrame:
    """One row per support ticket, key `key`: about 4% of the customers' orders and 20% of their returns."""
    asked = orders.where(f"customer_id IS NOT NULL AND {dice.u('ticket', 'invoice')} < IF(sale, 0.04, 0.20)")
    asked = asked.select("invoice", "customer_id", "placed", "sale", F.expr("trim(lines[0].title)").alias("title"))
    joined = asked.join(people.select("customer_id", "email", "phone"), "customer_id", how="inner")
    keyed = with_sql(joined, key=f"concat('T', {dice.code('ticket id', 'invoice')})", late="false")
    told = f"IF(sale, {dice.pick(_TICKETS, 'template', 'key')}, {dice.pick(_RETURNS, 'template', 'key')})"
    dated = _until(span, with_sql(keyed, at=_after("placed", dice, "key")))
    return with_sql(
        dated,
        told=f"split({told}, '[|]')",
        via=dice.pick(("chat", "phone", "email", "email"), "via", "key"),
    )


def ticket_feed(tickets: DataFrame, span: Span, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per ticket, with the e-mail or the phone the customer gave, now and then mistyped."""

    def filled(part: str) -> str:
        return f"replace(replace({part}, '{{order}}', invoice), '{{product}}', coalesce(lower(title), 'my parcel'))"

    fields = {
        "ticket_id": "key",
        "opened_at": iso(absurd_time("at", dice)),
        "via": "via",
        "email": f"IF(via = 'phone', NULL, {typo('email', 0.06, dice)})",
        "phone": f"IF(via = 'phone', concat('0', {typo('phone', 0.04, dice)}), NULL)",
        "order_id": f"IF({dice.chance(0.7, 'names order', 'key')}, invoice, NULL)",
        "category": "told[0]",
        "subject": filled("told[1]"),
        "message": filled("told[2]"),
        "status": f"IF(at > {span.last} - INTERVAL '7' DAY OR {dice.chance(0.05, 'open', 'key')}, 'open', 'solved')",
        "origin": "'simulated'",
    }
    return json_feed(with_fates(tickets, dice, samples), fields, dice)
