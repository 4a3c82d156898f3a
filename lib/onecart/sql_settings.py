"""The SQL settings that our results depend on, for the time of our work, on a session that somebody else started."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

_TIME_ZONE = "spark.sql.session.timeZone"
RESULTS: Mapping[str, str] = MappingProxyType(
    {
        _TIME_ZONE: "UTC",
        "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # unparsable dates become null, and then quarantine, not an error
        "spark.sql.timestampType": "TIMESTAMP_LTZ",
        "spark.sql.ansi.enabled": "false",  # nor does a text that is no number stop a job
        "spark.sql.caseSensitive": "false",
        "spark.sql.storeAssignmentPolicy": "ANSI",
        "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
        "spark.sql.parser.escapedStringLiterals": "false",
        "spark.sql.parser.quotedRegexColumnNames": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.legacy.parquet.nanosAsLong": "true",  # times in nanoseconds, as pandas writes them, are read as numbers
        # Days before 1582 are what they say, in files of any writer.
        **{
            f"spark.sql.parquet.{kind}RebaseModeIn{way}": "CORRECTED"
            for kind in ("datetime", "int96")
            for way in ("Read", "Write")
        },
    }
)


class _Held:
    """A session that has our settings for now: how many blocks need them, what it had before (None: not set), its zone then."""

    def __init__(self, spark: Any) -> None:
        self.blocks = 0
        self.before: dict[str, str | None] = {key: spark.conf.get(key, None) for key in _missing(spark, RESULTS)}
        self.time_zone = _current(spark, _TIME_ZONE)


_held: dict[int, _Held] = {}
_holding = threading.Lock()


@contextlib.contextmanager
def our_settings(spark: Any) -> Iterator[Any]:
    """For the time of the block `spark` has the settings RESULTS, and is the active session of this thread; then it has its
    own again, also after an error. Blocks may be nested, and run in several threads: the last one puts back.

    A frame that is made in the block may be computed after it, under the user's settings. Spark writes time zone, ANSI mode
    and case into the plan when it is made, but it asks when it is computed for two: the zone in which timestamps enter and
    leave Python, and the policy of parsers with a pattern. So a frame that is handed out has neither in its plan: Python gets
    and gives seconds, and what is parsed by a pattern is computed in the block.
    """
    with _holding:
        place = _place(spark)
        if place not in _held:
            _held[place] = _Held(spark)
            for key in _held[place].before:
                spark.conf.set(key, RESULTS[key])
        held = _held[place]
        held.blocks += 1
    sessions = spark._jvm.SparkSession
    active = sessions.getActiveSession()
    sessions.setActiveSession(spark._jsparkSession)
    try:
        yield spark
    finally:
        if active.isDefined():
            sessions.setActiveSession(active.get())
        else:
            sessions.clearActiveSession()
        with _holding:
            held.blocks -= 1
            if held.blocks == 0:
                del _held[place]
                for key, value in held.before.items():
                    spark.conf.unset(key) if value is None else spark.conf.set(key, value)


def their_time_zone(spark: Any) -> str:
    """The zone of the session; within `our_settings` the one that it had before."""
    with _holding:
        held = _held.get(_place(spark))
    return held.time_zone if held else _current(spark, _TIME_ZONE)


def beside(spark: Any, conf: Mapping[str, str] = RESULTS) -> Any:
    """A session with the settings `conf` beside `spark`, which stays as it is: it shares the context and all tables, and begins
    with the settings and views of `spark`. `spark` itself where it has them. Jobs run on such a session, so that nothing
    has to be put back, and what runs on `spark` meanwhile is left alone."""
    from pyspark.sql import SparkSession

    missing = _missing(spark, conf)
    if not missing:
        return spark
    own = SparkSession(spark.sparkContext, spark._jsparkSession.cloneSession())
    for key in missing:
        with contextlib.suppress(Exception):  # a static setting cannot change any more
            own.conf.set(key, conf[key])
    return own


def _place(spark: Any) -> int:
    """The session, whichever Python object stands for it."""
    return int(spark._jsparkSession.hashCode())


def _missing(spark: Any, wanted: Mapping[str, str]) -> list[str]:
    """The settings that do not count in the session now."""
    return [key for key, value in wanted.items() if _current(spark, key).lower() != value.lower()]


def _current(spark: Any, key: str) -> str:
    """What counts now, a default of Spark's among them."""
    try:
        return str(spark.conf.get(key))
    except Exception:  # neither set nor known to Spark
        return ""
