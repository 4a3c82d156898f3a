"""What every section of the settings is made of: a frozen model, references to secrets, paths."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from onecart.errors import UsageError

INCOMPLETE = (
    "incomplete"  # type of a validator's error about keys that do not go together; no matter in one layer alone
)


class Section(BaseModel):
    """`moved`: keys that this section had -> where they are now."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
    moved: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _has_nothing_moved(cls, given: Any) -> Any:
        old = [key for key in given if key in cls.moved] if isinstance(given, Mapping) else []
        if old:
            raise ValueError(f"'{old[0]}' has moved; write {cls.moved[old[0]]}")
        return given


def _is_reference(value: str) -> str:
    if not value.startswith(("env:", "secret:")):
        raise ValueError("a secret is given by reference: env:NAME or secret:scope/key, never as a value")
    return value


SecretRef = Annotated[str, AfterValidator(_is_reference)]


def resolve_secret(ref: SecretRef, dbutils: Any = None) -> str:
    """The value behind a secret reference. `secret:` needs Databricks' `dbutils`."""
    kind, _, name = ref.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise UsageError(f"secret {ref}: the environment variable {name} is not set")
        return os.environ[name]
    if dbutils is None:
        raise UsageError(f"secret {ref}: Databricks secret scopes exist on Databricks only; use env:NAME here")
    scope, _, key = name.partition("/")
    return str(dbutils.secrets.get(scope=scope, key=key))


def is_local(path: str) -> bool:
    """Whether a lake's path is a folder of this machine."""
    return "://" not in path and not path.startswith("dbfs:")


def absolute(path: str) -> str:
    """A local path in full: Spark reads a relative one from the working folder, but creates tables in its warehouse."""
    return os.path.abspath(path) if is_local(path) else path.rstrip("/")
