"""Where trained models are kept: files below <lake>/models/<name>/<run>, and a row each in gold.model_registry.

Where the files are follows from the model's version, `name@run`, alone, never from a path that some table holds; and what is
loaded must be what was saved, by its checksum.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import is_local
from onecart.context import Context
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.lake.files import listed, read_bytes, write_text
from onecart.models import tracking
from onecart.models.tracking import Record

TABLE = "gold.model_registry"
Model = TypeVar("Model")
_TEXT = "model.json"
_VERSION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9_-]+)")


class Gone(OneCartError):
    """The model's files are not there, or are not what was saved."""


def save(ctx: Context, name: str, write: Callable[[str], None]) -> str:
    """Saves the model `name` of this run by `write`(path); gives its version."""
    version = ctx.model_version(name)
    write(_folder(ctx, version))
    return version


def load(ctx: Context, version: str, read: Callable[[str], Model]) -> Model:
    """The model of `version`, by `read`(path). Gone: an erasure has taken it with a person it was made from, or its files
    have another checksum than gold.model_registry says."""
    folder = _folder(ctx, version)
    checksum = _checksum(ctx.spark, folder)
    if checksum is None:
        raise Gone(f"the files of the model {version} are gone")
    row = _registry(ctx).where(F.col("model_version") == version).select("checksum").first()
    if row is not None and row["checksum"] not in (None, checksum):
        raise Gone(f"the files of the model {version} are not those that were saved")
    return read(folder)


def named(kind: str, about: str) -> str:
    """The name of a model of `kind` about something, say an offer. Letters that no version may have become `_`, and what was
    written differently keeps different names by a few letters of its hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", about)
    return f"{kind}.{plain}" if plain == about else f"{kind}.{plain}-{hashlib.sha256(about.encode()).hexdigest()[:8]}"


def save_text(ctx: Context, name: str, text: str) -> str:
    """Saves a model that is one text, as `save`; gives its version."""
    return save(ctx, name, lambda path: write_text(ctx.spark, f"{path}/{_TEXT}", text))


def load_text(ctx: Context, version: str) -> str:
    """The text of the model of `version`. Gone: as in `load`, or an older release has saved it under another name."""

    def read(path: str) -> str:
        if not any(file.endswith(f"/{_TEXT}") for file, _ in listed(ctx.spark, path)):
            raise Gone(f"the files of the model {version} are of another release, without {_TEXT}")
        return read_bytes(ctx.spark, f"{path}/{_TEXT}").decode()

    return load(ctx, version, read)


def current(ctx: Context, question: str) -> str | None:
    """The version of the model that answers `question` now; None: there is none."""
    row = _models(ctx, question).where("role = 'champion'").select("model_version").first()
    return row[0] if row else None


def newest_as_of(ctx: Context, question: str) -> date | None:
    """The as_of of the newest model of `question`, whatever its role; None: there is none."""
    row = _models(ctx, question).agg(F.max("as_of")).first()
    return row[0] if row else None


def register(
    ctx: Context,
    question: str,
    version: str,
    *,
    wins: bool = True,
    reason: str,
    figures: Mapping[str, float | None] | None = None,
    record: Record | None = None,
) -> None:
    """Writes the row of a saved model; where it wins, the champion before becomes `retired`. figures: of the contract's
    columns better_by..., auc, log_loss; all others are in gold.model_health. record: what MLflow is told, where
    models.tracking_uri says so."""
    schema, folder = contract(TABLE).schema, _folder(ctx, version)
    row = {
        **dict.fromkeys(schema.fieldNames()),
        **(figures or {}),
        "model": question,
        "model_version": version,
        "role": "champion" if wins else "challenger",
        "reason": reason,
        "path": folder.removeprefix(f"{ctx.lake.root}/"),
        "checksum": _checksum(ctx.spark, folder),
        "as_of": ctx.as_of(),
    }
    new = ctx.lake.frame(TABLE, [row])
    if wins:
        old = _models(ctx, question).where("role = 'champion'").where(F.col("model_version") != F.lit(version))
        new = new.unionByName(old.withColumn("role", F.lit("retired")))
    ctx.lake.upsert(TABLE, new)
    where = tracking.uri(ctx.settings.models.tracking_uri, ctx.lake.root)
    if where and record is not None:
        tags = {"verdict": reason, "as_of": str(ctx.as_of()), "path": str(row["path"])}
        tracking.track(where, question, version, record, tags)


def _folder(ctx: Context, version: str) -> str:
    found = _VERSION.fullmatch(version)
    if found is None or ".." in version:
        raise OneCartError(f"{version!r} is not the version of a model, as in intent.gbt@2f1c9d")
    return f"{ctx.lake.root}/models/{found[1]}/{found[2]}"


def _registry(ctx: Context) -> DataFrame:
    return ctx.lake.read_if_exists(TABLE)


def _models(ctx: Context, question: str) -> DataFrame:
    return _registry(ctx).where(F.col("model") == question)


def _checksum(spark: SparkSession, folder: str) -> str | None:
    """SHA-256 over the names below `folder` and their contents; of Hadoop's own checksum files the names alone. None: there
    are no files."""
    digest, files = hashlib.sha256(), listed(spark, folder)
    for path, _ in files:
        digest.update(path.rpartition(folder)[2].encode() + b"\0")
        if path.endswith(".crc"):
            continue
        content = Path(path).read_bytes() if is_local(path) else read_bytes(spark, path)
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest() if files else None
