"""What a feed of each silver table fills, column by column."""

from onecart.onboarding import expressions as sql
from onecart.onboarding.columns import Columns
from onecart.onboarding.recognise import Found


def _orders(made: Columns) -> None:
    made.texts(("order_line_id", "line_id"), ("order_id", "order_id"), ("country", "country"), ("description", "title"))
    made.times(("order_ts", "order_ts"), ("received_ts", "received_ts"))
    made.channel()
    made.who()
    made.account()
    made.texts(("sku", "sku" if "sku" in made.found else "title"))
    made.numbers(("quantity", "quantity"), ("unit_price", "unit_price"))
    if "quantity" not in made.found:
        made.unsure("quantity", "1", "no field says how many")
    elif "unit" in made.found:
        made.texts(("unit", "unit"))
    else:
        made.put("unit", sql.unit(made.found["quantity"].profile), "quantity")
    if "unit_price" not in made.found:
        total, units = sql.number(made.found["line_total"].profile), made.made["quantity"].expression
        money, number = f"cast({total} as decimal(18,4))", f"cast({units} as decimal(18,4))"
        made.put("unit_price", f"round({money} / {number}, 4)", "line_total", note="the line's total by its units")
        made.put("amount", total, "line_total")
    made.money("unit_price", "line_total")


def _interactions(made: Columns) -> None:
    made.identified(
        "event_id", "event_id", "cookie_id", "device_id", "customer_id", "session_id", "event_ts", "event_type"
    )
    made.times(("event_ts", "event_ts"), ("received_ts", "received_ts"))
    made.channel()
    if "event_type" in made.found:
        made.put("event_type", sql.event(made.found["event_type"].profile), "event_type")
    else:  # posts under a handle
        made.put("event_type", "'social_post'", confidence=0.7)
        made.texts(("handle", "handle"), ("text", "text"))
    made.who()
    made.account()
    made.texts(("cookie_id", "cookie_id"), ("session_key", "session_id"), ("sku", "sku"), ("query", "query"))
    made.texts(("order_id", "order_id"), ("campaign", "campaign"), ("device_type", "device_type"))
    made.numbers(("quantity", "quantity"), ("unit_price", "unit_price"))
    made.money("unit_price")
    if "unit_price" in made.made and "currency" in made.made and "currency" not in made.found:
        price, code = made.found["unit_price"].profile.field.sql, made.made["currency"].expression
        made.put("currency", f"if({price} is null, null, {code})", confidence=0.7)


def _contacts(made: Columns) -> None:
    made.who()
    source = next((c for c in ("card_id", "account_id") if c in made.found and "customer_id" not in made.found), "")
    made.put("source", {"card_id": "'card'", "account_id": "'account'"}.get(source, "'crm'"), confidence=0.8)
    if "full_name" in made.found and not {"given_name", "surname"} & made.found.keys():
        given, surname = sql.names(made.found["full_name"].profile)
        made.put("given_name", given, "full_name")
        made.put("surname", surname, "full_name")
    names = ("given_name", "surname", "email", "phone", "street", "city", "postcode", "country", "handle")
    made.texts(*((n, n) for n in names))
    made.account()
    made.day("date_of_birth", "date_of_birth")
    made.booleans(*((n, n) for n in ("consent_email", "consent_sms", "consent_profiling")))
    made.times(("updated_ts", "updated_ts"))


def _products(made: Columns) -> None:
    made.texts(("sku", "sku"), ("description", "title"), ("brand", "brand"))
    _category(made)
    made.numbers(
        ("list_price", "list_price"), ("unit_cost", "unit_cost"), ("stock_on_hand", "stock"), ("min_age", "min_age")
    )
    made.money("list_price", "unit_cost")
    made.times(("updated_ts", "updated_ts"))


def _category(made: Columns) -> None:
    """The category, or the path to it from the widest of the feed's groups: department > category."""
    one = made.plan.reading.found.get("category")
    if one is None:
        return
    levels = sorted([one.profile, *(made.plan.profiles[r] for r in one.rivals)], key=lambda p: p.distinct)
    parts = ", ".join(sql.text(p) for p in levels)
    made.found["category"] = Found(one.profile, one.score)
    made.put("category", f"concat_ws(' > ', {parts})" if one.rivals else parts, "category")


def _reviews(made: Columns) -> None:
    made.identified("review_id", "review_id", "customer_id", "account_id", "sku", "review_ts", "text")
    made.times(("review_ts", "review_ts"))
    made.who()
    made.account()
    made.texts(("sku", "sku"), ("text", "text"))
    made.numbers(("rating", "rating"))


def _tickets(made: Columns) -> None:
    made.identified("ticket_id", "ticket_id", "customer_id", "email", "opened_ts", "subject", "text")
    made.times(("opened_ts", "opened_ts"))
    made.who()
    same = ("email", "phone", "order_id", "contact_channel", "category", "subject", "text", "status")
    made.texts(*((n, n) for n in same))


def _weather(made: Columns) -> None:
    made.day("day", "day")
    made.numbers(("temperature_c", "temperature"), ("rain_mm", "rain"))
    made.texts(("country", "country"))
    if "country" not in made.found:
        made.put("country", f"'{made.shop.country}'", note="the shop's", confidence=0.7)


def _footfall(made: Columns) -> None:
    made.day("day", "day")
    made.texts(("store_id", "store_id"))
    made.numbers(("visitors", "visitors"))


def _plans(made: Columns) -> None:
    made.texts(("plan_id", "plan_id"), ("sku", "sku"))
    made.day("day", "day")
    if "plan_kind" in made.found:
        made.texts(("kind", "plan_kind"))
    else:
        made.put("kind", "'promotion'", confidence=0.6)
    made.numbers(("amount", "plan_amount"))
    if "plan_amount" not in made.found:
        made.put("amount", "1", confidence=0.6)
    made.times(("updated_ts", "updated_ts"))


FILL = {
    "silver.orders": _orders,
    "silver.interactions": _interactions,
    "silver.contacts": _contacts,
    "silver.products": _products,
    "silver.reviews": _reviews,
    "silver.tickets": _tickets,
    "silver.weather": _weather,
    "silver.footfall": _footfall,
    "silver.plans": _plans,
}
