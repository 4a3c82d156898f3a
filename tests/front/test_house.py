"""The house keeps its own rules: style, types, imports, one DAG."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from onecart.dag import DAG, JOBS
from onecart.front import bundle

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["importlinter"]],
    ids=lambda c: " ".join(c),
)
def test_checker(command):
    if command == ["importlinter"]:
        full = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    else:
        full = [sys.executable, "-m", *command]
    done = subprocess.run(full, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dag_is_in_order_and_every_job_has_its_script():
    seen: set[str] = set()
    for job in DAG:
        assert set(job.needs) <= seen, job.name
        seen.add(job.name)
    scripts = {p.stem for p in (ROOT / "jobs").glob("*.py")}
    assert scripts == set(JOBS)
    assert all(len((ROOT / "jobs" / f"{name}.py").read_text().splitlines()) <= 20 for name in scripts)


def test_the_databricks_job_is_what_the_dag_says():
    written = (ROOT / "deploy/databricks/resources/onecart.job.yml").read_text()
    assert written == bundle.text(), "run `onecart bundle`"
    tasks = yaml.safe_load(written)["resources"]["jobs"]["onecart"]["tasks"]
    needs = {t["task_key"]: {d["task_key"] for d in t.get("depends_on", [])} for t in tasks}
    assert {j.name: set(j.needs) for j in DAG} == {k: v for k, v in needs.items() if k != "upkeep"}
    assert all(
        (ROOT / "deploy/databricks/resources" / t["spark_python_task"]["python_file"]).resolve().exists() for t in tasks
    )


def test_no_function_is_longer_than_a_page():
    import ast

    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in (ROOT / "lib").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno > 75
    ]
    assert long == []


def _imports() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports, those inside functions too."""
    import ast

    lib = ROOT / "lib"
    names = {
        ".".join(path.relative_to(lib).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (lib / "onecart").rglob("*.py")
    }
    graph = {}
    for name, path in names.items():
        nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.module]
        wanted = {
            f"{n.module}.{a.name}" if f"{n.module}.{a.name}" in names else n.module for n in nodes for a in n.names
        }
        graph[name] = {other for other in wanted if other in names and other != name}
    return graph


def test_no_modules_import_each_other_in_a_circle():
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(_imports()).prepare()
    except CycleError as e:
        raise AssertionError(" -> ".join(e.args[1])) from None


def test_no_folder_has_more_than_fourteen_modules():
    package = ROOT / "lib" / "onecart"
    folders = [package, *(path for path in package.rglob("*") if path.is_dir())]
    counts = {str(f.relative_to(ROOT)): len([*f.glob("*.py")]) for f in folders}
    assert {folder: n for folder, n in counts.items() if n > 14} == {}
