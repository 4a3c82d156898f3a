"""What brokers and databases say when they cannot be read, as one sentence that says what to do and echoes no secret."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from onecart.errors import OneCartError, UsageError
from onecart.lake import Conflict


@contextmanager
def told(feed: str, sentences: Mapping[str, str], secrets: Collection[str]) -> Iterator[None]:
    """OneCartError in place of what goes wrong within: the first of `sentences` (pattern -> sentence, which may use the
    pattern's groups) whose pattern is found; of the rest their first line."""
    try:
        yield
    except (Conflict, UsageError):
        raise
    except Exception as e:
        text = "\n".join(map(str, _chain(e)))
        for pattern, sentence in sentences.items():
            if found := re.search(pattern, text):
                raise OneCartError(f"channels.{feed}: {_without(found.expand(sentence), secrets)}") from None
        first = next((line for line in str(e).splitlines() if line.strip()), type(e).__name__)
        raise OneCartError(f"channels.{feed}: {_without(first, secrets)}") from None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _without(text: str, secrets: Collection[str]) -> str:
    """The text without the secrets, and without the words in them: the password in a line of JAAS."""
    words = {word for secret in secrets for word in (secret, *re.findall(r"[\"']([^\"']+)[\"']", secret))}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "***") if word else text
    return text
