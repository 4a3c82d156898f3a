"""spark-submit jobs/behave.py [--env E] [--set key=value]...: the job `behave`, the same as `onecart run behave`."""

import sys
from collections.abc import Sequence

from onecart import jobs


def main(argv: Sequence[str] | None = None) -> int:
    return jobs.main("behave", argv)


if __name__ == "__main__":
    if code := main():  # Databricks takes any SystemExit, even 0, for a failure
        sys.exit(code)
