"""Randomness as SQL: every draw is a hash of keys, a salt and the seed, so any row can be made again anywhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import sql_literal

_BETWEEN = "¦"


def words(values: Iterable[str]) -> str:
    """`values` as an SQL array: one text split, as an array of a hundred literals slows every step of planning."""
    return f"split({sql_literal(_BETWEEN.join(values))}, '{_BETWEEN}')"


def lookup(pairs: Mapping[str, str]) -> str:
    """`pairs` as an SQL map."""
    return f"str_to_map({sql_literal(_BETWEEN.join(f'{k}={v}' for k, v in pairs.items()))}, '{_BETWEEN}', '=')"


def with_sql(df: DataFrame, **columns: str) -> DataFrame:
    """Adds columns given as SQL; none of them sees another."""
    return df.withColumns({name: F.expr(sql) for name, sql in columns.items()})


@dataclass(frozen=True)
class Dice:
    """Draws for one seed. `salt` names what is drawn; `keys` are the SQL columns that say for whom."""

    seed: int

    def hash(self, salt: str, *keys: str) -> str:
        return f"xxhash64({', '.join(keys)}, {sql_literal(salt)}, {self.seed}L)"

    def u(self, salt: str, *keys: str) -> str:
        """Uniform in [0, 1): the upper 53 bits of the hash, all that a double holds."""
        return f"(shiftrightunsigned({self.hash(salt, *keys)}, 11) / 9007199254740992D)"

    def below(self, n: int | str, salt: str, *keys: str) -> str:
        """A whole number from 0 to n - 1."""
        return f"int({self.u(salt, *keys)} * {n})"

    def chance(self, rate: float, salt: str, *keys: str) -> str:
        """True at `rate`."""
        return f"({self.u(salt, *keys)} < {rate})"

    def pick(self, values: Iterable[str], salt: str, *keys: str, common_first: bool = False) -> str:
        """One of `values`; with `common_first` the early ones are drawn far more often, as names are."""
        values = list(values)
        position = f"pow({self.u(salt, *keys)}, {2 if common_first else 1})"
        return f"element_at({words(values)}, 1 + int({position} * {len(values)}))"

    def code(self, salt: str, *keys: str) -> str:
        """An identifier of 14 hexadecimal digits: ten million keys do not meet."""
        return f"lower(right(lpad(hex({self.hash(salt, *keys)}), 16, '0'), 14))"

    def digits(self, length: int, salt: str, *keys: str) -> str:
        """An identifier of decimal digits."""
        return f"lpad(string(pmod({self.hash(salt, *keys)}, {10**length}L)), {length}, '0')"
