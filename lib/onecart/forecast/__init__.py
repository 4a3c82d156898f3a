"""Demand: how much of each product will sell, with intervals, a backtest and a ledger of every series, and what to order."""

from onecart.forecast.panel import Forecast, forecast
from onecart.forecast.stock import replenish, simulate

__all__ = ["Forecast", "forecast", "replenish", "simulate"]
