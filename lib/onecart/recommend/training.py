"""Training a torch network on histories: Lightning in this process, or in others through Spark's TorchDistributor."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession
from torch import Tensor, nn
from torch.utils.data import DataLoader

from onecart.recommend.parameters import Sequence

_BATCHES_BETWEEN_LOGS = 10


class _Fit(L.LightningModule):
    def __init__(self, network: nn.Module, learning_rate: float):
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate

    def training_step(self, batch: Tensor, _: int) -> Tensor:
        longest = int((batch > 0).sum(1).max())  # the rest of the batch is padding
        loss = self.network.loss(batch[:, :longest])  # type: ignore[operator]
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)


def trained(network: nn.Module, histories: np.ndarray, p: Sequence, name: str) -> nn.Module:
    """`network` after p.epochs of Adam on `network.loss` of the rows of `histories`[users, n], int32.

    p.processes 0: in this process. Else in so many started by TorchDistributor, each with its share of every epoch:
    on this machine for one or where Spark's master is local, otherwise on the executors, which get the histories with
    the task. p.log_dir: TensorBoard's folder, the curves below `name`; None: none. The same seed on the same CPU
    gives the same weights.
    """
    if not p.processes:
        network.load_state_dict(_fit(network, histories, p, name, local=True))
        return network
    context = SparkSession.active().sparkContext
    local = p.processes == 1 or str(context.master).startswith("local")
    asked = "spark.driver.resource.gpu.amount" if local else "spark.task.resource.gpu.amount"
    distributor = TorchDistributor(p.processes, local, int(context.getConf().get(asked, "0")) > 0)
    distributor.logger.setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):  # torchrun's chatter; an error carries its last lines
        weights: Any = distributor.run(_fit, network, histories, p, name, local=local)
    network.load_state_dict(weights)
    return network


def _fit(network: nn.Module, histories: np.ndarray, p: Sequence, name: str, *, local: bool) -> dict[str, Tensor]:
    here = max(p.processes, 1) if local else 1
    processes = max(p.processes, 1)
    with _quiet(), torch.random.fork_rng():
        torch.manual_seed(p.seed)
        trainer = L.Trainer(
            max_epochs=p.epochs,
            accelerator="gpu" if torch.cuda.device_count() >= here else "cpu",
            devices=here,
            num_nodes=processes // here,
            strategy="ddp" if p.processes else "auto",
            logger=TensorBoardLogger(p.log_dir, name=name) if p.log_dir else False,
            log_every_n_steps=_BATCHES_BETWEEN_LOGS,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        rows = torch.from_numpy(histories).long()
        trainer.fit(_Fit(network, p.learning_rate), DataLoader(rows, p.batch_size, shuffle=True))  # type: ignore[arg-type]
    return {key: value.cpu() for key, value in network.state_dict().items()}


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
