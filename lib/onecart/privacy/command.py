"""The commands `onecart erase`, `export-subject` and `rotate-key`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from onecart.errors import UsageError
from onecart.governance.pseudonym import rotate
from onecart.jobs import add_arguments, load_settings, open_lake
from onecart.privacy import access, erase, subject


def erase_command(argv: Sequence[str]) -> int:
    """Removes a person from every table and file, and writes a certificate. First finishes what is unfinished."""
    parser = argparse.ArgumentParser(prog="onecart erase", description=erase_command.__doc__)
    _person(parser)
    parser.add_argument("--resume", action="store_true", help="only finish the erasures that were interrupted")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if not args.resume:
        _one_person(args)
    settings = load_settings(args)
    lake = open_lake(settings)
    outcomes = []
    for erasure_id in erase.unfinished(lake):
        print(f"onecart: finishing the erasure {erasure_id}", file=sys.stderr)
        outcomes.append(erase.finish(lake, settings, erasure_id, _now(), _progress()))
    if not args.resume:
        person = subject.find(lake, settings, identity=args.customer_id, email=args.email, phone=args.phone)
        if person.shared and not args.json:
            kept = ", ".join(f"{n} {kind}" for kind, n in person.shared.items())
            print(f"onecart: other customers have these too, so they stay on their records: {kept}", file=sys.stderr)
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
    parser = argparse.ArgumentParser(prog="onecart export-subject", description=export_subject.__doc__)
    _person(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE.json|FOLDER", help="one file, or a folder with a file a table"
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
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
    parser = argparse.ArgumentParser(prog="onecart rotate-key", description=rotate_key.__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
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
            print(f"onecart:   {stage}", file=sys.stderr)

    return step
