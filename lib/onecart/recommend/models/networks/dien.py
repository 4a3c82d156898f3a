"""DIEN (Zhou et al. 2019): a user's interest as it evolves towards one item, and how likely they take that item."""

import torch
from torch import Tensor, nn
from torch.nn import functional as N

from onecart.recommend.models.networks.sasrec import trimmed

_NEGATIVES = 4  # items drawn by chance for each one taken


class AttentionGRU(nn.GRUCell):
    """AUGRU: a GRU whose update gate is scaled by how much each step has to do with the target."""

    def forward(self, steps: Tensor, attention: Tensor) -> Tensor:  # type: ignore[override]
        """The last state [users, targets, d] over `steps`[users, n, d] with `attention`[users, targets, n].

        Attention 1 everywhere is the plain GRU; where it is 0 the state stays as it was.
        """
        inputs = N.linear(steps, self.weight_ih, self.bias_ih)
        state = steps.new_zeros(*attention.shape[:2], self.hidden_size)
        for n in range(steps.shape[1]):
            reset, keep, new = inputs[:, None, n].chunk(3, -1)
            reset_h, keep_h, new_h = N.linear(state, self.weight_hh, self.bias_hh).chunk(3, -1)
            candidate = torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)
            update = attention[..., n, None] * (1 - torch.sigmoid(keep + keep_h))
            state = state + update * (candidate - state)
        return state


class Dien(nn.Module):
    """A GRU extracts interests, attention on the target weighs them, AUGRU follows them, an MLP gives the logit.

    Histories as `Sasrec` takes them: [users, n] of item number + 1, oldest first, 0 after the last.
    """

    def __init__(self, *, items: int, dimensions: int, dropout: float):
        super().__init__()
        self.shape = {"items": items, "dimensions": dimensions, "dropout": dropout}
        self.items = nn.Embedding(items + 1, dimensions, padding_idx=0)
        self.extractor = nn.GRU(dimensions, dimensions, batch_first=True)
        self.attention = nn.Linear(dimensions, dimensions, bias=False)
        self.evolution = AttentionGRU(dimensions, dimensions)
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Sequential(
            nn.Linear(3 * dimensions, dimensions), nn.PReLU(), nn.Dropout(dropout), nn.Linear(dimensions, 1)
        )

    def forward(self, history: Tensor, targets: Tensor) -> Tensor:
        """Logits [users, targets] that a user takes `targets`[users, targets] (item number + 1) next."""
        return self._logits(history, self._interests(history), targets)

    def loss(self, history: Tensor) -> Tensor:
        """Cross-entropy of one item of each history, at a place drawn by chance, against items drawn by chance.

        Plus the auxiliary loss: each interest tells the item after it from one drawn by chance.
        """
        history = trimmed(history)
        lengths = (history > 0).sum(1)
        cut = 1 + (torch.rand(len(history), device=history.device) * (lengths - 1)).long()
        target = history.gather(1, cut[:, None])
        past = history * (torch.arange(history.shape[1], device=history.device) < cut[:, None])
        past = past[:, : int(cut.max())]
        interests = self._interests(past)
        targets = torch.cat([target, self._drawn(len(history), _NEGATIVES, history)], 1)
        logits = self._logits(past, interests, targets)
        truth = torch.zeros_like(logits)
        truth[:, 0] = 1
        return N.binary_cross_entropy_with_logits(logits, truth) + self._next_behaviour(past, interests)

    def _interests(self, history: Tensor) -> Tensor:
        return self.extractor(self.dropout(self.items(history)))[0]

    def _logits(self, history: Tensor, interests: Tensor, targets: Tensor) -> Tensor:
        items = self.items(targets)
        weights = items @ self.attention(interests).transpose(1, 2)
        weights = weights.masked_fill((history == 0)[:, None], -torch.inf).softmax(-1)
        interest = self.evolution(interests, weights)
        return self.logit(torch.cat([interest, items, interest * items], -1)).squeeze(-1)

    def _next_behaviour(self, history: Tensor, interests: Tensor) -> Tensor:
        known = history[:, 1:] > 0
        after = self.items(history[:, 1:])
        other = self.items(self._drawn(len(history), history.shape[1] - 1, history))
        right, wrong = ((interests[:, :-1] * x).sum(-1)[known] for x in (after, other))
        return (N.softplus(-right).sum() + N.softplus(wrong).sum()) / known.sum().clamp(min=1)

    def _drawn(self, rows: int, columns: int, like: Tensor) -> Tensor:
        return torch.randint(1, self.items.num_embeddings, (rows, columns), device=like.device)
