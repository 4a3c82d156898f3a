"""A table's newest commit, read from its log where that is a folder of this machine.

A query over the history says the same, but costs a Spark job each time that a job only asks for a table's version.
"""

import json
import os
import re


def newest(log: str) -> tuple[int, dict[str, str]] | None:
    """The newest version in `log` (the folder `_delta_log`), and what Delta counted in that commit (the history's
    operationMetrics). None: `log` is not a folder of this machine."""
    try:
        names = [name for name in os.listdir(log) if re.fullmatch(r"\d{20}\.json", name)]
    except OSError:
        return None
    if not names:
        return None
    with open(os.path.join(log, max(names)), encoding="utf-8") as lines:
        actions = (json.loads(line) for line in lines)
        info: dict[str, dict[str, str] | None] = next(
            (action["commitInfo"] for action in actions if "commitInfo" in action), {}
        )
    return int(max(names)[:20]), dict(info.get("operationMetrics") or {})
