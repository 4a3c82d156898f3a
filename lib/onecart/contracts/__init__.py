"""Every table once: columns with meaning, key, checks, PII tags and layout; one file a room."""

from onecart.contracts.base.ops import OPS
from onecart.contracts.base.table import Column, ContractError, Table
from onecart.contracts.behaviour import BEHAVIOUR
from onecart.contracts.channels import bronze
from onecart.contracts.decide import DECIDE
from onecart.contracts.facts import FACTS
from onecart.contracts.forecast import FORECAST
from onecart.contracts.identity import IDENTITY
from onecart.contracts.intent import INTENT
from onecart.contracts.live import LIVE
from onecart.contracts.measure import MEASURE
from onecart.contracts.profile import PROFILE
from onecart.contracts.quality import SILVER
from onecart.contracts.recommend import RECOMMEND
from onecart.contracts.voice import VOICE
from onecart.errors import UsageError, nearest

__all__ = ["CONTRACTS", "Column", "ContractError", "Table", "contract"]

_GOLD = (
    *IDENTITY,
    *FACTS,
    *PROFILE,
    *BEHAVIOUR,
    *LIVE,
    *VOICE,
    *INTENT,
    *RECOMMEND,
    *FORECAST,
    *DECIDE,
    *MEASURE,
)
CONTRACTS: dict[str, Table] = {t.name: t for t in (*SILVER, *_GOLD, *OPS)}


def contract(name: str) -> Table:
    """The contract of `layer.table`; bronze tables share one."""
    if name.startswith("bronze."):
        return bronze(name)
    if name not in CONTRACTS:
        raise UsageError(f"no table '{name}'{nearest(name, CONTRACTS)}")
    return CONTRACTS[name]
