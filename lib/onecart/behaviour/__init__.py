"""What visitors do: visits, the funnel, and features of customers as they stood on a day."""

from onecart.behaviour.job import features_at

__all__ = ["features_at"]
