"""Visits to the web shop and the app: one before every online order, and more that end in none."""

import json

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Samples
from onecart.frames import sql_literal
from onecart.samples.defects import Feed, absurd, absurd_time, iso, json_feed, with_fates
from onecart.samples.names import CAMPAIGNS
from onecart.samples.orders import GOODS, Span, account_id, install_id, received
from onecart.samples.seeded_random import Dice, with_sql

_WARE = "STRUCT<sku: STRING, title: STRING, price: DECIMAL(12,3), qty: INT>"
_POPULAR = 500
_APP_NAMES = {
    **{"page_view": "ScreenViewed", "search": "Searched", "product_view": "ProductViewed"},
    **{"add_to_cart": "AddedToCart", "checkout": "CheckoutStarted", "purchase": "Purchased"},
}


def popular(products: DataFrame) -> str:
    """The goods most often sold, best first, as one SQL array literal (a few hundred, so the driver may hold them)."""
    goods = products.where(f"sku {GOODS} AND price > 0 AND description IS NOT NULL")
    best = goods.orderBy(F.desc("sold"), "sku").limit(_POPULAR).select("sku", "description", "price").collect()
    wares = [{"sku": r[0], "title": r[1], "price": float(r[2]), "qty": 1} for r in best]
    return f"from_json({sql_literal(json.dumps(wares))}, 'ARRAY<{_WARE}>')"


def visits(orders: DataFrame, people: DataFrame, wares: str, dice: Dice, samples: Samples, span: Span) -> DataFrame:
    """One row per visit; key visit. `wares`: what is `popular`.

    n (0: the visit that ends in the order), invoice, channel, customer_id (null: a stranger), person (the customer or
    stranger), cookie, install, start (of n = 0: its end), seen (products looked at), known_from (first online order).
    """
    online = orders.where("sale AND channel <> 'store'")
    who = people.select("customer_id", "neighbour", "first_ts", F.col("first_online").alias("known_from"))
    each = online.select("invoice", "customer_id", "placed", "channel", "products").join(who, "customer_id", how="left")
    each = with_sql(each, n=f"explode(sequence(0, {samples.visits_per_order}))")
    each = with_sql(
        each,
        visit=f"concat('s', {dice.code('visit', 'invoice', 'n')})",
        pair="(n + 1) div 2",  # two visits of strangers around one order are one person's
        stranger=f"customer_id IS NULL OR (n > 0 AND {dice.chance(0.6, 'stranger', 'invoice', 'n')})",
    )
    each = with_sql(
        each,
        customer_id="IF(stranger, NULL, customer_id)",
        person="IF(stranger, concat('stranger-', invoice, '-', pair), customer_id)",
        channel=f"IF(stranger AND n > 0, IF({dice.chance(0.8, 'web', 'invoice', 'pair')}, 'web', 'app'), channel)",
    )
    return with_sql(
        each,
        cookie=_cookie(dice),
        install=install_id(dice, "person"),
        start=_start(dice, span),
        seen=_seen(dice, wares),
    ).select(
        *("visit", "n", "invoice", "channel", "customer_id", "person", "cookie", "install"),
        *("start", "seen", "known_from"),
    )


def _cookie(dice: Dice) -> str:
    """Customers have up to three cookies, the first used most; one in a hundred is a computer shared with a neighbour."""
    owned = f"(1 + int(3 * pow({dice.u('cookies', 'person')}, 2)))"
    one = dice.below(owned, "which cookie", "visit")
    shared = f"NOT stranger AND neighbour IS NOT NULL AND {dice.chance(0.01, 'shared', 'person', one)}"
    return f"IF({shared}, {dice.code('cookie', 'neighbour', '0')}, {dice.code('cookie', 'person', one)})"


def _start(dice: Dice, span: Span) -> str:
    """Strangers' and half of the customers' visits: up to 21 days before the order; others: whenever they are known.

    Visits before the world's first day stand as long before its end: those there belong to orders that come after it, and
    without them the last weeks would have orders and few visits.
    """
    shift = f"make_dt_interval(1 + {dice.below(20, 'days before', 'visit')}, {dice.below(9, 'hours', 'visit')} - 4)"
    end = f"({span.last} - INTERVAL '1' HOUR)"
    before_all = (
        f"greatest({span.first}, {end} - ({span.first} - (placed - {shift})))"  # a world may be shorter than 21 days
    )
    near = f"IF(placed - {shift} < {span.first}, {before_all}, placed - {shift})"
    since = f"greatest({span.first}, first_ts - INTERVAL '30' DAY)"
    any_time = f"greatest({span.first}, {since} + ({end} - {since}) * {dice.u('any time', 'visit')})"
    is_near = f"stranger OR {dice.chance(0.5, 'near', 'visit')}"
    return f"CASE WHEN n = 0 THEN placed WHEN {is_near} THEN {near} ELSE {any_time} END"


def _seen(dice: Dice, wares: str) -> str:
    """The order's products before it; in other visits up to four of them or of the popular ones."""
    liked = f"get({wares}, int(pow({dice.u('popular', 'visit', 'i')}, 2) * size({wares})))"
    bought = f"products[{dice.below('size(products)', 'bought', 'visit', 'i')}]"
    mine = f"size(products) > 0 AND NOT stranger AND {dice.chance(0.6, 'mine', 'visit', 'i')}"
    looks = f"slice(sequence(1, 4), 1, {dice.below(5, 'looks', 'visit')})"
    return f"IF(n = 0, products, transform({looks}, i -> IF({mine}, {bought}, {liked})))"


def events(visits: DataFrame, dice: Dice, samples: Samples) -> DataFrame:
    """One row per event; key `key` (event id).

    Adds at, late, type, sku, title, price, qty, query, logged_in and campaign. A visit is a page, searches, products
    looked at and put into the cart; before an order checkout and purchase, which happens when the order is placed.
    """

    def step(kind: str, product: str = "NULL", query: str = "NULL") -> str:
        return f"struct('{kind}' AS type, CAST({product} AS {_WARE}) AS product, CAST({query} AS STRING) AS query)"

    asks = dice.below("IF(n = 0, 4, 2)", "searches", "visit")
    searches = f"slice(sequence(0, 2), 1, IF(size(seen) = 0, 0, {asks}))"
    topic = "substring_index(trim(lower(seen[i % size(seen)].title)), ' ', -2)"
    put = f"IF(n = 0 OR {dice.chance(0.25, 'cart', 'visit', 'p.sku')}, array({step('add_to_cart', 'p')}), array())"
    before = f"""concat(array({step("page_view")}), transform({searches}, i -> {step("search", query=topic)}),
        flatten(transform(seen, p -> concat(array({step("product_view", "p")}), {put}))))"""
    steps = f"IF(n = 0, concat({before}, array({step('checkout')}, {step('purchase')})), slice({before}, 1, 6))"
    each = with_sql(
        visits,
        steps=steps,
        pace=f"8 + {dice.below(40, 'pace', 'visit')}",
        campaign=f"IF({dice.chance(0.25, 'campaign', 'visit')}, {dice.pick(CAMPAIGNS, 'which', 'visit')}, NULL)",
        known="customer_id IS NOT NULL",
        returns=f"start > known_from AND {dice.chance(0.6, 'logged in', 'visit')}",
    )
    each = each.select("*", F.posexplode("steps").alias("pos", "step"))
    each = with_sql(
        each,
        key="concat(visit, '-', pos)",
        at="start + make_dt_interval(0, 0, 0, pace * IF(n = 0, pos + 1 - size(steps), pos))",
        # Before the first order nobody is logged in, and nobody checks out unless logged in.
        logged_in="known AND (returns OR (n = 0 AND pos + 2 >= size(steps)))",
    )
    return with_sql(each, late=dice.chance(samples.late_rate, "late", "key")).select(
        *("key", "at", "late", "visit", "channel", "customer_id", "cookie", "install", "invoice", "campaign"),
        *("logged_in", "step.type", "step.product.*", "step.query"),
    )


def web_events(events: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per event of the web shop."""
    page = """CASE type WHEN 'search' THEN '/search' WHEN 'page_view' THEN '/' WHEN 'checkout' THEN '/checkout'
        WHEN 'purchase' THEN '/thanks' ELSE concat('/product/', sku) END"""
    device = dice.pick(("desktop", "desktop", "desktop", "mobile", "tablet"), "device", "cookie")
    system = dice.pick(("Windows", "macOS", "Linux"), "system", "cookie")
    fields = {
        "event_id": "key",
        "ts": iso(_time(dice)),
        "received_at": iso(received("at", dice)),
        "type": "type",
        "cookie": "cookie",
        "session": "struct(visit AS id, campaign)",
        "user": f"struct(IF(logged_in, {account_id(dice)}, NULL) AS account_id)",
        "device": f"struct({device} AS type, {system} AS os)",
        "page": f"struct({page} AS url, query)",
        "product": f"IF(sku IS NULL, NULL, struct(sku, price, {_quantity(dice)} AS quantity))",
        "order_id": "IF(type = 'purchase', invoice, NULL)",
        "origin": "'simulated'",
    }
    return json_feed(with_fates(events.where("channel = 'web'"), dice, samples), fields, dice)


def app_events(events: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per event of the app."""
    name = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in _APP_NAMES.items())
    order = "IF(type = 'purchase', invoice, NULL)"
    fields = {
        "id": "key",
        "time": f"unix_millis({_time(dice)})",
        "received": f"unix_millis({received('at', dice)})",
        "name": f"CASE type {name} END",
        "install_id": "install",
        "account": f"struct(IF(logged_in, {account_id(dice)}, NULL) AS id)",
        "context": f"struct(visit AS session, {dice.pick(('iOS', 'Android'), 'system', 'install')} AS os, campaign)",
        "props": f"""struct(sku, IF(sku IS NULL, NULL, {_quantity(dice)}) AS qty, price AS unit_price, query AS term,
            {order} AS order_id)""",
        "origin": "'simulated'",
    }
    return json_feed(with_fates(events.where("channel = 'app'"), dice, samples), fields, dice)


def _time(dice: Dice) -> str:
    """An event without a product has no quantity that could be absurd, so its time is."""
    return f"IF(sku IS NULL, {absurd_time('at', dice, 2)}, {absurd_time('at', dice, 3)})"


def _quantity(dice: Dice) -> str:
    """Units put into the cart; one where only looked at."""
    return absurd("IF(type = 'add_to_cart', qty, 1)", "10000000", 2, dice, 3)
