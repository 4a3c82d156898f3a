"""The command `onecart config`."""

import json
from collections.abc import Sequence

from onecart.config.arguments import command_parser, load_with_origin, parse
from onecart.config.layers import flatten


def config(argv: Sequence[str]) -> int:
    """The merged settings and where each value comes from; secrets stay references."""
    args = parse(command_parser("config", config.__doc__, "config --env cluster --set forecast.top_skus=50"), argv)
    settings, origin = load_with_origin(args)
    rows = [(key, value, origin.get(key, "default")) for key, value in flatten(settings)]
    if args.json:
        print(json.dumps({key: {"value": value, "origin": where} for key, value, where in rows}))
        return 0
    for key, value, where in rows:
        text = " ".join(str(value).split())
        print(f"{key:<44} {text if len(text) <= 80 else text[:77] + '...':<80} {where}")
    return 0
