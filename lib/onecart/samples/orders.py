"""The real invoices, split over web, app and store, and the product, weather and footfall feeds."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import Samples
from onecart.errors import OneCartError
from onecart.frames import sql_literal
from onecart.samples.defects import BAD_TIME, Feed, absurd, absurd_time, csv_feed, iso, json_feed, with_fates
from onecart.samples.names import CATEGORIES
from onecart.samples.seeded_random import Dice, with_sql

DUMMY_CARD = "9999999999"
GOODS = "RLIKE '^[0-9]{5}'"  # stock codes of goods; the others are postage, fees, vouchers and corrections
_DUMMY_TILL = "T07"
_RECEIPT_HEADER = (
    " Receipt No. ;Date/Time;Till #;Item Code;Item Description ;  QTY;Unit Price (GBP);Loyalty Card No;Country ;Origin"
)
_ADULT = r"KNIFE|KNIVES|LIGHTER|HIP FLASK|SHOT GLASS"
_PRODUCT_HEADER = "SKU,Description,Category,List Price,Unit Cost,Currency,Stock,Min Age,Updated,Origin"
_WEATHER_HEADER = "Day,Country,Temperature (C),Rain (mm),Origin"
_FOOTFALL_HEADER = "Day,Store,People In,Origin"
_TILLS_A_STORE = 4
_NEXT_SHEET = 10_000  # lines; the file's two sheets overlap, and an invoice that is in both was sent twice


@dataclass(frozen=True)
class Span:
    """How many customers a world has, and its first day and last moment as SQL timestamps."""

    customers: int
    first: str
    last: str


def choose(invoices: DataFrame, dice: Dice, customers: int | None) -> tuple[DataFrame, float]:
    """The lines of `customers` customers drawn by hash, a like share of the invoices of nobody, and that share."""
    if customers is None:
        return invoices, 1.0
    everybody = invoices.where("customer_id IS NOT NULL").select("customer_id").distinct().persist()
    share = min(1.0, customers / max(1, everybody.count()))
    drawn = everybody.orderBy(F.expr(dice.hash("chosen", "customer_id")), "customer_id").limit(customers)
    joined = invoices.join(F.broadcast(drawn.withColumn("drawn", F.lit(True))), "customer_id", how="left")
    guest = f"customer_id IS NULL AND {dice.chance(share, 'chosen', 'invoice')}"
    return joined.where(f"drawn OR ({guest})").drop("drawn"), share


def orders(lines: DataFrame, dice: Dice, samples: Samples) -> DataFrame:
    """One row per invoice and copy of the world; key invoice.

    Columns: customer_id (null: a guest), country, placed (time of its first line), lines (in file order), resent (the file
    has them twice), copy, channel (web | app | store), sale (not a cancellation or adjustment), products (up to 8 of its lines that are goods with a
    price), till, own_card (the customer showed theirs) and card (store only; null where none was shown).
    """
    line = "struct(line_no, invoice_date AS sold, stock_code AS sku, description AS title, quantity AS qty, price)"
    grouped = lines.groupBy("invoice").agg(
        F.max("customer_id").alias("customer_id"),
        F.max("country").alias("country"),
        F.min("invoice_date").alias("placed"),
        F.array_sort(F.collect_list(F.expr(line))).alias("lines"),
    )
    first = f"x.line_no - lines[0].line_no < {_NEXT_SHEET}"
    sent = with_sql(grouped, lines=f"filter(lines, x -> {first})", resent=f"exists(lines, x -> NOT {first})")
    copied = with_sql(sent, copy=f"explode(sequence(0, {samples.scale - 1}))")
    suffixed = {c: f"concat({c}, IF(copy = 0, '', concat('-', copy)))" for c in ("invoice", "customer_id")}
    goods = f"filter(lines, x -> x.qty > 0 AND x.price > 0 AND x.sku {GOODS})"
    described = with_sql(
        with_sql(copied, **suffixed),
        sale="invoice RLIKE '^[0-9]' AND exists(lines, x -> x.qty > 0)",
        products=f"slice(array_distinct(transform({goods}, x -> struct(x.sku, x.title, x.price, x.qty))), 1, 8)",
        home=f"element_at(array('web', 'app', 'store'), {_home('customer_id', dice)})",
    )
    others = "array_remove(array('web', 'app', 'store'), home)"
    elsewhere = f"element_at({others}, 1 + {dice.below(2, 'elsewhere', 'invoice')})"
    channel = f"""CASE WHEN customer_id IS NULL THEN IF({dice.chance(0.15, "guest", "invoice")}, 'web', 'store')
        WHEN NOT sale OR {dice.chance(0.8, "stays", "invoice")} THEN home ELSE {elsewhere} END"""
    return with_sql(described, channel=channel).drop("home").transform(_with_till, dice=dice)


def _home(customer: str, dice: Dice) -> str:
    """The channel a customer prefers (1 web, 2 app, 3 store), such that the strays make 45 / 20 / 35 of all orders."""
    draw = dice.u("home channel", customer)
    return f"CASE WHEN {draw} < 0.50 THEN 1 WHEN {draw} < 0.64 THEN 2 ELSE 3 END"


def _with_till(df: DataFrame, *, dice: Dice) -> DataFrame:
    with_till = with_sql(
        df,
        till=f"concat('T', lpad(1 + {dice.below(12, 'till', 'invoice')}, 2, '0'))",
        own_card=f"""channel = 'store' AND customer_id IS NOT NULL
            AND {dice.chance(0.85, "card shown", "invoice")}""",
    )
    # One clerk scans a card from the drawer for whoever shows none.
    dummy = f"channel = 'store' AND sale AND till = '{_DUMMY_TILL}'"
    return with_sql(with_till, card=f"CASE WHEN own_card THEN {card_no(dice)} WHEN {dummy} THEN '{DUMMY_CARD}' END")


def span(orders: DataFrame) -> Span:
    """How many customers, and from when to when."""
    facts = orders.agg(F.min("placed"), F.max("placed"), F.countDistinct("customer_id")).first()
    if facts is None or facts[0] is None:
        raise OneCartError("there are no invoices to grow a world from")
    first, last, customers = facts
    return Span(customers, f"timestamp'{first:%Y-%m-%d} 00:00:00'", f"timestamp'{last:%Y-%m-%d %H:%M:%S}'")


def account_id(dice: Dice) -> str:
    return f"concat('A', {dice.code('account', 'customer_id')})"


def install_id(dice: Dice, person: str) -> str:
    return dice.code("install", person)


def card_no(dice: Dice) -> str:
    return f"concat('63', {dice.digits(14, 'card', 'customer_id')})"


def received(sent: str, dice: Dice) -> str:
    """When the server got it: seconds later, or 1 to 10 days where `late`."""
    delay = f"IF(late, 86400 + {dice.below(9 * 86400, 'days late', 'key')}, 1 + {dice.below(40, 'delay', 'key')})"
    return f"({sent} + make_dt_interval(0, 0, 0, {delay}))"


def web_orders(orders: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per web invoice, origin real."""
    fields = {
        "order_id": "invoice",
        "placed_at": iso(absurd_time("placed", dice, 4)),
        "received_at": iso(received("placed", dice)),
        "account_id": f"IF(customer_id IS NULL, NULL, {account_id(dice)})",
        "ship_country": "country",
        "currency": "'GBP'",
        "lines": _lines(dice),
        "origin": "'real'",
    }
    return json_feed(_online(orders, "web", dice, samples), fields, dice)


def app_orders(orders: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One JSON object per app invoice, origin real; a tenth of them is ordered without logging in."""
    fields = {
        "id": "invoice",
        "placed_ms": f"unix_millis({absurd_time('placed', dice, 4)})",
        "received_ms": f"unix_millis({received('placed', dice)})",
        "account": f"struct(IF({dice.chance(0.1, 'not logged in', 'invoice')}, NULL, {account_id(dice)}) AS id)",
        "install_id": install_id(dice, "customer_id"),
        "country": "country",
        "currency": "'GBP'",
        "items": _lines(dice),
        "origin": "'real'",
    }
    return json_feed(_online(orders, "app", dice, samples), fields, dice)


def _online(orders: DataFrame, channel: str, dice: Dice, samples: Samples) -> DataFrame:
    late = dice.chance(samples.late_rate, "late", "invoice")
    keyed = with_sql(orders.where(F.col("channel") == channel), key="invoice", at="placed", late=late)
    return with_fates(keyed, dice, samples, resent="resent")


def _lines(dice: Dice) -> str:
    """The lines of an order; an absurd copy has one line only, as the others would be plain duplicates."""
    qty, price = absurd("x.qty", "10000000", 2, dice), absurd("x.price", "-1 - x.price", 3, dice)
    kept = "IF(fate = 'absurd', slice(lines, 1, 1), lines)"
    return f"transform({kept}, x -> struct(x.sku AS sku, x.title AS title, {qty} AS qty, {price} AS price))"


def store_receipts(orders: DataFrame, dice: Dice, samples: Samples) -> Feed:
    """One CSV line per line of a store invoice, origin real; the header is as messy as tills write it. Equal lines are scans of
    several things."""
    names = ("invoice", "till", "card", "country", "resent")
    line = orders.where("channel = 'store'").select(*names, F.explode("lines").alias("x"))
    flat = line.select(*names, "x.*")
    keyed = with_sql(flat, key="concat_ws('/', invoice, line_no)", at="sold", late="false")
    fields = (
        *("invoice", f"date_format({absurd_time('sold', dice, 4)}, 'dd/MM/yyyy HH:mm')", "till", "sku", "title"),
        *(absurd("qty", "10000000", 2, dice), absurd("price", "-1 - price", 3, dice), "card", "country", "'real'"),
    )
    wrong = {1: BAD_TIME, 5: "a dozen", 6: "n/a"}
    lines = with_fates(keyed, dice, samples, resent="resent")
    return csv_feed(lines, _RECEIPT_HEADER, fields, dice, ";", wrong, each_counts=True)


def products(lines: DataFrame) -> DataFrame:
    """One row per stock code (sku): its most frequent description, median price of that (GBP), sold (lines), updated."""
    by_text = lines.groupBy("stock_code", "description").agg(
        F.count("*").alias("sold"),
        F.expr("percentile_approx(IF(price > 0, price, NULL), 0.5)").alias("price"),
        F.max("invoice_date").alias("last"),
    )
    usual = F.expr("max(struct(description IS NOT NULL AS known, sold, description, price))")
    by_sku = by_text.groupBy(F.col("stock_code").alias("sku"))
    each = by_sku.agg(usual.alias("usual"), F.sum("sold").alias("sold"), F.max("last").alias("updated"))
    return each.select("sku", "usual.description", "usual.price", "sold", "updated")


def product_feed(products: DataFrame, dice: Dice) -> Feed:
    """One CSV line per stock code. Description and list price are the shop's; category, unit cost, stock (one in fifty is
    sold out) and the age from which blades, fire and liquor may be sold are simulated."""
    tried = " ".join(
        f"WHEN upper(description) RLIKE {sql_literal(w)} THEN {sql_literal(name)}" for name, w in CATEGORIES.items()
    )
    category = f"CASE WHEN NOT (sku {GOODS} OR sku LIKE 'DCGS%') THEN 'service' {tried} ELSE 'other' END"
    cost = f"round(price * (0.40 + 0.25 * {dice.u('cost', 'sku')}), 2)"
    updated = "date_format(updated, 'yyyy-MM-dd HH:mm:ss')"
    clean = with_sql(products, key="sku", at="updated", late="false", fate="'clean'")
    stock = f"IF({dice.chance(0.02, 'out', 'sku')}, 0, bigint(1 + 400 * {dice.u('stock', 'sku')}))"
    min_age = f"IF(upper(description) RLIKE {sql_literal(_ADULT)}, 18, NULL)"
    fields = ("sku", "description", category, "price", cost, "'GBP'", stock, min_age, updated, "'simulated'")
    return csv_feed(clean, _PRODUCT_HEADER, fields, dice)


def weather_feed(spark: SparkSession, span: Span, dice: Dice) -> Feed:
    """One CSV line per day, to 60 days after the last order (the forecast for the days to come): UK, simulated."""
    days = spark.sql(f"SELECT explode(sequence(date({span.first}), date({span.last}) + 60)) AS day")
    season = "10.0 - 6.5 * cos(2 * pi() * (dayofyear(day) - 20) / 365)"
    week = dice.u("week", "trunc(day, 'week')")
    swings = f"6 * ({week} - 0.5) + 4 * ({dice.u('day', 'day')} - 0.5)"
    rain = f"IF({dice.chance(0.45, 'rain', 'day')}, round(-4.5 * ln(1 - {dice.u('mm', 'day')}), 1), 0.0)"
    clean = with_sql(days, key="string(day)", at="timestamp(day)", late="false", fate="'clean'")
    fields = ("day", "'United Kingdom'", f"round({season} + {swings}, 1)", rain, "'simulated'")
    return csv_feed(clean, _WEATHER_HEADER, fields, dice)


def footfall_feed(orders: DataFrame, dice: Dice) -> Feed:
    """One CSV line per store and day with a sale: people counted at the doors, two to six for each receipt; simulated."""
    store = f"concat('S', 1 + int((int(substring(till, 2, 2)) - 1) div {_TILLS_A_STORE}))"
    sold = with_sql(orders.where("sale AND channel = 'store'"), store=store, day="date(placed)")
    counted = sold.groupBy("store", "day").agg(F.count("*").alias("receipts"))
    keyed = with_sql(counted, key="concat_ws('/', store, day)", at="timestamp(day)", late="false", fate="'clean'")
    people = f"receipts + round(receipts * (1 + 4 * {dice.u('footfall', 'key')}))"
    return csv_feed(keyed, _FOOTFALL_HEADER, ("day", "store", f"bigint({people})", "'simulated'"), dice)
