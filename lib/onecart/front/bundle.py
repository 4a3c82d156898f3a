"""The Databricks job, written from the DAG: deploy/databricks/resources/onecart.job.yml."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from onecart.config.arguments import command_parser
from onecart.dag import DAG, STREAM, UPKEEP, Job
from onecart.jars import NLP, NLP_EXCLUDES, NLP_VERSION

_HEAD = "# Made from lib/onecart/dag.py by `onecart bundle`; do not edit by hand.\n"


def bundle(argv: Sequence[str]) -> int:
    """Writes deploy/databricks/resources/onecart.job.yml from the DAG."""
    command_parser("bundle", bundle.__doc__, "bundle").parse_args(argv)
    print(write(Path(__file__).resolve().parents[3] / "deploy" / "databricks" / "resources" / "onecart.job.yml"))
    return 0


def resource() -> dict[str, Any]:
    """The bundle resource: one job with a task for each step, in the DAG's order, on one small cluster (one for NLP),
    and one that brings in what comes, and scores visits, all the time."""
    tasks = [_task(job) for job in (*DAG, Job(UPKEEP.name, UPKEEP.room, UPKEEP.summary, (DAG[-1].name,)))]
    job = {
        "name": "onecart-${bundle.target}",
        "schedule": {"quartz_cron_expression": "0 30 3 * * ?", "timezone_id": "UTC", "pause_status": "${var.schedule}"},
        "max_concurrent_runs": 1,
        "job_clusters": [_cluster("main", "${var.node_type}"), _cluster("nlp", "${var.nlp_node_type}")],
        "tasks": tasks,
    }
    task = _task(STREAM)
    task["spark_python_task"]["parameters"] = [*_PARAMETERS, "--set", "stream.every_seconds=60"]
    live = {
        "name": "onecart-live-${bundle.target}",
        "continuous": {"pause_status": "${var.live}"},
        "job_clusters": [_cluster("main", "${var.node_type}")],
        "tasks": [task],
    }
    return {"resources": {"jobs": {"onecart": job, "onecart_live": live}}}


def _task(job: Job) -> dict[str, Any]:
    libraries: list[dict[str, Any]] = [{"whl": "../../../dist/*.whl"}]
    if job.nlp:
        libraries.append({"maven": {"coordinates": NLP[0], "exclusions": list(NLP_EXCLUDES)}})
        libraries += [{"maven": {"coordinates": NLP[1]}}, {"pypi": {"package": f"spark-nlp=={NLP_VERSION}"}}]
    task: dict[str, Any] = {
        "task_key": job.name,
        "description": job.summary,
        "job_cluster_key": "nlp" if job.nlp else "main",
        "spark_python_task": {"python_file": f"../../../jobs/{job.name}.py", "parameters": _PARAMETERS},
        "libraries": libraries,
    }
    if job.needs:
        task["depends_on"] = [{"task_key": need} for need in job.needs]
    return task


_PARAMETERS = ["--env", "databricks", "--set", "lake.root=${var.lake_root}", "--set", "lake.catalog=${var.catalog}"]


def _cluster(key: str, node: str) -> dict[str, Any]:
    return {
        "job_cluster_key": key,
        "new_cluster": {
            "spark_version": "16.4.x-scala2.12",
            "node_type_id": node,
            "data_security_mode": "SINGLE_USER",
            "spark_conf": {
                "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
                "spark.kryoserializer.buffer.max": "2000M",
            },
            "autoscale": {"min_workers": 1, "max_workers": "${var.max_workers}"},
        },
    }


def text() -> str:
    """The YAML of the resource."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return _HEAD + yaml.dump(resource(), Dumper=Plain, sort_keys=False, width=120)


def write(path: Path) -> Path:
    """Writes the resource file; `tests/deploy` holds it against the DAG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text())
    return path
