"""`onecart doctor`: looks at everything a run needs, and says what is wrong and what to do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from onecart import jars
from onecart.config import Settings, is_local
from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import check_writable
from onecart.errors import OneCartError


def doctor(argv: Sequence[str]) -> int:
    """Checks Java, jars, memory, disk and write access, and says what is wrong."""
    args = parse(command_parser("doctor", doctor.__doc__, "doctor --env cluster --json"), argv)
    return examine(load_settings(args), as_json=args.json)


def examine(settings: Settings, *, as_json: bool = False) -> int:
    """Prints a line a check. Exit code 0 if all is well, else 1."""
    checks: dict[str, Callable[[], str]] = {
        "python": _python,
        "java": _java,
        "memory": _memory,
        "cache": lambda: _writable(jars.cache_dir(), need_gib=2),
        "lake": lambda: _lake(settings.lake.root),
        "key": lambda: _key(settings),
        "jars": _jars,
        "spark": _spark,
    }
    found = {}
    for name, check in checks.items():
        try:
            found[name] = (True, check())
        except OneCartError as e:
            found[name] = (False, str(e))
    if as_json:
        print(json.dumps({name: {"ok": ok, "message": text} for name, (ok, text) in found.items()}))
    else:
        for name, (ok, text) in found.items():
            print(f"{'ok ' if ok else 'BAD'}  {name:<8} {text}")
    return 0 if all(ok for ok, _ in found.values()) else 1


def _python() -> str:
    if not (3, 10) <= sys.version_info[:2] <= (3, 11):
        raise OneCartError(f"Python {sys.version.split()[0]}: OneCart needs 3.10 or 3.11")
    return f"{sys.version.split()[0]} at {sys.executable}"


def _java() -> str:
    home = jars.java_home()
    done = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OneCartError(
            f"Java at {home} does not start: {done.stderr.strip()[:200]}; unset JAVA_HOME to use the bundled one"
        )
    return f"{done.stderr.splitlines()[0]} at {home}"


def _memory() -> str:
    from onecart.spark import memory_gib

    gib = memory_gib()
    if gib < 4:
        raise OneCartError(f"{gib:.1f} GiB of memory; the demo needs 10 GiB, the quick one 6")
    return f"{gib:.1f} GiB, {os.cpu_count()} cores" + (
        "" if gib >= 10 else "; enough for demo --quick, the full demo needs 10 GiB"
    )


def _writable(folder: Path, need_gib: float) -> str:
    if not os.access(folder, os.W_OK):
        raise OneCartError(f"{folder} cannot be written")
    free = shutil.disk_usage(folder).free / 2**30
    if free < need_gib:
        raise OneCartError(f"{folder} has {free:.1f} GiB free; {need_gib} GiB are needed")
    return f"{folder}, {free:.0f} GiB free"


def _lake(root: str) -> str:
    check_writable(root)
    if not is_local(root):
        return f"{root} (not a local folder: looked at when Spark starts)"
    return _writable(Path(root).absolute(), need_gib=5)


def _key(settings: Settings) -> str:
    from onecart.governance.pseudonym import key_file, key_ring

    if settings.privacy.key:
        return f"pseudonyms are signed with {settings.privacy.key}, version {key_ring(settings.privacy, '').version}"
    if not is_local(settings.lake.root):
        raise OneCartError("no key for pseudonyms and erasures; give one with --set privacy.key=env:NAME")
    file = key_file(settings.lake.root)
    return f"pseudonyms are signed with the key file {file}" + ("" if file.exists() else ", made when first needed")


def _jars() -> str:
    delta, nlp = jars.is_resolved(jars.DELTA), jars.is_resolved(jars.NLP, jars.NLP_EXCLUDES)
    state = {True: "there", False: "not fetched yet"}
    return f"Delta {state[delta]}, Spark NLP {state[nlp]} (557 MB, fetched once when a job needs it)"


def _spark() -> str:
    from onecart.spark import session

    spark = session(conf={"spark.master": "local[1]", "spark.driver.memory": "1g"})
    n = spark.range(10).count()
    spark.stop()
    return f"Spark {spark.version} with Delta counted {n} rows"
