"""Training a torch network: Lightning in this process, or in others through Spark's TorchDistributor."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from onecart.forecast.across.settings import Training

_BATCHES_BETWEEN_LOGS = 10


class _Fit(L.LightningModule):
    def __init__(self, network: nn.Module, learning_rate: float):
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        loss: Tensor = self.network.loss(*batch)  # type: ignore[operator]
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        adam = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
        slower = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.05, int(self.trainer.max_steps))
        return {"optimizer": adam, "lr_scheduler": {"scheduler": slower, "interval": "step"}}


def trained(network: nn.Module, parts: Sequence[np.ndarray], p: Training, seed: int, name: str) -> nn.Module:
    """`network` after p.steps of Adam, ever smaller, on `network.loss` of the same rows of all `parts`.

    p.processes 0: in this process. Else in so many started by TorchDistributor, each with its share of the rows: on this
    machine for one or where Spark's master is local, otherwise on the executors, which get the rows with the task.
    p.log_dir: TensorBoard's folder, the curves below `name`; None: none. The same seed on the same CPU gives the same weights.
    """
    if not p.processes:
        network.load_state_dict(_fit(network, parts, p, seed, name, local=True))
        return network
    context = SparkSession.active().sparkContext
    local = p.processes == 1 or str(context.master).startswith("local")
    wanted = "spark.driver.resource.gpu.amount" if local else "spark.task.resource.gpu.amount"
    distributor = TorchDistributor(p.processes, local, int(context.getConf().get(wanted, "0")) > 0)
    distributor.logger.setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):  # torchrun's chatter; an error carries its last lines
        weights: Any = distributor.run(_fit, network, parts, p, seed, name, local=local)
    network.load_state_dict(weights)
    return network


def _fit(
    network: nn.Module, parts: Sequence[np.ndarray], p: Training, seed: int, name: str, *, local: bool
) -> dict[str, Tensor]:
    here = max(p.processes, 1) if local else 1
    processes = max(p.processes, 1)
    rows = TensorDataset(*(torch.from_numpy(part) for part in parts))
    with _quiet(), threads(p.threads), torch.random.fork_rng():
        torch.manual_seed(seed)
        trainer = L.Trainer(
            max_steps=p.steps,
            max_epochs=-1,
            accelerator="gpu" if torch.cuda.device_count() >= here else "cpu",
            devices=here,
            num_nodes=processes // here,
            strategy="ddp" if p.processes else "auto",
            gradient_clip_val=1.0,
            logger=TensorBoardLogger(p.log_dir, name=name) if p.log_dir else False,
            log_every_n_steps=_BATCHES_BETWEEN_LOGS,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(_Fit(network, p.learning_rate), DataLoader(rows, p.batch_size, shuffle=True))
    return {key: value.cpu() for key, value in network.state_dict().items()}


def saved(network: Any) -> bytes:
    """`network` as bytes: what it was made with, and its weights."""
    buffer = io.BytesIO()
    torch.save({"shape": network.shape, "weights": network.state_dict()}, buffer)
    return buffer.getvalue()


def loaded(kind: Any, stored: bytes) -> Any:
    """What `saved` took, of class `kind`, on the GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = torch.load(io.BytesIO(stored), map_location=device, weights_only=True)
    network = kind(**parts["shape"]).to(device)
    network.load_state_dict(parts["weights"])
    return network.eval().requires_grad_(False)


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """torch on so many threads below."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
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
