"""Which of several versions of a row counts: within what came in one run, and against what silver has.

A version is later by `updated_ts`, where its table has it, then by when it came (`ingested_ts`, file, line, element). The
latest is the row; one with the content of the version before it is a duplicate. Consents are told apart from the rest of a
contact: of each the last word said holds, a refusal before a consent of the same time, and no word is no answer.
"""

from dataclasses import dataclass
from functools import reduce
from operator import and_

from pyspark.sql import DataFrame, Window, WindowSpec
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.contracts import Table
from onecart.frames import literal_map

NEWEST, DUPLICATE, SUPERSEDED = "newest", "duplicate", "superseded"
SAID = "consent_said"
_ARRIVAL = ("ingested_ts", "source_file", "line_no", "record_no", "element")


@dataclass(frozen=True)
class Versions:
    """How the versions of a silver table's rows are told apart. `dated`: the feed says when it last changed a row; where its
    table asks for that and the feed does not, a row counts as changed when it came with another content."""

    table: Table
    dated: bool

    @property
    def times(self) -> list[str]:
        """The columns by which a version is later."""
        has = "updated_ts" in self.table.schema.fieldNames()
        return ["updated_ts", "ingested_ts"] if has else ["ingested_ts"]

    @property
    def _consents(self) -> list[str]:
        fields = self.table.schema.fields
        return [f.name for f in fields if f.name.startswith("consent_") and isinstance(f.dataType, T.BooleanType)]

    @property
    def _content(self) -> list[str]:
        """The columns that make two versions differ; consents have their own times."""
        beside = {"ingested_ts", "flags", SAID, *self._consents, *([] if self.dated else ["updated_ts"])}
        return [name for name in self.table.schema.fieldNames() if name not in beside]

    # -- within a run ----------------------------------------------------------------------------------------------

    def with_fate(self, rows: DataFrame) -> DataFrame:
        """Adds `fate` of rows without a `rule`: NEWEST (one per key), DUPLICATE or SUPERSEDED; to contacts also SAID, and
        each consent is the last word that any version said."""
        rows = rows.withColumn("_good", F.col("rule").isNull())  # a column, so that all windows are of one sorting
        latest = [F.col(c).desc() for c in dict.fromkeys([*self.times, *_ARRIVAL])]
        order = Window.partitionBy("_good", *self.table.key).orderBy(*latest)
        compared = [c for c in rows.columns if c in (*self._content, *self._consents, "gone")]
        earlier = [F.lead(F.lit(True)).over(order), *[F.col(c).eqNullSafe(F.lead(c).over(order)) for c in compared]]
        marked = rows.withColumn("_same", F.col("_good") & F.coalesce(reduce(and_, earlier), F.lit(False)))
        changes = F.sum((~F.col("_same")).cast("int")).over(order.rowsBetween(Window.unboundedPreceding, 0))
        fate = F.when(F.col("_same"), DUPLICATE).when(changes == 1, NEWEST).otherwise(SUPERSEDED)
        marked = marked.withColumn("fate", F.when(F.col("_good"), fate)).drop("_same")
        consents = [c for c in self._consents if c in rows.columns]
        told = marked.transform(self._with_last_words, consents, order) if consents else marked
        return told.drop("_good")

    def _with_last_words(self, rows: DataFrame, consents: list[str], order: WindowSpec) -> DataFrame:
        every = order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
        older = order.rowsBetween(1, Window.unboundedFollowing)
        words = {}
        for name in consents:
            said = F.col(name).isNotNull()
            if not self.dated:  # the same word again is none: nobody was asked anew
                said = said & ~F.col(name).eqNullSafe(F.first(name, ignorenulls=True).over(older))
            words[name] = F.max(F.when(said, F.struct("updated_ts", (~F.col(name)).alias("refused")))).over(every)
        told = rows.withColumns({f"_{name}": word for name, word in words.items()})
        times = literal_map({name: F.col(f"_{name}.updated_ts") for name in consents})
        last = {name: ~F.col(f"_{name}.refused") for name in consents}
        return told.withColumns({**last, SAID: F.map_filter(times, lambda _, at: at.isNotNull())}).drop(
            *[f"_{name}" for name in consents]
        )

    # -- against silver --------------------------------------------------------------------------------------------

    @property
    def changes(self) -> str:
        """SQL over `new` and `old`, a row of silver: `new` changes it."""
        return " OR ".join([f"({self.later} AND ({self.differs}))", *[self._takes(c) for c in self._consents]])

    @property
    def differs(self) -> str:
        """SQL over `new` and `old`: their contents, apart from consents, are not the same."""
        return " OR ".join(f"NOT new.`{c}` <=> old.`{c}`" for c in self._content)

    @property
    def values(self) -> dict[str, str]:
        """Column -> SQL over `new` and `old`: the row of silver that both make."""
        words = {c: f"if({self._takes(c)}, new.`{c}`, old.`{c}`)" for c in self._consents}
        if not words:
            return {c: f"new.`{c}`" for c in self.table.schema.fieldNames()}
        rest = [c for c in self.table.schema.fieldNames() if c not in (*words, SAID)]
        times = ", ".join(f"'{c}', if({self._takes(c)}, {_said('new', c)}, {_said('old', c)})" for c in words)
        return {
            **{c: f"if({self.later}, new.`{c}`, old.`{c}`)" for c in rest},
            **words,
            SAID: f"map_filter(map({times}), (consent, at) -> at IS NOT NULL)",
        }

    @property
    def later(self) -> str:
        """`new` is the later version. One run reads each line once, so two lines of one ingest never meet here."""
        return _after(*[(f"new.`{c}`", f"old.`{c}`") for c in self.times])

    def _takes(self, consent: str) -> str:
        """The word of `new` on this consent was said after that of `old`; null counts as before all times."""
        times = (_said("new", consent), _said("old", consent))
        later = _after(times, (f"NOT new.`{consent}`", f"NOT old.`{consent}`"))
        again = "" if self.dated else f" AND NOT new.`{consent}` <=> old.`{consent}`"
        return f"(new.`{consent}` IS NOT NULL AND {later}{again})"


def _after(*pairs: tuple[str, str]) -> str:
    """SQL: the first values of the pairs come after the second ones, the first pair that differs decides; null is before all.
    Not as structs: a MERGE does not compare two of which only one can be null."""
    later = "false"
    for new, old in reversed(pairs):
        later = f"if(({new}) <=> ({old}), {later}, coalesce(({new}) > ({old}), ({old}) IS NULL))"
    return later


def _said(row: str, consent: str) -> str:
    """When the word was said; a lake from before SAID knows when its record changed."""
    return f"if({row}.`{consent}` IS NULL, NULL, coalesce({row}.`{SAID}`['{consent}'], {row}.`updated_ts`))"
