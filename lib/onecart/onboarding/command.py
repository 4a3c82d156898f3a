"""The command `onecart init`."""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.errors import DataError, UsageError

_log = logging.getLogger(__name__)


def init(argv: Sequence[str]) -> int:
    """Looks at the files of a folder (CSV, JSON, Parquet), writes their mapping as one YAML file, and tries it on all rows."""
    parser = command_parser("init", init.__doc__, "init my-files --out my-shop.yaml")
    parser.add_argument("folder", help="the files as they are; with --check: the mapping file")
    parser.add_argument("--out", metavar="FILE", help="the mapping file (default FOLDER.yaml here)")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing: take what is likeliest, and say what was unsure"
    )
    parser.add_argument("--force", action="store_true", help="write over a mapping file that is there")
    parser.add_argument("--check", action="store_true", help="only try a mapping file on all rows")
    parser.add_argument("--no-check", action="store_true", help="only write the mapping file")
    args = parse(parser, argv)
    file, said = Path(args.folder), dict[str, Any]()
    if not args.check:
        file, said = _write(args)
    if not args.no_check:
        from onecart.onboarding import check

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the scratch lake is removed then, too
        args.env = str(file.absolute())
        found = check.check(load_settings(args))
        said |= {"check": check.as_json(found)}
        if not args.json:
            print(f"\n{check.as_text(found)}")
    if args.json:
        print(json.dumps({"file": str(file), **said}, ensure_ascii=False))
    elif not args.check:
        print(f"\n{file} is yours to edit; then `onecart init --check {file}`, and `onecart run all --env {file}`")
    return 0


def _write(args: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """The proposal, written to its file."""
    from onecart.onboarding import mapping
    from onecart.onboarding.asking import Asker
    from onecart.onboarding.propose import propose

    folder = Path(args.folder).absolute()
    file = Path(args.out or f"{folder.name}.yaml")
    if file.exists() and not args.force:
        raise UsageError(
            f"{file} is there already, perhaps edited; try it with `onecart init --check {file}`, "
            "give another name with --out FILE, or write over it with --force"
        )
    ask = sys.stdin.isatty() and not args.yes and not args.json
    if not ask and not args.yes:
        _log.info("there is no terminal to ask at; what is likeliest is taken, as with --yes")
    proposal = propose(folder, Asker(ask))
    if not proposal.plans:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(proposal.left.items())[:3])
        raise DataError(f"no file of {folder} can be mapped to a silver table ({why or 'it holds none'})")
    lake = Path(args.lake).absolute() if args.lake else file.absolute().with_name(f"lake-{file.stem}")
    file.write_text(mapping.as_yaml(proposal, lake, str(file)), "utf-8")
    if not args.json:
        for plan in proposal.plans:
            print(f"{plan.feed.name:<20} {len(plan.columns):>3} columns of {plan.reading.table}")
        for name, why in proposal.left.items():
            print(f"{name:<20} no feed: {why}")
        for where, what in proposal.unsure:
            print(f"unsure: {where}: {what}")
    return file, mapping.as_json(proposal, lake)
