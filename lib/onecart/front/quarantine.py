"""The command `onecart quarantine`: rows that broke a rule, and their way back."""

import json
from collections.abc import Sequence
from typing import Any

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_lake, open_session
from onecart.dag import Job
from onecart.errors import UsageError, nearest
from onecart.jobs import run_job

REPLAY = Job("replay", "quality", "rows of ops.quarantine through the rules again")


def quarantine(argv: Sequence[str]) -> int:
    """What was set aside: `list` by feed and rule; `show` the rows of a feed, a rule, FEED/RULE or an id; `replay` them through
    the rules, after the settings were mended or with the corrected records of a file."""
    parser = command_parser("quarantine", quarantine.__doc__, "quarantine replay web_orders --from corrected.json")
    parser.add_argument("action", choices=["list", "show", "replay"])
    parser.add_argument("what", nargs="?", help="show: FEED, RULE, FEED/RULE or an id; replay: FEED (default: all)")
    parser.add_argument("--rule", help="replay: rows of this rule only")
    parser.add_argument("--limit", type=int, default=20, help="show: so many rows at most (default 20)")
    parser.add_argument(
        "--from",
        dest="corrected",
        metavar="FILE",
        help='replay: corrected records, as `show --json` prints rows: a JSON array of {"quarantine_id", "payload"}',
    )
    args = parse(parser, argv)
    return {"list": _list, "show": _show, "replay": _replay}[args.action](args)


def _list(args: Any) -> int:
    from onecart.quality.quarantine.look import groups

    found = groups(open_lake(load_settings(args)))
    if args.json:
        print(json.dumps(found, default=str))
        return 0
    print(f"{'feed':<18} {'rule':<24} {'open':>8} {'repaired':>8}  reason")
    for g in found:
        print(f"{g['source']:<18} {g['rule']:<24} {g['open']:>8,} {g['repaired']:>8,}  {g['reason']}")
        if g["example"]:
            print(f"    {g['example']}")
    if not found:
        print("nothing was set aside")
    return 0


def _show(args: Any) -> int:
    from onecart.quality.quarantine.look import rows_of

    if not args.what:
        raise UsageError("say what to show, as in `onecart quarantine show web_orders/no_sku`")
    rows = rows_of(open_lake(load_settings(args)), args.what, args.limit)
    if args.json:
        print(json.dumps(rows, default=str))
        return 0
    for r in rows:
        print(f"{r['quarantine_id']}  {r['source']} -> {r['target']}  {r['rule']}: {r['reason']}")
        print(f"  {r['source_file']}, line {r['line_no']}, came {r['ingested_ts']}")
        print(f"  {r['corrected'] or r['payload']}")
    return 0


def _replay(args: Any) -> int:
    from onecart.quality.quarantine.replay import Correction, replay

    settings = load_settings(args)
    if args.what and args.what not in settings.sources:
        raise UsageError(f"channels has no feed '{args.what}'{nearest(args.what, settings.sources)}")
    given = [Correction(*pair) for pair in read_corrections(args.corrected)] if args.corrected else []
    row = run_job(REPLAY, settings, open_session(settings), work=lambda ctx: replay(ctx, args.what, args.rule, given))
    print(json.dumps([row]) if args.json else row["headline"])
    return 0


def read_corrections(path: str) -> list[tuple[str, str]]:
    """(quarantine_id, payload) of each row of a file of this machine. UsageError: it is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)
    except (OSError, ValueError) as e:
        raise UsageError(f"{path} cannot be read as a JSON array of corrected records: {e}") from e
    rows = rows if isinstance(rows, list) else [rows]
    pairs = []
    for n, row in enumerate(rows, 1):
        known = row if isinstance(row, dict) else {}
        found, payload = known.get("quarantine_id"), known.get("payload")
        payload = json.dumps(payload, ensure_ascii=False) if isinstance(payload, dict) else payload
        if not isinstance(found, str) or not isinstance(payload, str):
            raise UsageError(f'{path}: entry {n} is not as in {{"quarantine_id": "...", "payload": "..."}}')
        pairs.append((found, payload))
    if len({found for found, _ in pairs}) < len(pairs):
        raise UsageError(f"{path} has a quarantine_id twice; give each row once")
    return pairs
