"""Did it work: experiments, conversion by day and channel, what it is due to, what a policy would bring, how well a
score finds those whom a treatment moves, how long people wait."""

from onecart.measure.attribution import attribution
from onecart.measure.experiments import (
    Experiment,
    GroupSequential,
    experiment,
    group_sequential_bounds,
    judge,
    plan_experiment,
)
from onecart.measure.off_policy import go_live, off_policy
from onecart.measure.uplift_curve import qini
from onecart.measure.waiting import waiting

__all__ = [
    "Experiment",
    "GroupSequential",
    "attribution",
    "experiment",
    "go_live",
    "group_sequential_bounds",
    "judge",
    "off_policy",
    "plan_experiment",
    "qini",
    "waiting",
]
