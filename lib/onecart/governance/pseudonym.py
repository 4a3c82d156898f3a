"""HMAC-SHA256 pseudonyms: the keys, by reference and with rotation, and the function in Spark SQL.

The newest key signs; older ones still recognise what they signed. A key's version is a fingerprint of it, so it stays
the same when keys are added.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.config import Privacy, absolute, is_local, resolve_secret
from onecart.errors import OneCartError, UsageError
from onecart.jars import cache_dir

_BLOCK = 64  # bytes of a SHA-256 block
_SHORTEST = 16


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys, the newest first."""

    keys: tuple[bytes, ...]

    @property
    def newest(self) -> bytes:
        return self.keys[0]

    @property
    def version(self) -> str:
        """Of the newest key."""
        return key_version(self.newest)

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(key_version(key) for key in self.keys)

    def sign(self, value: str) -> str:
        """HMAC-SHA256 of `value` under the newest key, hex."""
        return hmac.new(self.newest, value.encode(), hashlib.sha256).hexdigest()


def key_version(key: bytes) -> str:
    """A fingerprint of the key, 12 hex digits."""
    return hashlib.sha256(b"onecart key version\0" + key).hexdigest()[:12]


def hmac_sha256(value: Column, key: bytes) -> Column:
    """HMAC-SHA256 (RFC 2104) of a text column's UTF-8 bytes, hex; null for null. Built-in functions only."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = (F.unhex(F.lit(bytes(b ^ pad for b in block).hex())) for pad in (0x36, 0x5C))
    first = F.unhex(F.sha2(F.concat(inner, value.cast("binary")), 256))
    return F.sha2(F.concat(outer, first), 256)


def pseudonym(value: Column, keys: KeyRing) -> Column:
    """`<key version>.<HMAC>`: the same for the same value until the key is rotated; null for null."""
    return F.concat(F.lit(f"{keys.version}."), hmac_sha256(value.cast("string"), keys.newest))


def key_ring(privacy: Privacy, root: str) -> KeyRing:
    """The lake's keys: those the settings refer to, else a local lake's key file, made at the first call.

    UsageError: the lake is not local and the settings name no key.
    """
    if privacy.key:
        keys = tuple(_resolved(ref) for ref in (privacy.key, *privacy.retired_keys))
        return KeyRing(keys)
    if not is_local(root):
        raise UsageError(
            f"the lake {root} needs a key for pseudonyms: give one by reference with --set privacy.key=env:NAME"
        )
    file = key_file(root)
    if not file.exists():
        _write(file, [secrets.token_hex(32)])
    return KeyRing(tuple(bytes.fromhex(text) for text in json.loads(file.read_text())["keys"]))


def rotate(privacy: Privacy, root: str) -> KeyRing:
    """Puts a new random key before the others of a local lake's key file. UsageError: the settings name the keys."""
    if privacy.key:
        raise UsageError(
            f"the keys of {root} are the settings': set privacy.key to the new key's reference and put {privacy.key} "
            "first into privacy.retired_keys, so that what it signed is still recognised"
        )
    old = key_ring(privacy, root)
    _write(key_file(root), [secrets.token_hex(32), *(key.hex() for key in old.keys)])
    return key_ring(privacy, root)


def key_file(root: str) -> Path:
    """Where a local lake's keys are: in the cache folder, never in the lake."""
    return cache_dir() / "keys" / f"{hashlib.sha256(absolute(root).encode()).hexdigest()[:16]}.json"


def _resolved(ref: str) -> bytes:
    key = resolve_secret(ref).encode()
    if len(key) < _SHORTEST:
        raise UsageError(f"secret {ref} is too short for a key: {_SHORTEST} characters at least")
    return key


def _write(file: Path, keys: list[str]) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump({"keys": keys}, out)
        new.replace(file)
    except OSError as e:
        raise OneCartError(f"cannot write the key file {file}: {e.strerror}") from e
