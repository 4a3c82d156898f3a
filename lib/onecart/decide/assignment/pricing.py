"""Assignment at prices: each customer takes the best offers after the price of what they use, by numpy.

Lagrangian relaxation of the multi-choice knapsack with caps (Fisher, The Lagrangian Relaxation Method for Solving Integer
Programming Problems, 1981): at prices of budget and caps the customers no longer depend on each other, and what they get at them
bounds every plan.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.decide.assignment.plan import Limits, Prices

TIE = 1e-4  # of the mean value: by a random part of it each value is raised, so that equal customers are told apart


@dataclass(frozen=True)
class Use:
    """What some customers use and bring at some prices. surplus: the sum of values after prices, of the values as they are."""

    value: float
    spent: float
    counts: np.ndarray
    surplus: float

    def __add__(self, other: "Use") -> "Use":
        return Use(
            self.value + other.value,
            self.spent + other.spent,
            self.counts + other.counts,
            self.surplus + other.surplus,
        )


@dataclass(frozen=True)
class Block:
    """Some customers. values [customer, offer], 0 where there is no offer worth making; costs likewise; keys: a number per
    customer that tells equal ones apart, in [0, 2**63)."""

    values: np.ndarray
    costs: np.ndarray
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> "Block":
        return Block(self.values[rows], self.costs[rows], self.keys[rows])

    def told_apart(self, scale: float) -> np.ndarray:
        """The values, equal ones made a little unequal. scale: the mean value of all customers."""
        return np.where(self.values > 0, self.values + TIE * scale * self._draws(), 0.0)

    def _draws(self) -> np.ndarray:
        """[customer, offer]: numbers in [0, 1) that follow from the keys alone (splitmix64)."""
        steps = np.arange(1, self.values.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = self.keys.astype(np.uint64)[:, None] + steps[None, :]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / 2**53)


def after_prices(values: np.ndarray, costs: np.ndarray, prices: Prices) -> np.ndarray:
    """[customer, offer]: the value less the price of what the offer uses; no offer: below 0."""
    costly = prices.budget * costs if math.isfinite(prices.budget) else np.where(costs > 0, np.inf, 0.0)
    return np.where(values > 0, values - costly - prices.caps[None, :], -1.0)


def taken(net: np.ndarray, per_customer: int) -> np.ndarray:
    """[customer, offer]: whether the offer is among the customer's best `per_customer` above 0."""
    if net.shape[1] <= per_customer:
        return net > 0
    if per_customer == 1:
        best = np.zeros(net.shape, dtype=bool)
        best[np.arange(len(net)), net.argmax(1)] = True
        return best & (net > 0)
    order = np.argsort(-net, axis=1, kind="stable")[:, :per_customer]
    best = np.zeros(net.shape, dtype=bool)
    np.put_along_axis(best, order, True, axis=1)
    return best & (net > 0)


def choice_at(block: Block, prices: Prices, per_customer: int, scale: float) -> np.ndarray:
    """[customer, offer]: what each takes at the prices, equal values told apart."""
    return taken(after_prices(block.told_apart(scale), block.costs, prices), per_customer)


def use(block: Block, prices: Prices, per_customer: int, scale: float) -> Use:
    """What the block's customers use at the prices."""
    plain = after_prices(block.values, block.costs, prices)
    surplus = float(plain[taken(plain, per_customer)].sum())
    return use_of(block, choice_at(block, prices, per_customer, scale), surplus)


def use_of(block: Block, chosen: np.ndarray, surplus: float = 0.0) -> Use:
    """What a choice [customer, offer] uses."""
    return Use(float(block.values[chosen].sum()), float(block.costs[chosen].sum()), chosen.sum(0), surplus)


def bound(prices: Prices, limits: Limits, surplus: float) -> float:
    """That no plan can be above: the prices of all limits, and what the customers have left after prices."""
    priced = [(prices.budget, limits.budget), *zip(prices.caps, limits.caps, strict=True)]
    return surplus + float(sum(price * limit for price, limit in priced if price > 0))


def possible(block: Block, limits: Limits) -> Block:
    """The block without offers of which there is none, or that alone cost more than the budget."""
    can_be = (block.costs <= limits.budget) & (limits.caps[None, :] > 0)
    return Block(np.where(can_be, block.values, 0.0), block.costs, block.keys)


@dataclass(frozen=True)
class Scarce:
    """Limits that so few customers use at the prices that all of these are settled one by one."""

    offers: np.ndarray
    budget: bool


def doubt(block: Block, prices: Prices, per_customer: int, scale: float, scarce: Scarce) -> np.ndarray:
    """One number per customer: how little a price has to move for the customer to get something else; -1: uses what is
    scarce."""
    net = after_prices(block.told_apart(scale), block.costs, prices)
    ranked = -np.sort(-net, axis=1)
    positive = np.maximum(np.pad(ranked, ((0, 0), (0, 1))), 0.0)
    at = min(per_customer, net.shape[1])
    full = positive[:, at - 1] > 0
    swapped = positive[:, at - 1] - positive[:, at]
    others = np.where(block.values > 0, np.abs(net), np.inf).min(1)
    uses = taken(net, per_customer) & (scarce.offers[None, :] | (scarce.budget & (block.costs > 0)))
    return np.where(uses.any(1), -1.0, np.where(full, swapped, others))
