"""The command `onecart why`."""

import json
from collections.abc import Sequence

from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_lake
from onecart.decide.why import text, to_dict


def why(argv: Sequence[str]) -> int:
    """Why a customer was contacted, held back or left out, from event to outcome."""
    parser = command_parser("why", why.__doc__, "why c_0123456789abcdef --campaign spring")
    parser.add_argument("customer_id")
    parser.add_argument("--campaign", metavar="NAME", help="of this campaign only")
    args = parse(parser, argv)
    settings = load_settings(args)
    seen = to_dict(open_lake(settings), settings, args.customer_id, args.campaign)
    print(json.dumps(seen, default=str) if args.json else text(seen))
    return 0
