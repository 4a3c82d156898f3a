"""spark-submit jobs/unify.py [--env E] [--set key=value]...: the job `unify`, the same as `onecart run unify`."""

import sys
from collections.abc import Sequence

from onecart import jobs


def main(argv: Sequence[str] | None = None) -> int:
    return jobs.main("unify", argv)


if __name__ == "__main__":
    if code := main():  # Databricks takes any SystemExit, even 0, for a failure
        sys.exit(code)
