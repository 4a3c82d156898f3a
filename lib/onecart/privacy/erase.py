"""`onecart erase`: removes a person from every table and file below the lake, for good, and proves it.

An erasure is a work list (`<lake>/privacy/work/<erasure_id>.json`, which names the person) and a row in ops.erasures
(which does not). Every stage may be killed and done again. The work list is deleted last; as long as there is one, the
next `erase` finishes it first.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Lock
from typing import Any

from pyspark.sql import functions as F

from onecart.config import Settings
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.frames import break_lineage, side_by_side
from onecart.governance.pseudonym import KeyRing, hmac_sha256, key_ring
from onecart.governance.suppression import ANYWHERE, NUMBER, TELLING, normal
from onecart.lake import Lake
from onecart.lake.files import delete, listed, read_bytes, write_text
from onecart.lake.purge import change_rows, erasing, purge, remove_rows
from onecart.privacy import landing, leftovers
from onecart.privacy.certificate import certify
from onecart.privacy.rows import personal_tables, rows_about
from onecart.privacy.scan import scan
from onecart.privacy.subject import Subject, from_json, to_json

STAGES = ("suppress", "landing", "tables", "files", "purge", "certify")
_SAVING = Lock()
Step = Callable[[str, str], None]  # called with a stage and what it works on


@dataclass
class Work:
    """One erasure on its way: what is asked, and what has been done so far."""

    erasure_id: str
    requested: str  # ISO 8601, UTC
    subject: Subject
    stage: str = STAGES[0]  # the one under way; those before it are done
    purged: list[str] = field(default_factory=list)  # tables with nothing left but their newest version
    removed: dict[str, int] = field(default_factory=dict)  # table or kind of file -> rows, lines, files
    before: dict[str, int] = field(default_factory=dict)  # table -> its version before the first change


@dataclass(frozen=True)
class Outcome:
    """A finished erasure; `certificate` is its file."""

    erasure_id: str
    removed: dict[str, int]
    files: int
    bytes: int
    certificate: str


def request(lake: Lake, settings: Settings, subject: Subject, now: datetime) -> str:
    """Notes that a person is to be erased: from here on it happens, if need be after a kill. Returns the erasure's id."""
    work = Work(secrets.token_hex(8), now.astimezone(timezone.utc).isoformat(), subject)
    _save(lake, work)
    _receipt(lake, settings, work)
    return work.erasure_id


def unfinished(lake: Lake) -> list[str]:
    """The ids of the erasures that were asked for and are not done."""
    names = [path.rsplit("/", 1)[-1] for path, _ in listed(lake.spark, f"{lake.root}/{leftovers.WORK}")]
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] not in "._")


def finish(
    lake: Lake, settings: Settings, erasure_id: str, now: datetime, step: Step = lambda stage, what: None
) -> Outcome:
    """Does what is left of an erasure: the stage that an earlier try was in from its start, and the later ones.

    OneCartError: the person is still in some file; the work list stays, and the erasure can be finished later.
    """
    work = _load(lake, erasure_id)
    with erasing(lake.spark):
        for do in (_suppress, _landing, _tables, _files, _purge)[STAGES.index(work.stage) :]:
            do(lake, settings, work, step)
            _enter(lake, settings, work, STAGES[STAGES.index(work.stage) + 1])
    step("certify", "files")
    found = certify(lake, settings, work.erasure_id, work.subject, work.requested, work.removed, now)
    if found.findings:
        work.purged.clear()
        _enter(lake, settings, work, STAGES[1])
        shown = "; ".join(found.findings[:5])
        raise OneCartError(
            f"erasure {erasure_id} is not complete: {len(found.findings)} files below {lake.root} still name the person or "
            f"cannot be read: {shown}. The certificate {found.path} lists them; take them away, see that no job writes, "
            "and finish it with `onecart erase --resume`"
        )
    step("certify", "receipt")
    work.stage = "done"
    _receipt(lake, settings, work, finished=now, scanned=(found.files, found.bytes))
    delete(lake.spark, f"{lake.root}/{leftovers.WORK}/scratch")
    delete(lake.spark, _path(lake, erasure_id))
    return Outcome(erasure_id, work.removed, found.files, found.bytes, found.path)


# -- stages ------------------------------------------------------------------------------------------------------------


def _suppress(lake: Lake, settings: Settings, work: Work, step: Step) -> None:
    """The person's identifiers go onto the suppression list, so that no job brings them back meanwhile."""
    step("suppress", "ops.suppressions")
    keys = key_ring(settings.privacy, lake.root)
    subject = work.subject
    pairs = {(kind, normal(kind, v)) for kind in TELLING for v in subject.values.get(kind, ())}
    pairs |= {("record", normal("record", record)) for record in subject.records}
    sure = [(kind, value) for kind, value in subject.sure if kind != "name"]
    pairs |= {(NUMBER if _counted_up(kind, value) else ANYWHERE, normal(kind, value)) for kind, value in sure}
    added = datetime.fromisoformat(work.requested)
    rows = [(kind, keys.sign(value), keys.version, work.erasure_id, added) for kind, value in sorted(pairs)]
    schema = contract("ops.suppressions").schema
    lake.upsert("ops.suppressions", lake.spark.createDataFrame(rows, schema), update_if=None)


def _counted_up(kind: str, value: str) -> bool:
    """Whether the value can be another thing's tomorrow."""
    return kind not in ("phone", "card") and value.isdigit() and len(value) < 10


def _landing(lake: Lake, settings: Settings, work: Work, step: Step) -> None:
    """Records of landing files below the lake become empty. Before bronze forgets where they are."""

    def note(count: int) -> None:  # before it is done: a kill in between must not lose the figure
        work.removed["landing"] = max(count, work.removed.get("landing", 0))
        _save(lake, work)

    landing.clear(lake, settings, work.subject, note, lambda path: step("landing", path))


def _tables(lake: Lake, settings: Settings, work: Work, step: Step) -> None:
    """The person's rows leave every table; order lines stay without whose they are, where the settings say so."""
    for name in personal_tables(lake):
        rows = rows_about(lake, name, work.subject, settings)
        work.before.setdefault(name, lake.version(name))
        keys = rows.select(*contract(name).key).distinct().transform(break_lineage)
        count = keys.count()
        step("tables", name)
        if not count:
            continue
        # Noted before it is done: a kill in between must not lose the figure.
        work.removed[name] = max(count, work.removed.get(name, 0))
        _save(lake, work)
        if name == "ops.runs":  # the row says what clean has read; only its words can name somebody
            change_rows(
                lake, name, keys, {"headline": "'(erased)'", "error": "if(old.error IS NULL, NULL, '(erased)')"}
            )
        elif name == "silver.orders" and settings.privacy.keep_orders == "anonymise":
            _anonymise(lake, rows.select("order_line_id", "order_id"))
        else:
            remove_rows(lake, name, keys)


def _anonymise(lake: Lake, lines: Any) -> None:
    """Order lines keep products, amounts and times. Their ids are replaced under a key that nobody keeps."""
    key = secrets.token_bytes(32)
    new = [
        F.concat(F.lit("erased-"), F.substring(hmac_sha256(F.col(c), key), 1, 25)).alias(f"new_{c}")
        for c in ("order_id", "order_line_id")
    ]
    changes = {"order_id": "new.new_order_id", "order_line_id": "new.new_order_line_id"}
    whose = dict.fromkeys(("record_id", "account_id", "device_id", "card_id"), "NULL")
    change_rows(
        lake, "silver.orders", lines.select("order_line_id", *new).transform(break_lineage), {**changes, **whose}
    )


def _files(lake: Lake, settings: Settings, work: Work, step: Step) -> None:
    """Exports, report, models, truth, checkpoints of streams and logs."""
    matcher = work.subject.matcher()
    findings = [f for f in scan(lake.spark, leftovers.loose_files(lake), matcher, lake.root) if f.kinds]
    for area, count in leftovers.clear(lake, findings, matcher, lambda area: step("files", area)).items():
        _done(lake, work, area, count)
    step("files", "checkpoints")
    _done(lake, work, "stream checkpoints", leftovers.drop_checkpoints(lake))
    _done(lake, work, "logs", leftovers.clear_logs(matcher))


def _purge(lake: Lake, settings: Settings, work: Work, step: Step) -> None:
    """What was deleted leaves the tables' files, history, change feed and log."""

    def one(name: str) -> None:
        step("purge", name)
        purge(lake, name, work.before.get(name, lake.version(name)))
        with _SAVING:
            work.purged.append(name)
            _save(lake, work)

    side_by_side(one, [name for name in personal_tables(lake) if name not in work.purged])


# -- the work list and the receipt -------------------------------------------------------------------------------------


def _path(lake: Lake, erasure_id: str) -> str:
    return f"{lake.root}/{leftovers.WORK}/{erasure_id}.json"


def _save(lake: Lake, work: Work) -> None:
    content = {**vars(work), "subject": to_json(work.subject)}
    write_text(lake.spark, _path(lake, work.erasure_id), json.dumps(content))


def _load(lake: Lake, erasure_id: str) -> Work:
    content = json.loads(read_bytes(lake.spark, _path(lake, erasure_id)))
    return Work(**{**content, "subject": from_json(content["subject"])})


def _enter(lake: Lake, settings: Settings, work: Work, stage: str) -> None:
    work.stage = stage
    _save(lake, work)
    _receipt(lake, settings, work)


def _done(lake: Lake, work: Work, what: str, count: int) -> None:
    if count:
        work.removed[what] = work.removed.get(what, 0) + count
        _save(lake, work)


def _receipt(
    lake: Lake,
    settings: Settings,
    work: Work,
    *,
    finished: datetime | None = None,
    scanned: tuple[int, int] | None = None,
) -> None:
    keys = key_ring(settings.privacy, lake.root)
    row = {
        "erasure_id": work.erasure_id,
        "subject_hashes": subject_hashes(work.subject, keys),
        "key_version": keys.version,
        "requested_ts": datetime.fromisoformat(work.requested),
        "stage": work.stage,
        "finished_ts": finished,
        "removed": work.removed,
        "files_scanned": scanned[0] if scanned else None,
        "bytes_scanned": scanned[1] if scanned else None,
        "findings": 0 if scanned else None,
    }
    lake.upsert("ops.erasures", lake.frame("ops.erasures", [row]))


def subject_hashes(subject: Subject, keys: KeyRing) -> list[str]:
    """HMACs of the person's customer ids, or of what else was asked for where they were no customer."""
    return sorted(keys.sign(value) for value in subject.customers or subject.records or subject.of(("email", "phone")))
