"""What a table is: columns with meaning, key, checks, PII tags and layout. Every table exists once, as a `Table`."""

from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import OneCartError, nearest

MONEY = QUANTITY = T.DecimalType(18, 4)
# Table properties after an erasure: what was added up to version FROM is all there was up to version TO.
PURGED_FROM, PURGED_TO = "onecart.purgedFrom", "onecart.purgedTo"
_NO_STATISTICS = (
    "boolean",
    "strings",
    "longs",
    "doubles",
    "versions",
    "names",
    "times",
    "evidence",
)  # types Delta cannot skip data by
_TYPES: dict[str, T.DataType] = {
    "string": T.StringType(),
    "int": T.IntegerType(),
    "long": T.LongType(),
    "double": T.DoubleType(),
    "boolean": T.BooleanType(),
    "date": T.DateType(),
    "timestamp": T.TimestampType(),
    "money": MONEY,
    "quantity": QUANTITY,
    "strings": T.ArrayType(T.StringType()),
    "longs": T.ArrayType(T.LongType()),
    "doubles": T.ArrayType(T.DoubleType()),
    "evidence": T.ArrayType(
        T.StructType(
            [
                T.StructField("field", T.StringType()),
                T.StructField("level", T.StringType()),
                T.StructField("weight", T.DoubleType()),
            ]
        )
    ),
    "versions": T.MapType(T.StringType(), T.LongType()),
    "names": T.MapType(T.StringType(), T.StringType()),
    "times": T.MapType(T.StringType(), T.TimestampType()),
}

# Columns that hold an identifier of a person, wherever they appear, and the kinds of identifier they may hold.
IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer",),
    "into_customer_id": ("customer",),
    "visitor_id": ("customer", "record"),
    "component": ("customer", "record"),
    "record_id": ("record",),
    "record_a": ("record",),
    "record_b": ("record",),
    "email": ("email",),
    "phone": ("phone",),
    "card_id": ("card",),
    "account_id": ("account",),
    "device_id": ("device",),
    "cookie_id": ("cookie",),
    "handle": ("handle",),
    "order_id": ("order",),
    "ticket_id": ("ticket",),
    "review_id": ("review",),
    "event_id": ("event",),
    "session_key": ("session",),
}


class ContractError(OneCartError):
    """A frame that does not fit the table it should go to."""


@dataclass(frozen=True)
class Column:
    """A column: its type (a name of `_TYPES`), what it means, whether it may be null and whether it is personal. `derived`:
    profiling found it out, so that readers for a purpose see it of those only who agreed to profiling, too."""

    name: str
    type: str
    comment: str
    nullable: bool = True
    pii: bool = False
    derived: bool = False

    def field(self) -> T.StructField:
        metadata: dict[str, object] = {"comment": self.comment}
        if self.pii:
            metadata["pii"] = True
        return T.StructField(self.name, _TYPES[self.type], self.nullable, metadata)


@dataclass(frozen=True)
class Table:
    """A Delta table's contract. `writer` is the job that fills it; `grain` says what one row is; `followed`: something reads
    its changes, so that it keeps them (a change feed costs files with every update); `purposes`: what the rows were made for
    from personal data, so that whoever reads them for another purpose needs the consent to these as well; `sent_by`: the column of
    the channel by which a row goes out, to which the customer must have agreed."""

    name: str
    grain: str
    writer: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    checks: dict[str, str] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    followed: bool = False
    purposes: tuple[str, ...] = ()
    sent_by: str | None = None

    @property
    def schema(self) -> T.StructType:
        return T.StructType([c.field() for c in self.columns])

    @property
    def pii(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.pii)

    @property
    def derived(self) -> tuple[str, ...]:
        """Columns that profiling found out, in a table that else holds no such thing."""
        return tuple(c.name for c in self.columns if c.derived)

    @property
    def restricted(self) -> bool:
        """Whether the table has columns of personal data."""
        return bool(self.pii)

    @property
    def personal(self) -> bool:
        """Whether a row can be about one person: it has personal data or an identifier."""
        return self.restricted or any(c.name in IDENTIFIERS for c in self.columns)

    @property
    def subject(self) -> str | None:
        """The column that says whom a row is about: customer_id, else record_id; None: the table has neither."""
        names = [c.name for c in self.columns]
        return next((name for name in ("customer_id", "record_id") if name in names), None)

    @property
    def same_row(self) -> str:
        """SQL over `new` and `old`: they have the same key."""
        nullable = {c.name for c in self.columns if c.nullable}
        return " AND ".join(f"old.`{k}` {'<=>' if k in nullable else '='} new.`{k}`" for k in self.key)

    def properties(self) -> dict[str, str]:
        """Delta table properties: the checks, the change feed, and statistics that never hold personal data."""
        skipped = (*self.partition_by, *self.pii)
        plain = [c.name for c in self.columns if c.name not in skipped and c.type not in _NO_STATISTICS]
        return {
            **{f"delta.constraints.{name}": rule for name, rule in self.checks.items()},
            **({"delta.enableChangeDataFeed": "true"} if self.followed else {}),
            "delta.dataSkippingStatsColumns": ",".join(plain[:32]),
        }

    def conform(self, df: DataFrame) -> DataFrame:
        """`df` in the contract's column order and types; widening casts only. ContractError names what does not fit."""
        found = {f.name: f.dataType for f in df.schema.fields}
        wanted = {c.name: c for c in self.columns}
        problems = [
            f"missing column '{name}' ({c.type}: {c.comment})"
            + (nearest(name, extra) if (extra := set(found) - set(wanted)) else "")
            for name, c in wanted.items()
            if name not in found and not c.nullable
        ]
        problems += [f"unknown column '{n}'{nearest(n, wanted)}" for n in found if n not in wanted]
        problems += [
            f"column '{name}' is {found[name].simpleString()}, the contract says {wanted[name].field().dataType.simpleString()}"
            for name in wanted
            if name in found and not _fits(found[name], wanted[name].field().dataType)
        ]
        if problems:
            raise ContractError(f"{self.name}: " + "; ".join(problems))
        return df.select(
            *[
                (F.col(f"`{c.name}`") if c.name in found else F.lit(None)).cast(c.field().dataType).alias(c.name)
                for c in self.columns
            ]
        )


def _fits(found: T.DataType, wanted: T.DataType) -> bool:
    if isinstance(found, T.NullType) or found == wanted:
        return True
    if isinstance(wanted, T.DecimalType):
        return isinstance(found, T.DecimalType | T.IntegerType | T.LongType | T.DoubleType)
    if isinstance(wanted, T.DoubleType):
        return isinstance(found, T.NumericType)
    if isinstance(wanted, T.LongType):
        return isinstance(found, T.IntegerType | T.ShortType | T.ByteType)
    if isinstance(wanted, T.IntegerType):
        return isinstance(found, T.ShortType | T.ByteType)
    if isinstance(wanted, T.ArrayType) and isinstance(found, T.ArrayType):
        return _fits(found.elementType, wanted.elementType)
    if isinstance(wanted, T.StructType) and isinstance(found, T.StructType):
        same = wanted.fieldNames() == found.fieldNames()
        return same and all(_fits(f.dataType, w.dataType) for f, w in zip(found, wanted, strict=True))
    return isinstance(wanted, T.MapType) and isinstance(found, T.MapType)
