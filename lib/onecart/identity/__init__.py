"""Who is who, across channels."""

from onecart.identity.evaluate import Evaluation, evaluate, review_sample
from onecart.identity.ids import trace
from onecart.identity.linking import capped_keys, link

__all__ = ["Evaluation", "capped_keys", "evaluate", "link", "review_sample", "trace"]
