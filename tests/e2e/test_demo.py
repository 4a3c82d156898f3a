"""The whole way on 40 real customers: raw channels to decisions, twice, and the three ways to start a job."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from onecart.config import load
from onecart.dag import DAG, JOBS
from onecart.jobs import run_job, run_jobs
from onecart.samples.world import grow

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SMALL = [
    *(
        "samples.customers=24",
        "samples.visits_per_order=4",
        "forecast.top_skus=3",
        "voice.min_rows=20",
        "intent.cutoffs=3",
    ),
    "intent.params={maxIter: 5}",
    *(f"recommend.models.als.{setting}" for setting in ("rank=4", "iterations=2", "blocks=1")),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    root = tmp_path_factory.mktemp("my lake")  # a space in the path is part of the test
    return load("local", overrides=[f"lake.root={json.dumps(str(root))}", *SMALL])[0]


@pytest.fixture(scope="module")
def first(spark_session, settings):
    grow(spark_session, settings)
    return {row["job"]: row for row in run_jobs(DAG, settings, spark_session)}


@pytest.fixture(scope="module")
def lake(spark_session, settings, first):
    from onecart.lake import Lake

    return Lake(spark_session, settings.lake.root)


def test_every_job_is_done_and_every_row_is_accounted_for(first):
    assert {r["status"] for r in first.values()} == {"done"}
    assert first["ingest"]["rows_in"] == first["ingest"]["rows_out"] > 1000
    clean = first["clean"]
    fates = ("rows_out", "rows_quarantined", "rows_duplicate", "rows_superseded")
    assert clean["rows_in"] == sum(clean[fate] for fate in fates)
    assert clean["rows_quarantined"] > 0
    assert clean["rows_duplicate"] > 0


def test_jobs_keep_to_their_budget_of_spark_jobs(first):
    """Small data costs what is planned, not what is read: each of these was once three times as much."""
    jobs = {name: row["spark_jobs"] for name, row in first.items()}
    assert min(jobs.values()) > 0
    assert jobs["unify"] <= 130, jobs
    assert jobs["recommend"] <= 300, jobs
    assert jobs["decide"] + jobs["measure"] <= 95, jobs
    assert sum(jobs.values()) <= 1060, jobs
    assert all(row["spark_tasks"] >= row["spark_stages"] >= row["spark_jobs"] for row in first.values())


def test_silver_and_quarantine_hold_what_clean_says(first, lake):
    tables = ("interactions", "orders", "contacts", "reviews", "tickets", "products", "weather", "footfall")
    assert sum(lake.read(f"silver.{t}").count() for t in tables) == first["clean"]["rows_out"]
    quarantine = lake.read("ops.quarantine")
    assert quarantine.count() == first["clean"]["rows_quarantined"]
    assert quarantine.where("reason IS NULL OR payload IS NULL").count() == 0


def test_planted_dirt_of_each_kind_is_found(lake):
    rules = {r.rule for r in lake.read("ops.quarantine").select("rule").distinct().collect()}
    assert "malformed" in rules
    assert rules & {"absurd_quantity", "future_event_ts", "past_event_ts", "future_order_ts", "past_order_ts"}


def test_every_gold_table_has_rows_with_unique_keys(first, lake):
    from onecart.contracts import CONTRACTS

    # So few customers need not share anything too much, groups of so few are not looked at, no forecast has come true yet,
    # no two of them complain of the same in one week, all their tickets may be solved.
    may_be_empty = {"gold.identity_shared_keys", "gold.fairness", "gold.forecast_accuracy", "gold.issue_quotes"}
    may_be_empty |= {"gold.ticket_routing"}
    # A first run has no earlier one to move from, no campaign to learn from, and has shown nothing that could be answered.
    not_there = {"gold.segment_movements", "gold.experiment_results", "gold.policy_value"}
    not_there |= {"gold.uplift_scores", "gold.uplift_curve", "gold.policy_candidate", "gold.content_state"}
    for table in (t for t in CONTRACTS.values() if t.name.startswith("gold.")):
        if table.writer == "live":  # not one of the DAG's jobs
            continue
        assert lake.exists(table.name) == (table.name not in not_there), table.name
        if table.name in not_there:
            continue
        rows = lake.read(table.name)
        assert rows.count() > 0 or table.name in may_be_empty, table.name
        assert rows.groupBy(*table.key).count().where("count > 1").isEmpty(), table.name


def test_most_real_customers_come_out_as_one(lake, spark_session, settings):
    truth = spark_session.read.parquet(f"{settings.lake.root}/truth/records")
    truth = truth.select("record_id", F.col("customer_id").alias("true_customer"))
    links = lake.read("gold.identity_links").join(truth, on="record_id", how="inner")
    orders = lake.read("silver.orders").select("record_id").distinct()
    split = (
        links.join(orders, on="record_id", how="left_semi")
        .groupBy("true_customer")
        .agg(F.countDistinct("customer_id").alias("n"))
    )
    counted = split.agg(F.avg((F.col("n") == 1).cast("double"))).first()[0]
    assert counted > 0.8


def test_links_have_their_evidence(first, lake):
    edges, links = lake.read("gold.identity_edges"), lake.read("gold.identity_links")
    assert not edges.where("accepted").isEmpty()
    assert edges.where("accepted <> (reason IS NULL)").isEmpty()
    pieces = F.expr("aggregate(evidence, 0D, (bits, piece) -> bits + piece.weight)")
    assert edges.where((F.abs("weight") < 40) & (F.abs(pieces - F.col("weight")) > 0.1)).isEmpty()
    owner = [links.select(F.col("record_id").alias(f"record_{s}"), F.col("customer_id").alias(s)) for s in "ab"]
    joined = edges.where("accepted").join(owner[0], "record_a", how="left").join(owner[1], "record_b", how="left")
    assert joined.where("NOT (a <=> b)").isEmpty()
    untold = links.where("rule <> 'alone' AND digest IS NOT NULL").join(
        edges.where("accepted").select(F.explode(F.array("record_a", "record_b")).alias("record_id")),
        "record_id",
        how="left_anti",
    )
    assert untold.isEmpty()


def test_every_customer_id_has_a_history(first, lake):
    from onecart.identity import trace

    history, links = lake.read("gold.identity_history"), lake.read("gold.identity_links")
    assert {r.event for r in history.select("event").distinct().collect()} == {"new"}
    assert links.join(history, "customer_id", how="left_anti").isEmpty()
    one = links.first().customer_id
    assert trace(history, one) == [one]
    profiles, past = lake.read("gold.customer_profile"), lake.read("gold.customer_profile_history")
    assert past.where("is_current AND valid_to IS NULL AND change = 'new'").count() == profiles.count() == past.count()
    assert past.join(profiles, "customer_id", how="left_anti").isEmpty()


def test_stitches_are_whose_the_account_is(first, lake):
    stitches, links = lake.read("gold.identity_stitches"), lake.read("gold.identity_links")
    assert stitches.where("until_ts <= from_ts").isEmpty()
    assert stitches.join(links, "record_id", how="left_anti").isEmpty()
    assert stitches.join(links, "customer_id", how="left_anti").isEmpty()
    per_account = stitches.groupBy("account_id").agg(F.count_distinct("customer_id").alias("customers"))
    assert per_account.where("customers > 1").isEmpty()


def test_a_second_run_doubles_nothing(first, lake, spark_session, settings):
    # Two tables grow with every run: its account, and the figures of the models it fitted.
    kept = [name for name in lake.names() if name not in ("ops.runs", "gold.model_health")]
    before = {name: lake.read(name).count() for name in kept}
    for name in ("ingest", "clean", "unify"):
        run_job(JOBS[name], settings, spark_session)
    assert {name: lake.read(name).count() for name in before} == before


def test_the_report_is_one_self_contained_page(first, settings):
    html = (Path(settings.lake.root) / "report.html").read_text()
    for title in (
        "Conversion",
        "Customers",
        "Who is about to buy",
        "What to offer",
        "What will sell",
        "What customers say",
    ):
        assert f"<h2>{title}</h2>" in html
    for card in ("Pairs within groups of linked records, by evidence", "Customers by number of records"):
        assert f"<h3>{card}</h3>" in html
    assert 'src="http' not in html
    assert (Path(settings.lake.root) / "exports" / "segments").is_dir()


def test_show_profile_names_the_evidence(first, lake):
    from onecart.profile.show import show

    customer = lake.read("gold.customer_profile").orderBy(F.desc("records"), "customer_id").first()
    text = show(lake, customer.customer_id)
    assert customer.customer_id in text
    assert "account:" in text or "crm:" in text
    assert "why they are linked" in text


def outside(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, as a user starts it: without what the suite's own session set for Spark."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_", "JAVA_HOME"))}
    env = {**clean, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, check=False)


@pytest.mark.heavy
def test_the_front_door_runs_a_job_and_prints_json(first, settings):
    done = outside([sys.executable, "-m", "onecart", "run", "measure", "--json", "--lake", settings.lake.root])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["rows_out"] == first["measure"]["rows_out"]


def test_spark_submit_runs_a_job_with_the_same_result(first, settings):
    done = outside(["spark-submit", str(ROOT / "jobs" / "measure.py"), "--json", "--lake", settings.lake.root])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])[0]["rows_out"] == first["measure"]["rows_out"]


@pytest.mark.heavy
def test_events_of_the_live_demo_become_scores_and_offers(first, lake, settings, capsys):
    from onecart.front import live_demo

    assert live_demo.run(settings, seconds=20, per_second=50, as_json=True) == 0
    figures = json.loads(capsys.readouterr().out)
    read = lake.read(f"bronze.{live_demo.FEED}")
    assert 0 < read.count() <= figures["sent"]
    assert read.count() == read.select("source_file", "line_no").distinct().count()
    assert 0 < figures["p50_s"] <= figures["p95_s"]
    events = lake.read("silver.interactions").where(F.col("session_key").rlike(r"-\d{19}-\d+$"))
    assert events.count() == read.count()


@pytest.mark.heavy
def test_the_notebook_runs(first, settings):
    done = outside([sys.executable, str(ROOT / "notebooks" / "tour.py"), settings.lake.root])
    assert done.returncode == 0, done.stderr
    assert (Path(settings.lake.root) / "tour" / "funnel.html").exists()


@pytest.fixture
def settings_of_session(spark_session):
    """What a notebook sets on the suite's session is put back."""
    before = dict(spark_session.sparkContext.getConf().getAll())
    key = "spark.sql.shuffle.partitions"
    yield
    spark_session.conf.set(key, before[key])
    spark_session.catalog.clearCache()


@pytest.mark.heavy
def test_the_notebook_of_one_customer_tells_its_story(settings_of_session, capfd):
    # On the suite's session: one notebook in a process of its own is enough.
    runpy.run_path(str(ROOT / "notebooks" / "one_customer.py"))
    said = capfd.readouterr().out
    assert float(re.search(r"pair .* f1 ([\d.]+)", said)[1]) > 0.9
    unaided, best = (float(f1) for f1 in re.findall(r"threshold .* pair F1 ([\d.]+)", said))
    assert best >= unaided > best - 0.05
    assert re.search(r"surname, \w+: ", said)
    assert "records whose id changed: 0 of 299" in said
    before, *today = re.findall(r"c_[0-9a-f]{16}", said.strip().splitlines()[-1])
    assert before in today
    assert len(today) > 1


def test_a_missing_feed_is_one_sentence_without_a_stack_trace(tmp_path):
    done = outside([sys.executable, "-m", "onecart", "run", "ingest", "--lake", str(tmp_path / "empty")])
    assert done.returncode == 1
    assert "put the feed there" in done.stderr
    assert "\tat " not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.heavy
def test_the_notebook_of_who_will_buy_tells_its_story(settings_of_session, capfd):
    runpy.run_path(str(ROOT / "notebooks" / "who_will_buy.py"))
    said = capfd.readouterr().out
    assert "refused: the column 'thanked' alone tells the outcome" in said
    trees, plain = (float(auc) for auc in re.findall(r"AUC ([\d.]+) \(", said))
    assert trees > plain + 0.05
    assert re.search(r"customer \d+: \d+%, \d+ visits in 7 days: raises the odds", said)
    assert re.search(r"under 35 +\d+", said)


@pytest.mark.heavy
def test_the_notebook_of_what_to_offer_tells_its_story(settings_of_session, capfd):
    runpy.run_path(str(ROOT / "notebooks" / "what_to_offer.py"))
    said = capfd.readouterr().out
    assert "u0 would give p2 3.537088" in said
    assert float(re.search(r"blend - popularity: [\d.-]+ \(([\d.-]+) to", said)[1]) > 0.05
    assert re.search(r"product \d+ \(\w+\), as it is like \[\d+", said)
    assert 0.02 < float(re.search(r"trials: ([\d.]+)", said)[1]) < 0.18


@pytest.mark.heavy
def test_the_notebook_of_how_much_to_stock_tells_its_story(settings_of_session, capfd):
    runpy.run_path(str(ROOT / "notebooks" / "how_much_to_stock.py"))
    said = capfd.readouterr().out
    assert "sMAPE 25.4 %, MASE 1.00" in said
    assert "have 56.604, expect to lose 1.9976" in said
    chosen, naive, inside = re.search(r"WAPE ([\d.]+), of seasonal naive ([\d.]+); (\d+)%", said).groups()
    assert float(chosen) < 0.9 * float(naive)
    assert 74 <= int(inside) <= 90
    assert re.search(r"growing 0 +\d+\.0 .* rounded up to packs of 6", said)


@pytest.mark.heavy
def test_the_notebook_of_what_customers_say_tells_its_story(settings_of_session, capfd):
    runpy.run_path(str(ROOT / "notebooks" / "what_customers_say.py"))
    said = capfd.readouterr().out
    assert re.search(r"1 +screen negative .* the screen is far too dim", said)
    assert "Dear Mr [NAME], order 536365 (canon g3, £12.50) is late. Call me on [PHONE].\nRegards,\n[NAME]" in said
    assert re.search(r"sku +red lamp +battery 2024-05-13", said)
    assert "blue lamp" not in said
    assert "The battery is dead" in said
    assert "danger to health" in said


@pytest.mark.heavy
def test_the_notebook_of_did_it_work_tells_its_story(settings_of_session, capfd):
    runpy.run_path(str(ROOT / "notebooks" / "did_it_work.py"))
    said = capfd.readouterr().out
    assert "7,682 units (3,841, 3,841" in said
    assert "drawn again, 0 are in the other arm" in said
    effect, low = (float(n) for n in re.search(r"bought: ([+-][\d.]+) \(([+-][\d.]+) to", said).groups())
    assert low > 0
    assert abs(effect - 0.04) < 0.015
    assert "CUPED on 'shoe_size'" in said
    assert "it does not help" in said
    assert "Do not trust these results: the arms did not get their shares" in said
    low, response = (
        float(n) for n in re.search(r"treat by uplift; Qini [\d.]+ \((\S+) to .* buys (\S+)", said).groups()
    )
    assert low > 0 > response
    assert "a card that moves all alike: no heterogeneity: treat all" in said
    done, claimed = (
        float(n) for n in re.search(r"was done ([\d.]+); the direct method claims ([\d.]+)", said).groups()
    )
    assert claimed > done + 0.03
    assert re.findall(r"live: (\w+)", said) == ["False", "False"]
    credit, low, high = (float(n) for n in re.search(r"last touch: (\d+) orders; .* \((\S+) to (\S+)\)", said).groups())
    assert credit > 300
    assert low < 0 < high < credit
