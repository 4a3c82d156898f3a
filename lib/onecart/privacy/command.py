"""The commands `onecart erase`, `export-subject` and `rotate-key`."""

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_lake
from onecart.errors import UsageError
from onecart.governance.pseudonym import rotate
from onecart.privacy import access, erase, subject

_log = logging.getLogger(__name__)


def erase_command(argv: Sequence[str]) -> int:
    """Removes a person from every table and file, and writes a certificate. First finishes what is unfinished."""
    parser = command_parser("erase", erase_command.__doc__, "erase c_0123456789abcdef")
    _person(parser)
    parser.add_argument("--resume", action="store_true", help="only finish the erasures that were interrupted")
    args = parse(parser, argv)
    if not args.resume:
        _one_person(args)
    settings = load_settings(args)
    lake = open_lake(settings)
    outcomes = []
    for erasure_id in erase.unfinished(lake):
        _log.info("finishing the erasure %s", erasure_id)
        outcomes.append(erase.finish(lake, settings, erasure_id, _now(), _progress()))
    if not args.resume:
        person = subject.find(lake, settings, identity=args.customer_id, email=args.email, phone=args.phone)
        if person.shared and not args.json:
            kept = ", ".join(f"{n} {kind}" for kind, n in person.shared.items())
            _log.warning("other customers have these too, so they stay on their records: %s", kept)
        erasure_id = erase.request(lake, settings, person, _now())
        outcomes.append(erase.finish(lake, settings, erasure_id, _now(), _progress()))
    if args.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes]))
        return 0
    for outcome in outcomes:
        for name, count in sorted(outcome.removed.items()):
            print(f"  {name:<32} {count:>9,}")
        print(
            f"erased: nothing found in {outcome.files:,} files ({outcome.bytes / 2**20:,.1f} MiB); {outcome.certificate}"
        )
    if not outcomes:
        print("no erasure is unfinished")
    return 0


def export_subject(argv: Sequence[str]) -> int:
    """All that the lake has about one person, as JSON, for that person."""
    parser = command_parser(
        "export-subject", export_subject.__doc__, "export-subject --email someone@example.org --out someone.json"
    )
    _person(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE.json|FOLDER", help="one file, or a folder with a file a table"
    )
    args = parse(parser, argv)
    _one_person(args)
    settings = load_settings(args)
    lake = open_lake(settings)
    person = subject.find(lake, settings, identity=args.customer_id, email=args.email, phone=args.phone)
    counts = access.write(lake, settings, person, args.out)
    if args.json:
        print(json.dumps({"out": args.out, "rows": counts}))
    else:
        print(f"{sum(counts.values()):,} rows of {len(counts)} tables in {args.out}")
    return 0


def rotate_key(argv: Sequence[str]) -> int:
    """A new key signs pseudonyms from now on; older ones still recognise what they signed."""
    parser = command_parser("rotate-key", rotate_key.__doc__, "rotate-key --lake lake")
    args = parse(parser, argv)
    settings = load_settings(args)
    keys = rotate(settings.privacy, settings.lake.root)
    print(
        json.dumps({"version": keys.version, "keys": len(keys.keys)}) if args.json else f"key {keys.version} signs now"
    )
    return 0


def _person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("customer_id", nargs="?", help="customer_id, or a record_id as in card:123")
    parser.add_argument("--email", help="find the person by e-mail")
    parser.add_argument("--phone", help="find the person by phone number")


def _one_person(args: argparse.Namespace) -> None:
    if args.customer_id and (args.email or args.phone):
        raise UsageError("give a CUSTOMER_ID, or --email and --phone, not both")
    if not (args.customer_id or args.email or args.phone):
        raise UsageError("say who: a CUSTOMER_ID, --email or --phone")


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _progress() -> Any:
    shown: set[str] = set()

    def step(stage: str, what: str) -> None:
        if stage not in shown:
            shown.add(stage)
            _log.info("  %s", stage)

    return step
