"""Opens the Spark session and the lake that the settings describe."""

import os
from itertools import accumulate
from pathlib import Path
from typing import Any

from onecart.config import Settings, is_local, resolve_secret
from onecart.errors import OneCartError

_SMALL_BYTES = 64 * 2**20


def open_session(settings: Settings, nlp: bool = False) -> Any:
    """The session that the settings describe; checks first that a local lake can be written."""
    from onecart import spark as sparks
    from onecart.jars import NLP

    check_writable(settings.lake.root)
    secrets = {key: resolve_secret(ref) for key, ref in settings.spark.secrets.items()}
    conf = {**settings.spark.conf, **secrets}
    return sparks.session(
        nlp,
        conf,
        nlp_packages=settings.spark.nlp_packages or NLP,
        small=_small(settings),
        sources=settings.connectors,
    )


def open_lake(settings: Settings) -> Any:
    """The settings' lake on a session of its own."""
    from onecart.lake import Lake

    return Lake(open_session(settings), settings.lake.root, settings.lake.catalog)


def check_writable(root: str) -> None:
    """Fails early, and clearly, where a local lake cannot be written."""
    if not is_local(root):
        return
    folder = Path(root).absolute()
    probe = folder / f".onecart-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OneCartError(
            f"cannot write the lake {root}: {e.strerror} ({e.filename}); give another folder with --lake DIR"
        ) from e


def _small(settings: Settings) -> bool:
    """Whether so little lies in the landing zone, and in silver, that queries take longer to plan than to run."""
    if settings.spark.small is not None:
        return settings.spark.small
    landing, silver = Path(settings.landing_root), Path(settings.lake.root) / "silver"
    if not is_local(settings.landing_root) or not landing.is_dir():
        return False
    files = (file for folder in (landing, silver) for file in folder.rglob("*") if file.is_file())
    sizes = accumulate(file.stat().st_size for file in files)
    return all(size < _SMALL_BYTES for size in sizes)  # looks no further than it has to
