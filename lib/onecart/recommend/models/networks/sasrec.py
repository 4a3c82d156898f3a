"""SASRec (Kang & McAuley 2018): self-attention over a user's items tells the next one."""

import torch
from torch import Tensor, nn
from torch.nn import functional as N

FULL_SOFTMAX = 20_000  # up to so many items the loss is over the whole catalogue
_SAMPLE = 4_096  # above, over the target and so many items drawn by chance


def trimmed(history: Tensor) -> Tensor:
    """`history`[users, n], whole numbers, without the last columns, which are padding for all."""
    return history[:, : int((history > 0).sum(1).max())].long()


class Sasrec(nn.Module):
    """Item embeddings and learnt positions through `layers` causal self-attention blocks.

    Histories are [users, n] of item number + 1, oldest first, 0 after the last. Positions count back from the newest
    item, so that it stands at the same place whatever the history's length.
    """

    def __init__(self, *, items: int, dimensions: int, max_length: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.shape = {
            "items": items,
            "dimensions": dimensions,
            "max_length": max_length,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
        }
        self.items = nn.Embedding(items + 1, dimensions, padding_idx=0)
        self.positions = nn.Embedding(max_length, dimensions)
        for table in (self.items, self.positions):
            nn.init.normal_(table.weight, std=dimensions**-0.5)
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(
            dimensions, heads, 4 * dimensions, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(dimensions), enable_nested_tensor=False)

    def forward(self, history: Tensor) -> Tensor:
        """States [users, n, dimensions]: each of an item and those before it, none of what comes later."""
        n = history.shape[1]
        back = (history > 0).sum(1, keepdim=True) - 1 - torch.arange(n, device=history.device)
        x = self.dropout(self.items(history) + self.positions(back.clamp(min=0)))
        later = nn.Transformer.generate_square_subsequent_mask(n, device=history.device)
        return self.blocks(x, mask=later, is_causal=True)

    def loss(self, history: Tensor) -> Tensor:
        """Cross-entropy of each next item among all items (tied embeddings).

        Over the whole catalogue, which beats one negative an item (Klenitskiy & Vasilev 2023). Above `FULL_SOFTMAX`
        items over a sample, whose logits are raised by ln(items / sample) to stand for all.
        """
        history = trimmed(history)
        targets = history[:, 1:]
        known = targets > 0
        states, targets = self(history[:, :-1])[known], targets[known]
        catalogue = self.items.weight[1:]
        if len(catalogue) <= FULL_SOFTMAX:
            return N.cross_entropy(states @ catalogue.T, targets - 1)
        drawn = torch.randint(1, len(catalogue) + 1, (_SAMPLE,), device=history.device)
        others = states @ self.items(drawn).T + torch.log(torch.tensor(len(catalogue) / _SAMPLE))
        others = others.masked_fill(targets[:, None] == drawn, -torch.inf)
        own = (states * self.items(targets)).sum(1, keepdim=True)
        return N.cross_entropy(torch.cat([own, others], 1), torch.zeros_like(targets))

    def users(self, history: Tensor) -> Tensor:
        """[users, dimensions]: the state of each user's newest item; its dot product with an item's vector ranks."""
        last = (history > 0).sum(1) - 1
        return self(history)[torch.arange(len(history), device=history.device), last]

    def item_vectors(self) -> Tensor:
        """[items, dimensions], by item number."""
        return self.items.weight[1:]
