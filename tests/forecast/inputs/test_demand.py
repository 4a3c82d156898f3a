"""What of the order lines was demand: which returns take out which lines."""

import datetime as dt
import random

from onecart.forecast.inputs import demand

AS_OF = dt.date(2024, 2, 1)
LINES = "order_line_id string, sku string, buyer string, order_ts timestamp, quantity double"


def hour(n):
    return dt.datetime(2024, 1, 1) + dt.timedelta(hours=n)


def left(spark, rows):
    """The lines that were demand: [(sku, units)], sorted."""
    found = demand.wanted_lines(spark.createDataFrame(rows, LINES), as_of=AS_OF, returned_days=7, bulk_times=1e6)
    return sorted((r["unique_id"], r["ds"], r["units"]) for r in found.collect())


def test_each_return_takes_one_line_of_its_own_buyer(spark):
    rows = [
        ("1", "mug", "anna", hour(0), 2.0),
        ("2", "mug", "anna", hour(30), 2.0),
        ("3", "mug", "anna", hour(40), -2.0),
        ("4", "mug", "anna", hour(41), -2.0),  # two of one size take out two
        ("5", "cup", "ben", hour(50), 1.0),
        ("6", "cup", "carl", hour(51), -1.0),  # another's, and anybody's
        ("7", "cup", None, hour(52), -1.0),
        ("8", "tin", None, hour(60), 3.0),
        ("9", "tin", None, hour(61), -3.0),
        ("10", "jar", "anna", hour(70), -1.0),  # of a line from before the data
        ("11", "jar", "anna", hour(71), 1.0),
    ]
    assert left(spark, rows) == [("cup", dt.date(2024, 1, 3), 1.0), ("jar", dt.date(2024, 1, 3), 1.0)]


def test_lines_and_returns_pair_up_as_in_a_loop(spark):
    dice = random.Random(1)
    rows = [
        (f"{n:03}", dice.choice("pq"), dice.choice(["anna", "ben", None]), hour(dice.randrange(600)), dice.choice([1.0, 2.0, -1.0]))
        for n in range(200)
    ]  # fmt: skip
    open_lines, gone = {}, set()
    for name, sku, buyer, at, quantity in sorted(rows, key=lambda r: (r[3], r[4] < 0, r[0])):
        stack = open_lines.setdefault((sku, abs(quantity), buyer), [])
        if quantity > 0:
            stack.append((name, at))
        elif stack and stack[-1][1] >= at - dt.timedelta(days=7):
            gone.add(stack.pop()[0])
    expected = sorted((r[1], r[3].date(), r[4]) for r in rows if r[4] > 0 and r[0] not in gone)
    assert len(gone) > 20
    assert left(spark, rows) == expected


def test_no_product_is_joined_with_itself(spark):
    """Of 16,000 lines of one size and as many returns, pairs would be 256 million rows."""
    found = demand.wanted_lines(spark.createDataFrame([], LINES), as_of=AS_OF, returned_days=7, bulk_times=1e6)
    assert "Join" not in found._jdf.queryExecution().executedPlan().toString()
