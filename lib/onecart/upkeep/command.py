"""The command `onecart tables`."""

import json
from collections.abc import Sequence
from typing import Any

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_lake


def tables(argv: Sequence[str]) -> int:
    """The lake's tables: rows, Delta version, files, size."""
    args = parse(command_parser("tables", tables.__doc__, "tables --lake lake-quick"), argv)
    lake = open_lake(load_settings(args))
    rows = [_row(lake, name) for name in lake.names()]
    if args.json:
        print(json.dumps(rows))
        return 0
    print(f"{'table':<28} {'rows':>12} {'version':>8} {'files':>6} {'MiB':>9}  personal data")
    for r in rows:
        print(
            f"{r['table']:<28} {r['rows']:>12,} {r['version']:>8} {r['files']:>6} {r['bytes'] / 2**20:>9.1f}"
            + ("  restricted" if r["restricted"] else "")
        )
    if not rows:
        print(f"no tables in {lake.root} yet; `onecart demo` makes some")
    return 0


def _row(lake: Any, name: str) -> dict[str, Any]:
    from onecart.contracts import contract

    files, size = lake.size(name)
    return {
        "table": name,
        "rows": lake.read(name).count(),
        "version": lake.version(name),
        "files": files,
        "bytes": size,
        "restricted": contract(name).restricted,
    }
