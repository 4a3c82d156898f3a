"""Sets up the log at the front door: messages on stderr, as lines for a terminal or as JSON.

Modules write to `logging.getLogger(__name__)` and set up nothing, so whoever imports OneCart decides where its messages go;
a notebook that wants them as the command line shows them calls `set_up()`.
"""

import json
import logging
import sys
from datetime import datetime, timezone


def set_up(*, quiet: bool = False, as_json: bool = False) -> None:
    """Shows the messages of `onecart` on stderr; called again, it replaces what was set up before.

    quiet: warnings and errors only. as_json: one JSON object a line, with time (UTC), level, logger, message, and the
    `fields` that the message brings along (`extra={"fields": {...}}`).
    """
    handler = _Stderr()
    handler.setFormatter(_Json() if as_json else logging.Formatter("onecart: %(message)s"))
    logger = logging.getLogger("onecart")
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False  # a platform's own root handler (Databricks) would show every message twice


class _Stderr(logging.Handler):
    """Writes to what sys.stderr is at that moment: it is exchanged while a JVM starts, and in tests."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": " ".join(record.getMessage().split()),  # without the blanks that align lines on a terminal
                **getattr(record, "fields", {}),
            },
            default=str,
        )
