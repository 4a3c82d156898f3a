"""The erasure certificate: what was looked for, where, and what was found. It names no one."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from onecart.config import Settings
from onecart.frames import side_by_side
from onecart.governance.pseudonym import key_ring
from onecart.lake import Lake
from onecart.lake.files import delete, relative, write_text
from onecart.privacy.leftovers import lake_files, log_files
from onecart.privacy.rows import personal_tables, rows_about
from onecart.privacy.scan import OPAQUE, Finding, scan
from onecart.privacy.subject import Subject


@dataclass(frozen=True)
class Certificate:
    """Where it was written, what the scan read, and what still names the person."""

    path: str
    files: int
    bytes: int
    findings: tuple[str, ...]


def certify(
    lake: Lake,
    settings: Settings,
    erasure_id: str,
    subject: Subject,
    requested: str,
    removed: dict[str, int],
    now: datetime,
) -> Certificate:
    """Scans every file below the lake (and this machine's logs), looks into every table once more, writes the certificate.

    A finding names a file or table and the kinds of identifier in it, never the identifier.
    """
    keys, matcher = key_ring(settings.privacy, lake.root), subject.matcher()
    path = f"{lake.root}/privacy/certificates/{erasure_id}.json"
    delete(lake.spark, path)  # of an earlier try
    logs = [(str(file), file.stat().st_size) for file in log_files()]
    files = [*lake_files(lake), *logs]
    found = scan(lake.spark, files, matcher, lake.root)
    findings = [f"{_shown(lake, f)} ({', '.join(f.kinds) or 'cannot be read'})" for f in found]
    tables = personal_tables(lake)
    counts = side_by_side(lambda table: rows_about(lake, table, subject, settings).count(), tables)
    left = dict(zip(tables, counts, strict=True))
    findings += [f"table {name} ({rows} rows)" for name, rows in left.items() if rows]
    areas: dict[str, dict[str, int]] = {}
    for file, size in files:
        area = areas.setdefault(_area(lake, file), {"files": 0, "bytes": 0})
        area["files"] += 1
        area["bytes"] += size
    certificate = {
        "erasure_id": erasure_id,
        "subject": sorted(keys.sign(customer) for customer in subject.customers),
        "key_version": keys.version,
        "requested": requested,
        "certified": now.isoformat(),
        "result": "clean" if not findings else "not clean",
        "findings": findings,
        "removed": removed,
        "scanned": dict(sorted(areas.items())),
        "files": len(files),
        "bytes": sum(size for _, size in files),
        "packed_and_not_opened": sum(file.endswith(OPAQUE) for file, _ in files),
        "searched_everywhere": _counted(kind for kind, _ in subject.sure),
        "searched_in_their_columns_only": subject.short,
        "kept_because_others_have_them_too": subject.shared,
        "tables": {name: lake.version(name) for name in tables},
        "not_looked_at": [] if _inside(lake, settings) else ["landing files outside the lake"],
    }
    write_text(lake.spark, path, json.dumps(certificate, indent=1))
    return Certificate(path, len(files), sum(size for _, size in files), tuple(findings))


def _inside(lake: Lake, settings: Settings) -> bool:
    return settings.landing_root.startswith(f"{lake.root}/")


def _shown(lake: Lake, finding: Finding) -> str:
    place = relative(finding.path, lake.root)
    return f"a file below {place.split('/', 1)[0]} named after the person" if finding.named else place


def _area(lake: Lake, path: str) -> str:
    place = relative(path, lake.root)
    return "logs" if place == path else place.split("/", 1)[0]


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items()))
