"""Experiments: from sums per arm to a verdict with intervals, and how many units one needs."""

from onecart.measure.experiments.group_sequential import GroupSequential, group_sequential_bounds
from onecart.measure.experiments.judgement import Experiment
from onecart.measure.experiments.library import experiment, judge
from onecart.measure.experiments.power import plan_experiment

__all__ = ["Experiment", "GroupSequential", "experiment", "group_sequential_bounds", "judge", "plan_experiment"]
