"""A long short-term memory (Hochreiter & Schmidhuber 1997) that reads a series and says all dates ahead at once."""

import torch
from torch import Tensor, nn
from torch.nn import functional as N

_DELTA = 0.9  # in levels; as LightGBM's


class Lstm(nn.Module):
    """past[series, n, past] and ahead[series, h, ahead], see `lstm.inputs` -> ratio[series, h] of the value to the level, from 0.

    The state after the past and what is known of each date ahead go through two layers, which all dates share.
    """

    def __init__(self, *, past: int, ahead: int, hidden: int = 48):
        super().__init__()
        self.shape = {"past": past, "ahead": ahead, "hidden": hidden}
        self.reader = nn.LSTM(past, hidden, batch_first=True)
        self.first = nn.Linear(hidden + ahead, hidden)
        self.second = nn.Linear(hidden, 1)
        nn.init.constant_(self.second.bias, 0.54)  # a ratio of 1

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        state = self.reader(past)[0][:, -1:].expand(-1, ahead.shape[1], -1)
        return N.softplus(self.second(N.gelu(self.first(torch.cat([state, ahead], 2)))))[..., 0]

    def loss(self, past: Tensor, ahead: Tensor, ratio: Tensor, weight: Tensor) -> Tensor:
        """Huber's, weighted; a weight of 0 is an unknown value."""
        error = N.huber_loss(self(past, ahead), ratio, reduction="none", delta=_DELTA)
        return (error * weight).sum() / weight.sum().clamp(min=1e-9)
