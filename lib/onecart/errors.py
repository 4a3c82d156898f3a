"""Errors a user can act on. Each says what was wrong, where, and what to do; the command line prints only that."""

from collections.abc import Iterable
from difflib import get_close_matches


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
