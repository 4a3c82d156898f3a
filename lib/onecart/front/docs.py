"""The pages of docs/ that are made from the code: the data dictionary from the contracts, the job table from the DAG, and
the two drawings of docs/architecture.md from the DAG and from the import rules of pyproject.toml.

`./onecart python -m onecart.front.docs` writes them; `tests/docs` holds them current.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from onecart.contracts import CONTRACTS, Column, Table
from onecart.contracts.channels import bronze
from onecart.dag import DAG, JOBS, Job

ROOT = Path(__file__).resolve().parents[3]
_MADE = "<!-- Made from the code by `./onecart python -m onecart.front.docs`; do not edit by hand. -->"
_LAYERS = {"bronze": "as it came", "silver": "clean", "gold": "made for decisions", "ops": "what the jobs did"}


def pages(root: Path = ROOT) -> dict[Path, str]:
    """File below `root` -> its text as it should be now."""
    architecture = root / "docs" / "architecture.md"
    page = architecture.read_text()
    page = _fill(page, "jobs", _fenced("mermaid", mermaid()))
    page = _fill(page, "layers", _fenced("text", layers((root / "pyproject.toml").read_text())))
    return {
        root / "docs" / "data-dictionary.md": dictionary(),
        root / "docs" / "jobs.md": jobs(),
        architecture: page,
    }


def write(root: Path = ROOT) -> list[Path]:
    """Writes the pages. Returns those that changed."""
    changed = {path: text for path, text in pages(root).items() if not path.exists() or path.read_text() != text}
    for path, text in changed.items():
        path.write_text(text)
    return [*changed]


def dictionary() -> str:
    """The data dictionary: every table of the contracts, by layer."""
    tables = _tables()
    lines = [
        "# Data dictionary",
        "",
        _MADE,
        "",
        "Every table once, as its contract in `lib/onecart/contracts/` declares it. Timestamps are UTC. `money` is",
        "`decimal(18,4)`, in the currency of the row, `quantity` likewise, in its unit. *Personal* columns leave the lake as pseudonyms only.",
    ]
    for layer, meaning in _LAYERS.items():
        members = [t for t in tables if t.name.startswith(f"{layer}.")]
        links = ", ".join(f"[{t.name.split('.')[1]}](#{_anchor(t.name)})" for t in members)
        lines += ["", f"## {layer}: {meaning}", "", links]
        for table in members:
            lines += ["", *_table(table)]
    return "\n".join(lines) + "\n"


def _tables() -> list[Table]:
    return [bronze("bronze.FEED"), *CONTRACTS.values()]


def _table(table: Table) -> list[str]:
    facts = [f"Written by {_writers(table)}"]
    facts += [f"key: {_names(table.key)}"] if table.key else []
    facts += [f"clustered by {_names(table.cluster_by)}"] if table.cluster_by else []
    facts += [f"partitioned by {_names(table.partition_by)}"] if table.partition_by else []
    facts += ["keeps its changes (change data feed)"] if table.followed else []
    facts += [f"leaves with consent to {' and '.join(table.purposes)} only"] if table.purposes else []
    checks = [f"- check `{name}`: `{rule}`" for name, rule in table.checks.items()]
    return [
        f"### {table.name}",
        "",
        f"One row: {table.grain}. {'; '.join(facts)}.",
        *(["", *checks] if checks else []),
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *[_column(c) for c in table.columns],
    ]


def _column(column: Column) -> str:
    marks = {"never null": not column.nullable, "**personal**": column.pii, "**derived**": column.derived}
    notes = [note for note, holds in marks.items() if holds]
    meaning = "; ".join([column.comment, *notes]).replace("|", "\\|")
    return f"| `{column.name}` | {column.type} | {meaning} |"


def jobs() -> str:
    """The job table: what each job does, after which ones it runs and what it writes."""
    rows = [
        "| job | what it does | room | after | writes |",
        "|---|---|---|---|---|",
        *[_job(job) for job in JOBS.values()],
    ]
    notes = [
        f"- `{job.name}` {note}"
        for job in JOBS.values()
        for note, holds in (
            ("loads Spark NLP.", job.nlp),
            (f"reads only customers whose consent covers `{job.purpose}`.", job.purpose),
            ("can go on for days: each of its batches reads the tables as they are then.", job.streams),
        )
        if holds
    ]
    lines = [
        "# Jobs",
        "",
        _MADE,
        "",
        "Each job reads tables and writes tables. `./onecart run all` runs those of the chain in this order;",
        "`upkeep`, `live` and `stream` run on their own; `stream` writes what `ingest`, `clean` and `live` do. Columns are in the [data dictionary](data-dictionary.md).",
        "",
        *rows,
        "",
        *notes,
        "- Every run of a job also leaves a row in `ops.runs`.",
        "",
        "Files: `report` makes `report.html` and `exports/`. Two commands write without being jobs: `erase` writes",
        "`ops.erasures`, `ops.suppressions` and `privacy/certificates/`; `samples grow` fills the demo's landing zone.",
        "The drawing of the order is in [architecture](architecture.md).",
    ]
    return "\n".join(lines) + "\n"


def _job(job: Job) -> str:
    written = [t.name for t in _tables() if job.name in _writer_names(t)]
    return f"| `{job.name}` | {job.summary} | `{job.room}` | {_names(job.needs)} | {_names(written)} |"


def mermaid() -> str:
    """The chain of jobs as a mermaid drawing."""
    nodes = [f'    {job.name}["{job.name}: {job.summary}"]' for job in DAG]
    arrows = [f"    {need} --> {job.name}" for job in DAG for need in job.needs]
    return "\n".join(["graph LR", *nodes, *arrows])


def layers(pyproject: str) -> str:
    """The import rule of the package, top first, one layer a line: what stands on a line may import what stands below."""
    found = re.search(r'name = "Front door over.*?^layers = (\[.*?^\])', pyproject, re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError("pyproject.toml has no contract of import-linter named 'Front door over ...' with layers")
    names: list[str] = ast.literal_eval(found[1])  # a TOML list of strings is a Python list too
    return "\n".join(line.replace("onecart.", "") for line in names)


def _fill(page: str, name: str, lines: list[str]) -> str:
    """`page` with the part between `<!-- name -->` and `<!-- end of name -->` replaced."""
    begin, end = f"<!-- {name}: made from the code -->", f"<!-- end of {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"docs/architecture.md must have the lines '{begin}' and '{end}'")
    before, after = page.split(begin)[0], page.split(end)[1]
    return before + "\n".join([begin, "", *lines, "", end]) + after


def _fenced(language: str, text: str) -> list[str]:
    return [f"```{language}", *text.splitlines(), "```"]


def _writer_names(table: Table) -> list[str]:
    return table.writer.split(", ")


def _writers(table: Table) -> str:
    return ", ".join(f"`{name}`" if name in JOBS else name for name in _writer_names(table))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading: lower case, no punctuation."""
    return re.sub(r"[^\w-]", "", heading.lower())


if __name__ == "__main__":
    for path in write():
        print(path)
