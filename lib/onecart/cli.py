"""The front door: `onecart COMMAND`. A command is one line of this table; its function stands beside its room.

Modules are imported when their command is called, so that the help comes at once and starts no Spark.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from onecart.errors import UsageError, nearest
from onecart.jobs import guarded

COMMANDS = {  # name -> (module:function that takes the words after the name, one line of help)
    "demo": (
        "onecart.front.demo:demo",
        "real data -> all jobs -> summary table and report.html (--quick: 200 customers)",
    ),
    "test": (
        "onecart.front.environment:test",
        "all tests (pytest arguments go through)",
    ),
    "init": (
        "onecart.onboarding.command:init",
        "init FOLDER: propose the mapping of your own files, and try it on all rows",
    ),
    "run": (
        "onecart.jobs:run_command",
        "run JOB | all: one job, or all in order",
    ),
    "show": (
        "onecart.profile.command:show",
        "show profile CUSTOMER_ID: the single view of one customer",
    ),
    "why": (
        "onecart.decide.command:why",
        "why CUSTOMER_ID: what was decided about a customer, from event to outcome; also why not",
    ),
    "report": (
        "onecart.jobs:report_command",
        "write report.html from the tables as they are",
    ),
    "quarantine": (
        "onecart.front.quarantine:quarantine",
        "list | show | replay: rows that broke a rule, and their way back after a correction",
    ),
    "erase": (
        "onecart.privacy.command:erase_command",
        "erase CUSTOMER_ID: remove a person from every table and file, with a certificate",
    ),
    "export-subject": (
        "onecart.privacy.command:export_subject",
        "export-subject CUSTOMER_ID --out FILE.json: a person's own data",
    ),
    "rotate-key": (
        "onecart.privacy.command:rotate_key",
        "a new key for pseudonyms; older ones are still recognised",
    ),
    "config": (
        "onecart.config.command:config",
        "the merged settings and where each value comes from",
    ),
    "tables": (
        "onecart.upkeep.command:tables",
        "the lake's tables: rows, version, size",
    ),
    "samples": (
        "onecart.samples.command:samples",
        "list | fetch NAME | grow: sample data and the simulated world around it",
    ),
    "bench": (
        "onecart.bench.command:bench",
        "bench identity | intent | recommend | forecast | voice | decide | measure: time, memory and quality beside Splink, LightGBM, implicit",
    ),
    "plan-experiment": (
        "onecart.measure.experiments.command:plan",
        "units and days that an experiment needs to see an uplift",
    ),
    "bundle": (
        "onecart.front.bundle:bundle",
        "write the Databricks job from the DAG",
    ),
    "doctor": (
        "onecart.front.doctor:doctor",
        "check Java, jars, memory, disk, write access",
    ),
    "python": (
        "onecart.front.environment:python",
        "python SCRIPT ...: Python with this environment",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 failed, 2 wrong use, 3 bad data beyond the allowed share."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(words))


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if words else 2
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise UsageError(f"no command '{name}'{nearest(name, COMMANDS)}")
    module, _, function = COMMANDS[name][0].partition(":")
    command = cast(Callable[[list[str]], int], getattr(import_module(module), function))
    return command(rest)


def _help() -> str:
    lines = [
        "Every channel, one customer, more conversions.",
        "",
        "usage: onecart COMMAND [...]   (COMMAND --help says more, with an example)",
        "",
    ]
    return "\n".join(lines + [f"  {name:<14} {text}" for name, (_, text) in COMMANDS.items()])
