"""The pages made from the code are current, the links of all pages lead somewhere, and the README is short."""

import re
from pathlib import Path

import pytest

from onecart.contracts import CONTRACTS
from onecart.dag import JOBS
from onecart.front import docs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
# A path of the checkout in backticks: it begins with one of its folders.
_PATH = re.compile(r"`((?:lib|conf|docs|jobs|notebooks|tests|deploy)/[\w./-]*)`")


def anchors(page: Path) -> set[str]:
    return {docs._anchor(h.replace(" ", "-")) for h in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("path", docs.pages(ROOT), ids=lambda p: p.name)
def test_pages_made_from_the_code_are_current(path: Path) -> None:
    assert path.read_text() == docs.pages(ROOT)[path], "run `./onecart python -m onecart.front.docs`"


def test_the_data_dictionary_has_every_column_of_every_table() -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", docs.dictionary(), re.DOTALL | re.MULTILINE))
    for name, table in CONTRACTS.items():
        assert re.findall(r"^\| `(\w+)` \|", sections[name], re.MULTILINE) == [c.name for c in table.columns]


def test_every_table_is_written_by_a_job_or_by_erase() -> None:
    writers = {name for table in CONTRACTS.values() for name in table.writer.split(", ")}
    assert writers <= {*JOBS, "erase", "every job"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text())
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    missing += [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    assert missing == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text())
        ahead += [(page.parent / link).resolve() for link in links if not link.startswith("https://")]
    assert set(PAGES) - seen == set()


def test_every_room_with_a_job_has_a_page() -> None:
    rooms = {job.room for job in JOBS.values()} - {"upkeep"}
    assert rooms <= {page.stem for page in (ROOT / "docs" / "rooms").glob("*.md")}


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "rooms").glob("*.md")), ids=lambda p: p.stem)
def test_a_page_of_a_room_has_method_parameters_limits_and_sources(page: Path) -> None:
    titles = re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)
    assert titles == ["Method", "Parameters", "Limits", "Sources"]


def test_the_readme_is_short_and_its_picture_small() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert (ROOT / "docs" / "images" / "report.png").stat().st_size < 300_000
