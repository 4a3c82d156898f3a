"""Who is who, run after run: what is kept, what is touched, and what a kill leaves behind."""

import shutil

import pytest

from onecart.config import Identity
from onecart.identity.resolution import _digest, load, write_links
from onecart.lake import Lake

pytestmark = [pytest.mark.slow, pytest.mark.job]
SETTINGS = {"max_records_per_key": 3, "retrain_share": 0.9}
COLUMNS = (
    "record_id",
    "representative",
    "given_name",
    "surname",
    "date_of_birth",
    "email",
    "phone",
    "consent_matching",
)
SCHEMA = ", ".join(f"{c} string" for c in COLUMNS[:-1]) + ", consent_matching boolean"
SAID = (
    "gold.identity_links",
    "gold.identity_edges",
    "gold.identity_shared_keys",
    "gold.identity_model",
    "gold.identity_terms",
)


def record(record_id, given="", surname="", born="", email="", phone="", representative=None, consent=None):
    return (record_id, representative or record_id, given, surname, born, email, phone, consent)


ANN, ZAC = ("Annabel", "Featherstone", "1980-05-01"), ("Zachary", "Oyelaran", "1977-12-31")
FIRST = [
    record("ann1", *ANN, "ann.f@mail.example", "07700900111"),
    record("ann2", *ANN, "ann.f@mail.example"),
    record("zac1", *ZAC, "zac.o@mail.example", "07700900222"),
    record("zac2", "Zach", *ZAC[1:], "zac.o@mail.example"),
    record("eve", "Evelyn", "Quartermain", "1991-03-04", "eve.q@mail.example"),
    *(record(f"desk{i}", email="desk@mail.example") for i in (1, 2, 3)),
    record("note1", phone="07700900333"),
    record("note2", phone="07700900333"),
    record("note3", phone="07700900333", representative="note1"),
]
# Ann is heard of again, Eve is gone, Zac's first record is withdrawn, and the desk's address is on too many records now.
NEXT = [
    record("ann3", *ANN, phone="07700900111"),
    *(r for r in FIRST if r[0] not in ("eve", "zac1")),
    record("zac1", *ZAC, "zac.o@mail.example", "07700900222", consent=False),
    record("desk4", email="desk@mail.example"),
]  # fmt: skip


class Killed(Exception):
    pass


def killed(run, rows, table):
    """A run that dies where it would write `table`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("merge", "replace"):
            patch.setattr(Lake, name, _dying(getattr(Lake, name), table))
        with pytest.raises(Killed):
            run(rows)


def _dying(real, table):
    def write(self, name, *args, **kwargs):
        if name == table:
            raise Killed
        return real(self, name, *args, **kwargs)

    return write


@pytest.fixture(scope="module")
def make(spark_session):
    """`make(root)` -> the lake there and `run(rows)`, which links them as a run of its own."""
    from onecart.config import Settings
    from onecart.context import Context

    def at(root):
        lake, runs = Lake(spark_session, str(root)), []

        def run(rows):
            runs.append(len(runs))
            settings = Settings.model_validate({"identity": SETTINGS, "lake": {"root": lake.root}})
            ctx = Context(spark_session, lake, settings, f"{root.name}{len(runs)}")
            links, said = write_links(ctx, spark_session.createDataFrame(rows, SCHEMA))
            return {r.record_id: r for r in links.collect()}, said

        return lake, run

    return at


@pytest.fixture(scope="module")
def first(make, tmp_path_factory):
    """The folder of a lake after the first run (and one with other records that was killed), and what the run said."""
    root = tmp_path_factory.mktemp("first") / "lake"
    _, run = make(root)
    killed(run, [*FIRST, record("other", "Somebody", "Else")], "gold.identity_links")
    return root, run(FIRST)


@pytest.fixture(scope="module")
def second(make, first, tmp_path_factory):
    """A lake after the second run, its links and what the run said."""
    root = tmp_path_factory.mktemp("second") / "lake"
    shutil.copytree(first[0], root)
    lake, run = make(root)
    return lake, *run(NEXT)


def rows(lake, name, *without):
    return sorted(map(str, lake.read(name).drop(*without).collect()))


def history(lake):
    columns = ("customer_id", "event", "into_customer_id", "records")
    return sorted(map(tuple, lake.read("gold.identity_history").select(*columns).collect()))


def groups(links):
    found = {}
    for r in links.values():
        found.setdefault(r.customer_id, set()).add(r.record_id)
    return sorted(map(sorted, found.values()))


def test_the_first_run_trains_and_links_everybody(make, first):
    root, (links, said) = first
    lake, _ = make(root)

    assert groups(links) == [
        ["ann1", "ann2"], ["desk1", "desk2", "desk3"], ["eve"], ["note1", "note2", "note3"], ["zac1", "zac2"],
    ]  # fmt: skip
    assert said.startswith("trained on 10 records")
    assert load(lake).model.records == 10
    assert (links["eve"].rule, links["eve"].probability, links["eve"].component) == ("alone", 1.0, None)
    assert links["note3"].digest is None
    assert links["note3"][1:5] == links["note1"][1:5]
    ids = {
        r.customer_id: sum(o.customer_id == r.customer_id and o.digest is not None for o in links.values())
        for r in links.values()
    }
    assert history(lake) == sorted((i, "new", i, n) for i, n in ids.items())


def test_a_second_run_on_the_same_records_changes_no_row(make, first, tmp_path):
    shutil.copytree(first[0], tmp_path / "lake")
    lake, run = make(tmp_path / "lake")
    before = {name: rows(lake, name) for name in (*SAID, "gold.identity_history")}
    links, said = run(FIRST[::-1])

    assert said == "no record says anything new"
    assert links == first[1][0]
    assert {name: rows(lake, name) for name in before} == before


def test_a_change_touches_only_its_groups(first, second):
    before, (lake, links, said) = first[1][0], second
    ann = before["ann1"].customer_id

    assert groups(links) == [
        ["ann1", "ann2", "ann3"], ["desk1"], ["desk2"], ["desk3"], ["desk4"], ["note1", "note2", "note3"], ["zac1"], ["zac2"],
    ]  # fmt: skip
    assert said == "10 records linked anew"  # ann 3, zac 2, desk 4, eve 1
    assert {links[r].customer_id for r in ("ann1", "ann2", "ann3")} == {ann}
    assert {r: links[r] for r in ("note1", "note2", "note3")} == {r: before[r] for r in ("note1", "note2", "note3")}
    ends = {r[side] for r in lake.read("gold.identity_edges").collect() for side in ("record_a", "record_b")}
    assert ends == {"ann1", "ann2", "ann3", "note1", "note2"}
    shared = lake.read("gold.identity_shared_keys").where("identifies").collect()
    assert [(r.rule, r.records, r.star) for r in shared] == [("email", 4, None)]
    old = {r: before[r].customer_id for r in before}
    told = [t for t in history(lake) if t[1] != "new"]
    assert {t[:2] for t in told} == {(old["eve"], "gone"), (old["zac1"], "split"), (old["desk1"], "split")}
    assert sorted(t[2:] for t in told if t[0] == old["zac1"]) == sorted(
        (links[r].customer_id, 1) for r in ("zac1", "zac2")
    )


def test_a_run_after_killed_ones_is_the_run_that_was_not_killed(make, first, second, tmp_path):
    shutil.copytree(first[0], tmp_path / "lake")
    lake, run = make(tmp_path / "lake")
    killed(run, NEXT, "gold.identity_links")  # edges and history are written
    killed(run, NEXT, "gold.identity_shared_keys")  # and so are the links
    run(NEXT)

    assert {name: rows(lake, name) for name in SAID} == {name: rows(second[0], name) for name in SAID}
    assert history(lake) == history(second[0])


def test_no_value_of_a_record_is_in_what_linking_writes(second):
    lake = second[0]
    told = " ".join(str(r).lower() for n in (*SAID[1:], "gold.identity_history") for r in lake.read(n).collect())
    values = {v.lower() for r in [*FIRST, *NEXT] for v in r[2:-1] if v}
    normal = {v.replace("-", "") for v in values} | {v.split("@")[0] for v in values}

    assert "ann1" in told
    assert "date_of_birth" in told
    assert [v for v in values | normal if v in told] == []


def test_the_digest_knows_what_a_record_says_where_and_by_which_settings_it_is_judged(spark):
    frame = spark.createDataFrame([("x", None), (None, "x"), ("x", None)], "given_name string, surname string")

    def digests(**settings):
        column = _digest(["given_name", "surname"], Identity(**settings))
        return [r[0] for r in frame.select(column).collect()]

    one, other, same = digests()
    assert one == same
    assert one != other  # xxhash64 alone passes over nulls
    assert digests(retrain_share=0.5, stitch_days=1) == [one, other, one]
    assert not set(digests(max_block=7)) & {one, other}
