"""The only place that builds a SparkSession: laptop, cluster, Databricks and tests get the same settings from here."""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JavaPackage

from onecart import jars
from onecart.errors import OneCartError
from onecart.sql_settings import RESULTS, beside

_log = logging.getLogger(__name__)
_COMMON = {
    **RESULTS,
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",  # small partitions are hashed, not sorted
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
}
_SMALL = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",  # a task more costs more than the rows it takes; the cores have the driver to serve
    "spark.default.parallelism": "1",
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",  # G1 works beside the driver, which needs both cores
}
KINDS_OF_WORK = ("jobs", "stages", "tasks")
_GPU = ".resource.gpu."
_LOG4J = Path(__file__).parent / "log4j2.properties"


def session(
    nlp: bool = False,
    conf: Mapping[str, str] | None = None,
    *,
    nlp_packages: tuple[str, ...] = jars.NLP,
    small: bool = False,
    sources: Collection[str] = (),
) -> Any:
    """A SparkSession with Delta (and Spark NLP where `nlp`, and what it needs to read `sources`, kinds of `jars.CONNECTORS`),
    the driver's own Python, UTC, AQE and sane memory.

    `conf` holds Spark settings that win over the defaults, `spark.master` among them (default `local[*]`). `small`: on one
    machine, for some 100,000 rows: their plans are neither compiled nor adapted while they run.
    An active session (Databricks, notebooks, tests) stays as it is and is what comes back; where `conf` asks for run-time
    settings that it has not, a session beside it comes back, see `sql_settings.beside`.
    Memory and jars take effect only when this call starts the JVM; a running JVM without the jars is an error that
    says how to start it. Java's output goes to the file `log_file()`.
    """
    from pyspark.sql import SparkSession

    conf = dict(conf or {})
    active = SparkSession.getActiveSession()
    if active is None and "DATABRICKS_RUNTIME_VERSION" in os.environ:
        active = SparkSession.builder.getOrCreate()
    if active is not None:
        return _reuse(active, conf, nlp, sources)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    master = conf.pop("spark.master", None) or (_submitted_master() if submitted else None) or "local[*]"
    local = master.startswith("local")
    if submitted and local:
        # spark-submit has started a JVM before us, without our jars: on a laptop a JVM of our own takes its place.
        _leave_gateway()
    if local:
        conf, nlp_packages = _on_one_machine({**(_SMALL if small else {}), **conf}, nlp_packages)
    settings = {**_COMMON, **(_local if local else _cluster)(nlp, nlp_packages, sources)}
    for key, value in conf.items():
        joined = key == "spark.driver.extraJavaOptions" and key in settings
        settings[key] = f"{settings[key]} {value}" if joined else value
    with _quiet_jvm(enabled=local):
        try:
            builder = SparkSession.builder.appName("onecart").master(master)
            for key, value in settings.items():
                builder = builder.config(key, value)
            spark = builder.getOrCreate()
        except Exception as e:
            raise OneCartError(
                f"Spark could not start on {master}: {_first_line(e)} (Java's output is in {log_file()})"
            ) from e
    _remember_names(spark._jvm)
    _require(spark, nlp, sources)
    return spark


def log_file() -> Path:
    """The file that takes Java's output, stack traces included."""
    folder = jars.cache_dir() / "logs"
    folder.mkdir(exist_ok=True)
    return folder / f"spark-{os.getpid()}.log"


def work_done(spark: Any) -> dict[str, int] | None:
    """Spark jobs, stages and tasks that this application has finished so far: the same work gives the same numbers. None: this
    Spark does not tell, or is too busy with events to tell now; no run fails because of it."""
    try:
        context = spark.sparkContext._jsc.sc()
        context.listenerBus().waitUntilEmpty()
        store = context.statusStore()
        summary, executors = store.appSummary(), store.executorList(False)
        tasks = sum(executors.apply(i).totalTasks() for i in range(executors.size()))
        return dict(zip(KINDS_OF_WORK, (summary.numCompletedJobs(), summary.numCompletedStages(), tasks), strict=True))
    except Exception:
        return None


def memory_gib() -> float:
    """Memory this process may use, GiB: the machine's, or its container's if that is less."""
    import psutil

    total = float(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):
        total = min(total, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total / 2**30


def _has_gpu() -> bool:
    """Whether NVIDIA's own tool shows a GPU on this machine."""
    try:
        found = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and found.stdout.startswith("GPU ")


def _on_one_machine(conf: dict[str, str], nlp_packages: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """conf/gpu.yaml where master and workers are one process: nothing to hand out, and without a GPU the CPU build."""
    kept = {key: value for key, value in conf.items() if _GPU not in key}
    if len(kept) < len(conf) and not _has_gpu():
        _log.warning("this machine has no GPU: everything runs on its CPUs")
        return kept, jars.NLP
    return kept, nlp_packages


def _local(nlp: bool, nlp_packages: tuple[str, ...], sources: Collection[str]) -> dict[str, str]:
    os.environ["JAVA_HOME"] = str(jars.java_home())
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    path = jars.resolve(jars.DELTA)
    if nlp:
        path = path + jars.resolve(nlp_packages, jars.NLP_EXCLUDES)
    if sources:
        path = path + jars.resolve(jars.connectors(sources), provided=(), alone=True)
    cores = os.cpu_count() or 2
    scratch = Path(tempfile.gettempdir()) / "onecart-spark"
    options = (
        f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
        f"-Donecart.log={log_file()}",
        f"-Dderby.system.home={scratch}",
    )
    java = " ".join([*(f'"{option}"' for option in options), "-Xss4m"])  # quoted: a path may hold spaces
    return {
        "spark.driver.extraClassPath": os.pathsep.join(str(p) for p in path),
        "spark.driver.extraJavaOptions": java,
        "spark.driver.memory": f"{int(max(1.0, min(16.0, memory_gib() / 5)) * 1024)}m",
        "spark.driver.maxResultSize": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": str(2 * cores),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(2 * cores),  # VACUUM's, 200 tasks by default
        "spark.ui.enabled": "false",
        "spark.sql.ui.explainMode": "simple",  # nobody sees it, and telling every plan in full took a tenth of the time
        "spark.ui.showConsoleProgress": "false",
        "spark.kryoserializer.buffer.max": "512m",
    }


def _cluster(nlp: bool, nlp_packages: tuple[str, ...], sources: Collection[str]) -> dict[str, str]:
    """For a driver started by plain Python against a cluster; spark-submit gets the same from deploy/spark-submit."""
    packages = [*jars.DELTA, *jars.connectors(sources), *(nlp_packages if nlp else ())]
    settings = {"spark.jars.packages": ",".join(packages)}
    if nlp:
        settings["spark.jars.excludes"] = ",".join(jars.NLP_EXCLUDES)
        settings["spark.serializer"] = "org.apache.spark.serializer.KryoSerializer"
        settings["spark.kryoserializer.buffer.max"] = "2000m"
    return settings


def _submitted_master() -> str | None:
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()  # connects to spark-submit's JVM, whose properties SparkConf then shows
    return SparkConf().get("spark.master", None)


def _leave_gateway() -> None:
    from pyspark import SparkContext

    os.environ.pop("PYSPARK_GATEWAY_PORT")
    os.environ.pop("PYSPARK_GATEWAY_SECRET", None)
    SparkContext._gateway = SparkContext._jvm = None


def _reuse(spark: Any, conf: dict[str, str], nlp: bool, sources: Collection[str]) -> Any:
    _require(spark, nlp, sources)
    return beside(
        spark, {key: value for key, value in conf.items() if key.startswith(("spark.sql.", "spark.databricks."))}
    )


def _require(spark: Any, nlp: bool, sources: Collection[str]) -> None:
    needed = {"io.delta.sql.DeltaSparkSessionExtension": jars.DELTA[0]}
    needed |= {jars.CONNECTORS[kind].marker: ",".join(jars.CONNECTORS[kind].packages) for kind in sources}
    if nlp:
        needed["com.johnsnowlabs.nlp.DocumentAssembler"] = jars.NLP[0]
    loader = spark.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    for name, package in needed.items():
        try:
            loader.loadClass(name)
        except Exception as e:
            raise OneCartError(
                f"the running Spark has no {package}; start it with `--packages {package}` "
                "(deploy/spark-submit/submit.sh does), or stop that session and let onecart.spark.session start one"
            ) from e


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


@contextlib.contextmanager
def _quiet_jvm(*, enabled: bool) -> Iterator[None]:
    """While the JVM starts it inherits a log file as its output, so that Java never writes on the user's terminal."""
    if not enabled:
        yield
        return
    saved = os.dup(1), os.dup(2)
    with log_file().open("ab") as log:
        _point_output_to(log.fileno(), log.fileno())
    try:
        yield
    finally:
        _point_output_to(*saved)
        for old in saved:
            os.close(old)


def _point_output_to(out: int, err: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)


def _remember_names(jvm: Any) -> None:
    """From now on `jvm` knows the names of packages, classes and static methods that it was asked for.

    py4j asks the JVM at every use what a name is, and for one that pyspark imports (`functions`) the JVM tries each import in turn
    through all jars of the class path: of each `F.col` that was the dearest part, of a small run a twelfth of the CPU time.
    """
    imported = ("functions", "Column", "PythonSQLUtils", "PythonUtils", "SparkSession", "SparkSession$")
    for name in (*imported, "java", "org", "scala"):
        if name not in vars(jvm):
            _remembered(jvm, name, getattr(jvm, name))


class _Package(JavaPackage):  # type: ignore[misc]
    def __getattr__(self, name: str) -> Any:
        return _remembered(self, name, super().__getattr__(name))


class _Class(JavaClass):  # type: ignore[misc]
    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if isinstance(found, JavaMember):  # a method; the value of a field may change
            setattr(self, name, found)
        return found


def _remembered(holder: Any, name: str, found: Any) -> Any:
    if isinstance(found, JavaClass):
        found = _Class(found._fqn, found._gateway_client)
    elif isinstance(found, JavaPackage) and name[:1].islower():  # a class whose jar comes later is a package until then
        found = _Package(found._fqn, found._gateway_client, found._jvm_id)
    else:
        return found
    setattr(holder, name, found)
    return found
