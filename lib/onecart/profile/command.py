"""The command `onecart show profile`."""

import json
from collections.abc import Sequence
from datetime import date

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_lake
from onecart.profile.show import text, to_dict


def show(argv: Sequence[str]) -> int:
    """The single view of one customer, with the evidence of each link."""
    parser = command_parser("show", show.__doc__, "show profile c_0123456789abcdef --as-of 2011-06-01")
    parser.add_argument("what", choices=["profile"])
    parser.add_argument("customer_id")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, metavar="DAY", help="the profile as it was on that day, as in 2011-06-01"
    )
    args = parse(parser, argv)
    lake = open_lake(load_settings(args))
    seen = to_dict(lake, args.customer_id, args.as_of)
    print(json.dumps(seen, default=str) if args.json else text(seen))
    return 0
