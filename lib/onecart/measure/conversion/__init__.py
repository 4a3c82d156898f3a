"""Conversion: by day and channel, by device, campaign, segment and step, and what changed since last week."""

from onecart.measure.conversion.daily import conversion_daily

__all__ = ["conversion_daily"]
