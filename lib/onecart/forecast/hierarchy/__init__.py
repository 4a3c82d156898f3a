"""Forecasts that add up along a tree."""
