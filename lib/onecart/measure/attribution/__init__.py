"""Attribution: which channels conversions are due to, by rules and by chains, beside the lift that experiments prove."""

from onecart.measure.attribution.credit import attribution

__all__ = ["attribution"]
