"""MiniLM's own weights moved by labelled texts, before they are written for Spark NLP (fine-tuning: Devlin et al. 2019)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from onecart import deep
from onecart.voice.text.minilm import SIZE

_LENGTH = 128  # word pieces of a text that are learned from
_BATCH, _RATE, _CLIP = 16, 5e-5, 1.0
_UNKNOWN = -100  # the label of a text that is not learned from
_AHEAD = 20.0  # times as fast as the network, the new last layer learns


def tuned(source: Path, texts: list[str], labels: np.ndarray, *, epochs: int, seed: int) -> dict[str, np.ndarray]:
    """The weights of the network in the folder `source` after `epochs` over `texts`, whose labels are 0, 1, ...: by name.

    On the driver, on its GPU where it has one.
    """
    tokens = AutoTokenizer.from_pretrained(source)
    read = tokens(texts, padding=True, truncation=True, max_length=_LENGTH, return_tensors="np")
    ids, known = _alike(read["input_ids"].astype(np.int64), labels.astype(np.int64))
    with torch.random.fork_rng(), _without_progress():
        torch.manual_seed(seed)
        network = _Tuned(AutoModel.from_pretrained(source), int(labels.max()) + 1)
    fit = deep.Fit(1, _RATE, seed, steps=epochs * len(ids), decay=0.05, clip=_CLIP)
    deep.trained(network, [ids, known], fit, "minilm")
    return {name: value.detach().cpu().numpy() for name, value in network.body.state_dict().items()}


def _alike(ids: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[batch, text, word piece] and [batch, text]: texts of about one length together, so that little is padding; the last batch
    is filled up with its longest, whose label is left out."""
    order = np.argsort((ids != 0).sum(axis=1), kind="stable")
    spare = -len(order) % _BATCH
    at = np.r_[order, np.repeat(order[-1], spare)].reshape(-1, _BATCH)
    known = np.r_[labels[order], np.full(spare, _UNKNOWN)].reshape(-1, _BATCH)
    return ids[at], known


class _Tuned(nn.Module):
    """The mean of the last layer over a text, and a linear layer that answers."""

    def __init__(self, body: nn.Module, labels: int) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(0.1)
        self.answer = nn.Linear(SIZE, labels)
        nn.init.zeros_(self.answer.weight)
        self.train()  # from_pretrained gives it without dropout

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        ids, labels = ids.squeeze(0), labels.squeeze(0)  # a batch is what comes as a row
        ids = ids[:, : int((ids != 0).sum(1).max())]  # as long as the longest of these
        text = (ids != 0).long()
        last = self.body(input_ids=ids, attention_mask=text).last_hidden_state
        mean = (last * text.unsqueeze(-1)).sum(1) / text.sum(1, keepdim=True)
        return nn.functional.cross_entropy(_AHEAD * self.answer(self.drop(mean)), labels, ignore_index=_UNKNOWN)


@contextlib.contextmanager
def _without_progress() -> Iterator[None]:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
