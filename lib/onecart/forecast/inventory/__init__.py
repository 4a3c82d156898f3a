"""Stock: how much to order now from forecasts with quantiles, and what policies would have cost on held-back demand."""

from onecart.forecast.inventory.replenish import replenish
from onecart.forecast.inventory.simulate import simulate

__all__ = ["replenish", "simulate"]
