"""A world is grown where nobody else's files lie."""

import json
from pathlib import Path
from typing import Any

import pytest

from onecart.config import load
from onecart.errors import UsageError
from onecart.samples.world import _Files, grow


def test_a_retailers_own_landing_files_are_refused_in_one_sentence(tmp_path: Path, spark: Any) -> None:
    own = tmp_path / "landing" / "web" / "orders" / "part-1[a].json"
    own.parent.mkdir(parents=True)
    own.write_text("{}\n")
    settings, _ = load("local", overrides=[f"lake.root={json.dumps(str(tmp_path))}"])
    with pytest.raises(UsageError, match=r"did not write, web/orders/part-1\[a\].json the first of 1, .*--lake DIR"):
        grow(spark, settings)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [own.name]


def test_a_world_may_be_begun_again_but_not_over_another_or_over_files_put_beside_it(
    tmp_path: Path, spark: Any
) -> None:
    files, recipe = _Files(spark, str(tmp_path)), {"seed": 7}
    assert files.claim(recipe) is None
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "part-0.json").write_text("{}\n")  # of a world that was killed
    (tmp_path / "web" / "_SUCCESS").touch()
    assert files.claim(recipe) is None
    with pytest.raises(UsageError, match="grown with other settings"):
        files.claim({"seed": 8})
    (tmp_path / "web" / "mine.json").write_text("{}\n")
    with pytest.raises(UsageError, match=r"web/mine\.json the first of 1"):
        files.claim(recipe)
    files.write({"recipe": recipe, "counts": {"web": 1}})
    assert files.claim(recipe) == {"web": 1}  # which writes nothing
