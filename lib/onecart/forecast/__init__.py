"""Demand: how much of each product will sell, with intervals, a backtest and a ledger of every series."""

from onecart.forecast.panel import Forecast, forecast

__all__ = ["Forecast", "forecast"]
