"""Training a torch network: Lightning in this process, or in others through Spark's TorchDistributor."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

_BATCHES_BETWEEN_LOGS = 10


@dataclass(frozen=True)
class Fit:
    """How a network is trained: for `epochs`, or for `steps` of `batch_size` rows. decay: the share of the learning rate that is
    left at the last step; clip: the largest norm of a gradient; threads: of torch; None: as they are. processes 0: in this process;
    else in so many started by TorchDistributor. log_dir: TensorBoard's folder; None: none."""

    batch_size: int
    learning_rate: float
    seed: int
    epochs: int | None = None
    steps: int | None = None
    decay: float | None = None
    clip: float | None = None
    threads: int | None = None
    processes: int = 0
    log_dir: str | None = None


class _Module(L.LightningModule):
    def __init__(self, network: nn.Module, p: Fit):
        super().__init__()
        self.network = network
        self.p = p

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        loss: Tensor = self.network.loss(*batch)  # type: ignore[operator]
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        adam = torch.optim.Adam(self.network.parameters(), lr=self.p.learning_rate)
        if self.p.decay is None or self.p.steps is None:
            return adam
        slower = torch.optim.lr_scheduler.LinearLR(adam, 1.0, self.p.decay, self.p.steps)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": slower, "interval": "step"}}


def trained(network: nn.Module, parts: Sequence[np.ndarray], p: Fit, name: str) -> nn.Module:
    """`network` after Adam on `network.loss` of the same rows of all `parts`, by `p`.

    Several processes have each their share of the rows: on this machine for one or where Spark's master is local, otherwise on
    the executors, which get the rows with the task. TensorBoard's curves are below `name`. The same seed on the same CPU gives
    the same weights.
    """
    if not p.processes:
        network.load_state_dict(_fit(network, parts, p, name, local=True))
        return network
    context = SparkSession.active().sparkContext
    local = p.processes == 1 or str(context.master).startswith("local")
    wanted = "spark.driver.resource.gpu.amount" if local else "spark.task.resource.gpu.amount"
    distributor = TorchDistributor(p.processes, local, int(context.getConf().get(wanted, "0")) > 0)
    distributor.logger.setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):  # torchrun's chatter; an error carries its last lines
        weights: Any = distributor.run(_fit, network, parts, p, name, local=local)
    network.load_state_dict(weights)
    return network


def _fit(network: nn.Module, parts: Sequence[np.ndarray], p: Fit, name: str, *, local: bool) -> dict[str, Tensor]:
    here = max(p.processes, 1) if local else 1
    processes = max(p.processes, 1)
    rows = TensorDataset(*(torch.from_numpy(part) for part in parts))
    with _quiet(), threads(p.threads), torch.random.fork_rng():
        torch.manual_seed(p.seed)
        trainer = L.Trainer(
            max_steps=-1 if p.steps is None else p.steps,
            max_epochs=-1 if p.epochs is None else p.epochs,
            accelerator="gpu" if torch.cuda.device_count() >= here else "cpu",
            devices=here,
            num_nodes=processes // here,
            strategy="ddp" if p.processes else "auto",
            gradient_clip_val=p.clip,
            logger=TensorBoardLogger(p.log_dir, name=name) if p.log_dir else False,
            log_every_n_steps=_BATCHES_BETWEEN_LOGS,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(_Module(network, p), DataLoader(rows, p.batch_size, shuffle=True))
    return {key: value.cpu() for key, value in network.state_dict().items()}


def saved(network: Any) -> bytes:
    """`network` as bytes: what it was made with, and its weights."""
    buffer = io.BytesIO()
    torch.save({"shape": network.shape, "weights": network.state_dict()}, buffer)
    return buffer.getvalue()


def loaded(kind: Any, stored: bytes) -> Any:
    """What `saved` took, of class `kind`, without dropout, on the GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = torch.load(io.BytesIO(stored), map_location=device, weights_only=True)
    network = kind(**parts["shape"]).to(device)
    network.load_state_dict(parts["weights"])
    return network.eval().requires_grad_(False)


@contextlib.contextmanager
def threads(n: int | None) -> Iterator[None]:
    """torch on so many threads below; None: on as many as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if n is None else n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
