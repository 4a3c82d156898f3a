"""The command line's side of the settings: the options that every command shares, and the settings they ask for."""

import argparse
import json
from collections.abc import Sequence

from onecart import log
from onecart.config.layers import load
from onecart.config.settings import Settings


def command_parser(command: str, description: str | None, example: str) -> argparse.ArgumentParser:
    """The parser of `onecart <command>`; its help ends with an example, which is given without the word `onecart`."""
    return argparse.ArgumentParser(
        prog=f"onecart {command}", description=description, epilog=f"example: onecart {example}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options every command that reads settings shares."""
    parser.add_argument(
        "--env", default="local", help="environment: a file of conf/ by name, or a path of one (default local)"
    )
    parser.add_argument("--gpu", action="store_true", help="lay conf/gpu.yaml on top")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="one setting")
    parser.add_argument("--lake", metavar="DIR", help="short for --set lake.root=DIR")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")
    parser.add_argument("--quiet", action="store_true", help="on stderr, warnings and errors only")
    parser.add_argument(
        "--log-json", action="store_true", help="on stderr, a JSON object a line: time, level, logger, message"
    )


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parses a command's words, the shared options among them, and sets up the log as they say."""
    add_arguments(parser)
    args = parser.parse_args(argv)
    log.set_up(quiet=args.quiet, as_json=args.log_json)
    return args


def load_settings(args: argparse.Namespace) -> Settings:
    """The settings that the options ask for."""
    return load_with_origin(args)[0]


def load_with_origin(args: argparse.Namespace) -> tuple[Settings, dict[str, str]]:
    """The settings that the options ask for, and for each dotted key that a layer gives, the layer's name."""
    overrides = [*args.overrides, *([f"lake.root={json.dumps(args.lake)}"] if args.lake else [])]
    return load(args.env, args.gpu, overrides)
