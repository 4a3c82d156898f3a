"""Policies learned from the decision log, which have to pass `measure.go_live` before they decide about anybody."""

from onecart.decide.policies.fitted_q import Policy, fitted_q, mostly_best

__all__ = ["Policy", "fitted_q", "mostly_best"]
