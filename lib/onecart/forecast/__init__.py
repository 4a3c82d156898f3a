"""Demand: how much of each product will sell, with intervals, a backtest and a ledger of every series, and what to order."""

from onecart.forecast.inventory import replenish, simulate
from onecart.forecast.panel import Forecast, forecast

__all__ = ["Forecast", "forecast", "replenish", "simulate"]
