"""The command `onecart plan-experiment`."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from onecart.config.arguments import command_parser, parse
from onecart.measure.experiments.power import plan_experiment


def plan(argv: Sequence[str]) -> int:
    """How many units an experiment needs, and how many days."""
    parser = command_parser(
        "plan-experiment", plan.__doc__, "plan-experiment --baseline 0.05 --uplift 0.1 --daily 4000"
    )
    parser.add_argument("--baseline", type=float, required=True, help="the rate now, or the mean where --sd is given")
    parser.add_argument(
        "--uplift", type=float, required=True, help="to be seen, as a share of the baseline: 0.1 is 10 %%"
    )
    parser.add_argument("--absolute", action="store_true", help="--uplift is in the unit of the baseline")
    parser.add_argument("--sd", type=float, help="standard deviation of the metric; without it, a rate")
    parser.add_argument("--power", type=float, default=0.8, help="the chance to see the uplift (default 0.8)")
    parser.add_argument("--alpha", type=float, default=0.05, help="false alarms, all arms together (default 0.05)")
    parser.add_argument("--arms", type=int, default=2, help="with the control (default 2)")
    parser.add_argument("--shares", type=float, nargs="+", metavar="S", help="of the units per arm, the control first")
    parser.add_argument("--daily", type=float, help="units per day, all arms together")
    parser.add_argument(
        "--correlation", type=float, default=0.0, help="of the metric with what was known before (CUPED)"
    )
    args = parse(parser, argv)
    found = plan_experiment(
        args.baseline,
        args.uplift,
        relative=not args.absolute,
        sd=args.sd,
        power=args.power,
        alpha=args.alpha,
        arms=args.arms,
        shares=args.shares,
        daily=args.daily,
        correlation=args.correlation,
    )
    print(json.dumps(asdict(found)) if args.json else found)
    return 0
