"""Tables as contracts, and the only code that reads and writes them."""

from onecart.lake.contract import Column, ContractError, Table
from onecart.lake.store import CONTRACTS, Lake, Written, contract

__all__ = ["CONTRACTS", "Column", "ContractError", "Lake", "Table", "Written", "contract"]
