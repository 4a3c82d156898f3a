"""Errors a user can act on. Each says what was wrong, where, and what to do; the command line prints only that."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Parameters = TypeVar("Parameters", bound=BaseModel)


class OneCartError(Exception):
    """The work failed (exit code 1)."""

    exit_code = 1


class UsageError(OneCartError):
    """The caller asked for something that does not exist or does not fit (exit code 2)."""

    exit_code = 2


class NothingToDo(OneCartError):
    """A job has nothing to work on: no feed brings what it needs. `run_job` records it as done, and a chain goes on."""


class DataError(OneCartError):
    """The data is worse than the settings allow (exit code 3). A job that has read and written all it should before it says
    so puts its account into `result`."""

    exit_code = 3


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest choice, else the list of choices."""
    known = sorted(choices)
    same = [one for one in known if one.casefold() == word.casefold()]
    close = same or get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def require_known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """UsageError: one of `names`, each of which the message calls a `what`, is not among the `known`."""
    choices = [*known]
    for name in names:
        if name not in choices:
            raise UsageError(f"there is no {what} '{name}'{nearest(name, choices)}")


def parsed(kind: type[Parameters], given: Mapping[str, Any], who: str) -> Parameters:
    """The parameters of a call, those `given` over the defaults. UsageError: a name that `who`, as the message calls it, has not,
    or a wrong value; of several the first."""
    try:
        return kind(**given)
    except ValidationError as e:
        first = e.errors()[0]
        name, words = str(first["loc"][0]), first["msg"]
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{who} has no parameter '{name}'{nearest(name, kind.model_fields)}") from e
        raise UsageError(f"{who}: {name}={given[name]!r}: {words[0].lower()}{words[1:]}") from e
