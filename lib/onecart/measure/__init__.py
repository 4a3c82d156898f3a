"""Did it work: experiments, and conversion by day and channel."""

from onecart.measure.experiments import (
    Experiment,
    GroupSequential,
    experiment,
    group_sequential_bounds,
    judge,
    plan_experiment,
)

__all__ = ["Experiment", "GroupSequential", "experiment", "group_sequential_bounds", "judge", "plan_experiment"]
