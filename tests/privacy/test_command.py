"""The commands: who must be named, and what they print."""

import json
import sys
from types import ModuleType

import pytest

from onecart import cli
from onecart.config import load
from onecart.context import Result
from onecart.dag import Job
from onecart.jobs import run_job


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["erase"], "say who: a CUSTOMER_ID, --email or --phone"),
        (["erase", "c_1", "--email", "a@x.example"], "not both"),
        (["export-subject", "--out", "x.json"], "say who"),
        (["rotate-key", "--lake", "s3a://b/lake"], "privacy.key=env:NAME"),
    ],
)
def test_wrong_use_is_one_sentence(argv, message, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))
    assert cli.main(argv) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_rotate_key_adds_a_key(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))
    assert cli.main(["rotate-key", "--lake", str(tmp_path / "lake"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"] == 2


def test_a_job_with_a_purpose_reads_only_who_agreed(lake, spark, fill, rows_of, monkeypatch):
    fill("gold.segments", rows_of("gold.segments", *[{"customer_id": c} for c in "abc"]))
    both = {"customer_id": "a", "consent_email": True, "consent_profiling": True}
    mail = {"customer_id": "b", "consent_email": True}  # segments are made by profiling, too
    fill("gold.customer_profile", rows_of("gold.customer_profile", both, mail, {"customer_id": "c"}))
    room = ModuleType("onecart.campaign.job")
    room.run = lambda ctx: Result(rows_out=ctx.lake.read("gold.segments").count())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onecart.campaign", ModuleType("onecart.campaign"))
    monkeypatch.setitem(sys.modules, "onecart.campaign.job", room)
    settings = load("local", overrides=[f"lake.root={json.dumps(lake.root)}"])[0]
    job = Job("campaign", "campaign", "addresses", purpose="marketing")
    assert run_job(job, settings, spark)["rows_out"] == 1
