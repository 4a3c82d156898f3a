"""The command `onecart samples`."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_session
from onecart.errors import UsageError
from onecart.samples.datasets.catalogue import CATALOGUE
from onecart.samples.datasets.fetch import fetch

_log = logging.getLogger(__name__)


def samples(argv: Sequence[str]) -> int:
    """The sample data sets: list, fetch NAME, or grow the world around the real invoices."""
    parser = command_parser("samples", samples.__doc__, "samples fetch online-retail")
    parser.add_argument("action", choices=["list", "fetch", "grow"])
    parser.add_argument("name", nargs="?", help="data set to fetch")
    parser.add_argument("--scale", type=int, help="short for --set samples.scale=N")
    args = parse(parser, argv)
    if args.action == "list":
        return _list(as_json=args.json)
    if args.action == "fetch":
        if not args.name:
            raise UsageError("samples fetch needs the name of a data set; `onecart samples list` shows them")
        for path in fetch(args.name):
            print(path)
        return 0
    if args.scale:
        args.overrides = [*args.overrides, f"samples.scale={args.scale}"]
    settings = load_settings(args)
    from onecart.samples.world import grow

    counts = grow(open_session(settings), settings, progress=show_feed)
    print(json.dumps(counts) if args.json else "\n".join(f"{feed:<24} {n:>12,}" for feed, n in counts.items()))
    return 0


def show_feed(feed: str, lines: int) -> None:
    """One message in the log per feed grown."""
    _log.info("  %-16s %10s lines", feed, f"{lines:,}", extra={"fields": {"feed": feed, "lines": lines}})


def _list(*, as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(s) for s in CATALOGUE.values()]))
        return 0
    for s in CATALOGUE.values():
        print(f"{s.name:<18} {s.title}\n{'':<18} from {s.package}; {s.origin}; {s.terms}\n{'':<18} {s.attribution}\n")
    return 0
