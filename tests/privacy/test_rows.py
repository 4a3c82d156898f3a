"""Which rows are a person's: every table of decisions, and tickets that were routed before anybody knew whose they are."""

from typing import Any

import pytest

TABLES = {
    "gold.campaign_audience": {"arm": "treated", "send_ts": None},
    "gold.content_choice": {"propensity": 0.5},
    "gold.content_state": {"rewards": 0.0, "trials": 1},
    "gold.decision_log": {"kind": "campaign", "decision": "excluded", "propensity": 1.0},
    "gold.segments": {},
    "gold.ticket_routing": {"ticket_id": "9"},
    "gold.uplift_scores": {},
}


class Tables:
    """A lake of these frames."""

    def __init__(self, frames: dict[str, Any]) -> None:
        self._frames = frames

    def names(self) -> list[str]:
        return [*self._frames]

    def read(self, name: str) -> Any:
        return self._frames[name]


@pytest.fixture(scope="module")
def tables(spark_session: Any, rows_of: Any) -> Tables:
    from onecart.contracts import contract

    def frame(name: str, rows: list[dict[str, Any]]) -> Any:
        schema = contract(name).schema
        return spark_session.createDataFrame([tuple(r.get(f) for f in schema.fieldNames()) for r in rows], schema)

    frames = {name: rows_of(name, *({**row, "customer_id": c} for c in "ab")) for name, row in TABLES.items()}
    routed = {"kind": "routing", "decision": "chosen", "propensity": 1.0}
    frames["gold.decision_log"] += rows_of(
        "gold.decision_log",
        {**routed, "decision_id": "hers", "subject": "77", "customer_id": None},
        {**routed, "decision_id": "anybody's", "subject": "78", "customer_id": None},
        {**routed, "kind": "content", "decision_id": "a placement of that name", "subject": "77", "customer_id": None},
    )
    return Tables({name: frame(name, rows) for name, rows in frames.items()})


def test_every_table_of_decisions_is_reached(tables: Any) -> None:
    from onecart.config import Settings
    from onecart.privacy.rows import personal_tables, rows_about
    from onecart.privacy.subject import Subject

    assert personal_tables(tables) == [*TABLES]
    person = Subject(("a",), (), {"ticket": ("77",)})
    for name in TABLES:
        found = rows_about(tables, name, person, Settings()).collect()
        hers = (
            [row["decision_id"] for row in found if row["customer_id"] is None] if name == "gold.decision_log" else []
        )
        assert (name, [r["customer_id"] for r in found if r["customer_id"]], hers) == (
            name,
            ["a"],
            ["hers"] if name == "gold.decision_log" else [],
        )
