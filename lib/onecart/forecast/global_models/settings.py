"""How models over all series are trained."""

from dataclasses import dataclass
from typing import Any

from onecart.errors import UsageError


@dataclass(frozen=True)
class Training:
    """rows: that the trees learn from, at most, about, and rows_per_series: of each series on average (the steps after one origin, and
    neighbouring origins, say nearly the same); windows: that the network does; iterations: trees of gbt.

    threads: of LightGBM and torch on the driver. More than the cores that are free make it slower, not faster: on two cores
    that others used, too, 2 threads took twenty times as long as 1.
    steps: of the network, each on `batch_size` windows. processes: 0: it is trained in this one; else in so many started by
    Spark's TorchDistributor, on the executors where there is more than one and Spark is not local. log_dir: TensorBoard's folder.
    UsageError: a number is too small.
    """

    rows: int = 300_000
    rows_per_series: int = 2_000
    windows: int = 30_000
    iterations: int = 30
    threads: int = 1
    steps: int = 400
    batch_size: int = 128
    learning_rate: float = 3e-3
    processes: int = 0
    log_dir: str | None = None

    def fit(self, seed: int) -> Any:
        """How the network is trained, a `deep.Fit`; needs torch."""
        from onecart.deep import Fit

        return Fit(
            self.batch_size, self.learning_rate, seed, steps=self.steps, decay=0.05, clip=1.0, threads=self.threads,
            processes=self.processes, log_dir=self.log_dir,
        )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("rows", "rows_per_series", "windows", "iterations", "threads", "steps", "batch_size", "processes"):
            value, least = getattr(self, name), 0 if name == "processes" else 1
            if value < least:
                raise UsageError(f"forecast: {name} of training must be a whole number from {least}, found {value!r}")
        if self.learning_rate <= 0:
            raise UsageError(f"forecast: learning_rate of training must be above 0, found {self.learning_rate!r}")
