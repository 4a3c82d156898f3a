"""What a job gets to work with, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.config import Settings
from onecart.contracts import contract
from onecart.contracts.quality import HAPPENED
from onecart.errors import NothingToDo
from onecart.frames import day_of
from onecart.lake import Lake

_TIMES = {  # when what is in silver happened; the first table that has rows says what day it is
    "silver.orders": HAPPENED["silver.orders"],
    **HAPPENED,
    "silver.contacts": "updated_ts",
    "silver.products": "updated_ts",
}


@dataclass(frozen=True)
class Context:
    """A session, the lake and the settings of one run of one job. `settled`: what the jobs of one chain share, see `as_of`."""

    spark: SparkSession
    lake: Lake
    settings: Settings
    run_id: str
    settled: dict[str, date] = field(default_factory=dict)

    def as_of(self) -> date:
        """The day decisions are made for: the setting, else the day after the last order (a shop without orders: event, review,
        ticket, and so on), as the first job of the chain that asked saw it."""
        if self.settings.as_of:
            return self.settings.as_of
        if "as_of" not in self.settled:
            self.settled["as_of"] = self._after_last_fact()
        return self.settled["as_of"]

    def _after_last_fact(self) -> date:
        for name, time in _TIMES.items():
            if not self.lake.exists(name):
                continue
            row = self.lake.read(name).agg(day_of(F.max(time), self.settings.shop.time_zone)).first()
            if row and row[0]:
                last: date = row[0]
                return last + timedelta(days=1)
        raise NothingToDo(f"there is no day to decide for, as none of {', '.join(_TIMES)} has rows")

    def require_rows(self, *names: str) -> None:
        """NothingToDo if none of these tables has rows; it says which feed would bring them."""
        if not all(self.lake.is_empty(name) for name in names):
            return
        fed = {source.into for source in self.settings.sources.values()}
        feeds = [name for name in names if name.startswith("silver.") and name not in fed]
        missing = f"no feed goes into {' or '.join(feeds)}" if len(feeds) == len(names) else ""
        raise NothingToDo(missing or f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'} no rows")

    def model_version(self, model: str) -> str:
        """Names a model trained by this run, as every scored row records it."""
        return f"{model}@{self.run_id}"

    def write_health(
        self, figures: Mapping[str, Mapping[str, float]], dataset: str, versions: Mapping[str, str] | None = None
    ) -> None:
        """Adds to gold.model_health: `figures` is model -> metric -> value, measured on `dataset` by this run, once.
        versions: model -> version, of models that an earlier run has made."""
        as_of, older = self.as_of(), versions or {}
        rows = [
            (model, older.get(model) or self.model_version(model), dataset, metric, float(value), as_of)
            for model, found in figures.items()
            for metric, value in found.items()
        ]
        frame = self.spark.createDataFrame(rows, contract("gold.model_health").schema)
        if any(older.get(model) not in (None, self.model_version(model)) for model in figures):
            self.lake.upsert("gold.model_health", frame)
            return
        # The rows name this run, so that nothing there can be the same: no need to look for it.
        app_id = f"{self.run_id}.{dataset}.{min(figures, default='')}"
        self.lake.append_once("gold.model_health", frame, app_id, version=0)


@dataclass(frozen=True)
class Result:
    """A job's account: rows in = rows out + quarantined + duplicates + superseded + dropped where the job moves rows one to
    one."""

    rows_in: int = 0
    rows_out: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_superseded: int = 0
    headline: str = ""
    rows_dropped: int = 0
