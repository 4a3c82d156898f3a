"""An erasure empties the lines of the landing files that bronze means, whatever their names."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from onecart.channels import job as ingest
from onecart.config import load
from onecart.privacy import erase, subject

pytestmark = pytest.mark.slow
NOW = datetime(2012, 1, 2, tzinfo=timezone.utc)
ANN, BOB = (json.dumps({"account_id": who, "updated_at": "2011-01-01T00:00:00Z"}) for who in ("A1234567", "A7654321"))
NAMES = ("eu/landing/a[1].txt", "us/landing/a[1].txt", "us/landing/a1.txt", "a:1.txt", "a:[1].txt")


def test_lines_leave_the_file_that_bronze_means(context, lake):
    off = {name: None for name in load("local")[0].channels if name != "web_accounts"}
    ctx, files = context(channels=off), {}
    for name in NAMES:
        file = Path(lake.root, "landing/web/accounts", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        files[file] = [BOB, ANN, BOB] if name in (NAMES[0], NAMES[-1]) else [BOB, BOB]
        file.write_text("\n".join([*files[file], ""]))
    assert ingest.run(ctx).rows_out == 12
    # Only what `clean` reads from a line tells that it is hers: nothing is found in the file itself.
    ann = subject.Subject((), records=("account:A1234567",), values={"account": ("A1234567",)})
    work = erase.Work("e1", NOW.isoformat(), ann)
    erase._landing(lake, ctx.settings, work, lambda stage, what: None)
    for file, lines in files.items():
        assert file.read_text().split("\n") == ["" if line == ANN else line for line in [*lines, ""]]
    assert work.removed["landing"] == 2
