"""What is known about a customer on a day: every feature declared once, for the table's contract, the job that computes
it, streams and notebooks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

FEATURE_WINDOWS = (1, 7, 28, 90, 365)  # days before as_of that features count over
HALF_LIFE_DAYS = 30  # after each of these a fact counts half in the decayed counts
DISCOUNT = 0.95  # a line below this part of the product's usual price was bought cheap
SHORT, LONG = 28, 365  # days: a trend is the rate of the short window over that of the long one
WEATHER_DAYS, HOLIDAY_DAYS = 7, 28  # days of weather before as_of, and of holidays from as_of on


@dataclass(frozen=True)
class Feature:
    """One column of gold.customer_features.

    kind: how it is computed: `window` (sum over window_days before as_of), `decayed` (sum of facts halved every
    HALF_LIFE_DAYS), `trend` (rate over SHORT days / rate over LONG days), or `own` (an expression of its own).
    measure: the daily count that the first three sum. null: what a null means; empty: the value is never null.
    """

    name: str
    meaning: str
    unit: str
    kind: str = "own"
    measure: str = ""
    window_days: int | None = None
    null: str = ""

    @property
    def comment(self) -> str:
        return f"{self.meaning}, {self.unit}" + (f"; null: {self.null}" if self.null else "")


_COUNTED = {  # daily counts: meaning, unit, and the windows they are summed over
    "orders": ("orders", "orders", FEATURE_WINDOWS),
    "revenue": ("spend, returns taken off", "the currency most ordered in", FEATURE_WINDOWS),
    "visits": ("online visits", "visits", FEATURE_WINDOWS),
    "product_views": ("product views", "events", FEATURE_WINDOWS),
    "cart_adds": ("adds to cart", "events", FEATURE_WINDOWS),
    "searches": ("searches", "events", FEATURE_WINDOWS),
    "checkouts": ("checkouts begun", "events", FEATURE_WINDOWS),
    "returns": ("returned lines", "lines", (28, 365)),
    "tickets": ("tickets", "tickets", (28, 90)),
}
_DECAYED = ("orders", "revenue", "visits", "product_views", "cart_adds")
_TRENDS = ("orders", "visits", "product_views")


def _windows() -> Iterator[Feature]:
    for measure, (meaning, unit, windows) in _COUNTED.items():
        for n in windows:
            span = f"{meaning} in the {n} days before as_of" if n > 1 else f"{meaning} on the day before as_of"
            yield Feature(f"{measure}_{n}d", span, unit, "window", measure, n)


def _decayed() -> Iterator[Feature]:
    for measure in _DECAYED:
        meaning = f"{_COUNTED[measure][0]}, each worth half after every {HALF_LIFE_DAYS} days"
        yield Feature(f"{measure}_decayed", meaning, _COUNTED[measure][1], "decayed", measure)


def _trends() -> Iterator[Feature]:
    for measure in _TRENDS:
        meaning = f"{_COUNTED[measure][0]} a day in {SHORT} days / a day in {LONG} days (or since the first seen)"
        yield Feature(f"{measure}_trend", meaning, "ratio", "trend", measure, LONG, f"none in {LONG} days")


_NONE_YET = "none yet"
_NO_LINES = "bought nothing with a price in 365 days"
FEATURES: tuple[Feature, ...] = (
    Feature("days_since_order", "from the last order", "days", null=_NONE_YET),
    Feature("days_since_visit", "from the last online event", "days", null=_NONE_YET),
    Feature("days_since_cart", "from the last add to cart", "days", null=_NONE_YET),
    Feature("tenure_days", "from the first order or online event", "days"),
    *_windows(),
    *_decayed(),
    *_trends(),
    Feature("average_basket", "spend per order, returns taken off", "the currency most ordered in", null=_NONE_YET),
    Feature("order_gap_days", "mean time between orders", "days", null="fewer than two"),
    Feature("web_share", "orders online, not by app", "share of orders", null=_NONE_YET),
    Feature("app_share", "orders by app", "share of orders", null=_NONE_YET),
    Feature("store_share", "orders in stores", "share of orders", null=_NONE_YET),
    Feature("app_visit_share", "visits by app", "share of online visits", null=_NONE_YET),
    Feature(
        "price_index", "mean of price paid / median price of the product", "ratio", window_days=365, null=_NO_LINES
    ),
    Feature("discount_share", f"lines below {DISCOUNT:.0%} of it", "share of lines", window_days=365, null=_NO_LINES),
    Feature("categories", "categories bought", "categories", window_days=365, null=_NO_LINES),
    Feature("top_category_share", "lines of the first one", "share of lines", window_days=365, null=_NO_LINES),
    Feature("category_entropy", "spread of lines over categories", "bits", window_days=365, null=_NO_LINES),
    Feature("temperature_7d", "mean of the 7 days before as_of", "degrees Celsius", window_days=7, null="not known"),
    Feature("rain_7d", "in the 7 days before as_of", "millimetres", window_days=7, null="not known"),
    Feature(
        "holidays_next_28d", "public holidays in the 28 days from as_of", "days", window_days=28, null="no calendar"
    ),
    Feature("days_to_holiday", "to the next public holiday, 0: it is one", "days", null="no calendar"),
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
