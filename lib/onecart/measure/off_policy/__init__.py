"""Off-policy evaluation: what a policy would have brought, from the log of another one, and the gate before it goes live."""

from onecart.measure.off_policy.evaluation import off_policy
from onecart.measure.off_policy.gate import Verdict, go_live

__all__ = ["Verdict", "go_live", "off_policy"]
