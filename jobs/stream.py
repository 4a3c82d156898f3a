"""spark-submit jobs/stream.py [--env E] [--set key=value]...: the job `stream`, the same as `onecart run stream`."""

import sys
from collections.abc import Sequence

from onecart import jobs


def main(argv: Sequence[str] | None = None) -> int:
    return jobs.main("stream", argv)


if __name__ == "__main__":
    if code := main():  # Databricks takes any SystemExit, even 0, for a failure
        sys.exit(code)
