"""The shop's own rules: checked before a row is read, judged with the built-in ones, each by its severity."""

import json
from typing import Any

import pytest

from onecart.config import Quality
from onecart.errors import DataError, UsageError
from onecart.quality import job as clean
from onecart.quality.shop_rules.own_rules import require_rules


def rule(name: str, check: str, severity: str = "quarantine") -> dict[str, str]:
    return {"name": name, "check": check, "severity": severity, "reason": f"against {name}"}


def test_a_rule_that_cannot_be_judged_is_named(spark: Any) -> None:
    wrong = {
        "ratng > 1": r"quality.rules.reviews: the rule 'own' of silver.reviews: .* 'ratng' .* did you mean 'rating'\?",
        "rating + 1": "must be true or false, and is int",
        "rating >": "is no SQL expression",
        "rating > 'many'": "takes 'many' for a int",
        "review_ts > '31.12.2011'": "takes '31.12.2011' for a timestamp",
        "max(rating) > 1": "does not fit",
        "explode(array(true))": "does not fit",
        "review_ts < now()": "something else from run to run",
        "rand() < 0.5": "something else from run to run",
        "rating = (SELECT max(id) FROM range(3))": "looks at other tables",
        "ratings(rating)": "does not fit",
    }
    for check, said in wrong.items():
        with pytest.raises(UsageError, match=said):
            require_rules(spark, Quality(rules={"reviews": [rule("own", check)]}))
    with pytest.raises(UsageError, match="'rating_range' is called like a built-in one"):
        require_rules(spark, Quality(rules={"reviews": [rule("rating_range", "true")]}))
    with pytest.raises(UsageError, match=r"no table silver.review; did you mean 'reviews'\?"):
        require_rules(spark, Quality(rules={"review": []}))
    with pytest.raises(ValueError, match="two rules of reviews are called 'a'"):
        Quality(rules={"reviews": [rule("a", "true"), rule("a", "false")]})
    require_rules(spark, Quality(rules={"reviews": [rule("a", "review_ts > '2011-12-31' AND length(text) > 3")]}))


def review(i: int, **changes: Any) -> str:
    row = {"review_id": str(i), "account_id": "a", "sku": "S", "stars": 5, "text": "good", "origin": "real"}
    return json.dumps({**row, "posted_at": "2011-06-01T00:00:00Z", **changes})


@pytest.mark.job
def test_each_severity_does_what_it_says_and_is_counted(feeds: Any, deliver: Any, lake: Any) -> None:
    rules = [
        rule("tester", "account_id != 'test'", "drop"),
        rule("shouted", "text != upper(text)"),
        rule("short", "length(text) > 3", "warn"),
        rule("no_stars", "rating IS NOT NULL"),
    ]
    texts = [
        review(1),
        review(2, account_id="test", text="BAD"),
        review(3, text="NO"),
        review(4, text="hm"),
        "nonsense",
    ]
    deliver("reviews", [*texts, review(5, stars=None, text="WHY"), review(6, account_id=None)])
    ctx = feeds("reviews", quality={"rules": {"reviews": rules}})
    found = clean.run(ctx)
    assert (found.rows_in, found.rows_out, found.rows_quarantined, found.rows_dropped) == (7, 3, 3, 1)
    assert {r.review_id for r in lake.read("silver.reviews").collect()} == {"reviews:1", "reviews:4", "reviews:6"}
    aside = {r.line_no: (r.rule, r.reason) for r in lake.read("ops.quarantine").collect()}
    assert aside.keys() == {3, 5, 6}
    assert aside[3] == aside[6] == ("shouted", "against shouted")  # the first of two
    told = {r.column: (r["rows"], r.hits) for r in lake.read("ops.feed_columns").where("kind = 'rule'").collect()}
    assert told == {"tester": (7, 1), "shouted": (7, 2), "short": (7, 1), "malformed": (7, 1)}


@pytest.mark.job
def test_a_rule_that_must_hold_stops_its_feed_until_the_file_is_mended(
    feeds: Any,
    deliver: Any,
    lake: Any,
) -> None:
    from onecart.dag import JOBS
    from onecart.jobs import run_job

    rules = {"reviews": [rule("stars", "rating > 1", "fail")]}
    ctx = feeds("reviews", "support_tickets", quality={"rules": rules})
    deliver("support_tickets", [json.dumps({"ticket_id": "t", "opened_at": "2011-06-01T00:00:00Z"})])
    deliver("reviews", [review(1)])
    run_job(JOBS["clean"], ctx.settings, ctx.spark)
    first = lake.version("bronze.reviews")

    row = lake.read("bronze.reviews").first().asDict()
    new = [
        {**row, "source_file": "g", "line_no": i, "payload": review(10 + i, stars=1 if i > 1 else 5)} for i in (1, 2, 3)
    ]
    schema = lake.read("bronze.reviews").schema
    lake.append_once("bronze.reviews", lake.spark.createDataFrame(new, schema), "t", 1)
    with pytest.raises(DataError, match=r"reviews is stopped: 2 rows break the rule 'stars' .*first g, line 2"):
        run_job(JOBS["clean"], ctx.settings, ctx.spark)
    assert lake.count("silver.reviews") == 1
    last = lake.read("ops.runs").orderBy("started_ts", ascending=False).first()
    assert last.inputs["bronze.reviews"] == first

    mended = [{**r, "payload": review(10 + r["line_no"])} for r in new]
    lake.replace_where("bronze.reviews", lake.spark.createDataFrame(mended, schema), "source_file = 'g'")
    assert run_job(JOBS["clean"], ctx.settings, ctx.spark)["rows_out"] == 3
    assert {r.rating for r in lake.read("silver.reviews").collect()} == {5}
