"""spark-submit jobs/ingest.py [--env E] [--set key=value]...: the job `ingest`, the same as `onecart run ingest`."""

import sys
from collections.abc import Sequence

from onecart import jobs


def main(argv: Sequence[str] | None = None) -> int:
    return jobs.main("ingest", argv)


if __name__ == "__main__":
    if code := main():  # Databricks takes any SystemExit, even 0, for a failure
        sys.exit(code)
