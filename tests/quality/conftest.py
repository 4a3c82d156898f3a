"""Bronze tables by hand, and settings for their feeds alone."""

from datetime import datetime, timedelta

import pytest

from onecart.config import load

DAY = datetime(2011, 12, 31)


@pytest.fixture
def deliver(fill):
    """`deliver("reviews", ["{...}"], day=1)`: bronze.reviews holds these records of one file, come on that day, and no others."""

    def write(name, payloads, header=None, *, file="f", day=0):
        rows = [
            {
                "payload": p,
                "header": header,
                "source_file": file,
                "line_no": i,
                "ingested_ts": DAY + timedelta(days=day),
            }
            for i, p in enumerate(payloads, 2 if header else 1)
        ]
        fill(f"bronze.{name}", rows)

    return write


@pytest.fixture
def feeds(context):
    """`feeds("reviews", shop={...})` -> Context with these feeds only: of the sample's by name, others by their settings."""

    def make(*names, share=1.0, quality=None, **own):
        known = load("local")[0].model_dump(by_alias=True)["channels"]
        channels = {n: known[n] if n in names else None for n in known}
        return context(channels={**channels, **own}, quality={"max_quarantine_share": share, **(quality or {})})

    return make
