"""Who is who, across channels."""

from onecart.identity.evaluate import Evaluation, evaluate, review_sample
from onecart.identity.ids import trace
from onecart.identity.linking import link

__all__ = ["Evaluation", "evaluate", "link", "review_sample", "trace"]
