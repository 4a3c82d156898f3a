"""Which rows may be read for a purpose: the consent of the customer they are about. No word is no consent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.campaigns import Channel
from onecart.contracts.base.table import Table
from onecart.errors import UsageError, nearest

# purpose -> channels it may be narrowed to. `operations` runs the shop and sees no personal data at all.
PURPOSES: dict[str, tuple[str, ...]] = {
    "marketing": get_args(Channel),
    "profiling": (),
    "matching": (),
    "operations": (),
}
_PROFILING = "profiling"
_PROFILE_WORDS = {  # (purpose, channel) -> column of gold.customer_profile, for a lake without gold.customer_consent
    ("marketing", "email"): "consent_email",
    ("marketing", "sms"): "consent_sms",
    ("profiling", "any"): "consent_profiling",
}


@dataclass(frozen=True)
class Purpose:
    """What rows are read for."""

    name: str
    channel: str | None = None

    def __post_init__(self) -> None:
        if self.name not in PURPOSES:
            raise UsageError(f"no purpose '{self.name}'{nearest(self.name, PURPOSES)}")
        if self.channel is not None and self.channel not in PURPOSES[self.name]:
            known = ", ".join(PURPOSES[self.name]) or "none"
            raise UsageError(f"the purpose {self.name} has no channel '{self.channel}'; known: {known}")


def allowed(rows: DataFrame, table: Table, purpose: Purpose, *, said: DataFrame, links: DataFrame) -> DataFrame:
    """The rows of `table` that `purpose` may see. UsageError: it may see none of this table.

    `said`: gold.customer_consent or, in its place, gold.customer_profile; `links`: gold.identity_links. A table without
    personal data and identifiers passes whole. Of others, rows without a customer are left out, and of what was made from
    personal data for other purposes (`Table.purposes`) those of customers who did not agree to these; columns that profiling
    found out (`Column.derived`) are null of customers who did not agree to it.
    """
    if not table.personal:
        return rows
    if purpose.name == "operations":
        raise UsageError(
            f"{table.name} is about persons; give the purpose it is read for: marketing, profiling or matching"
        )
    if table.subject is None:
        raise UsageError(f"{table.name} does not say whom a row is about, so no purpose but the shop's own may read it")
    needed = {**{other: Purpose(other) for other in table.purposes}, purpose.name: purpose}
    customers = agreements(said, needed).where(" AND ".join(needed)).select("customer_id")
    if table.subject != "customer_id":
        records = links.join(customers, "customer_id", how="left_semi").select("record_id")
        return rows.join(records, "record_id", how="left_semi")
    seen = rows.join(customers, "customer_id", how="left_semi")
    if table.sent_by and purpose.name == "marketing":
        seen = seen.transform(_by_channel, table.sent_by, purpose, said)
    if not table.derived or purpose.name == _PROFILING:
        return seen
    profiled = granted(said, Purpose(_PROFILING)).withColumn("_profiled", F.lit(True))
    shown = {name: F.when(F.col("_profiled"), F.col(name)) for name in table.derived if name in rows.columns}
    return seen.join(profiled, "customer_id", how="left").withColumns(shown).select(rows.columns)


def _by_channel(rows: DataFrame, sent_by: str, purpose: Purpose, said: DataFrame) -> DataFrame:
    """Rows whose channel is the purpose's, if it has one, and of those their customer agreed to."""
    channels = [purpose.channel] if purpose.channel else PURPOSES[purpose.name]
    agreed = agreements(said, {channel: Purpose(purpose.name, channel) for channel in channels})
    pairs = F.array(*[F.when(F.col(channel), F.lit(channel)) for channel in channels])
    each = agreed.select("customer_id", F.explode(F.array_compact(pairs)).alias(sent_by))
    return rows.join(each, ["customer_id", sent_by], how="left_semi")


def granted(said: DataFrame, purpose: Purpose) -> DataFrame:
    """customer_id of the customers who agreed, key customer_id.

    For a channel the word on it and the word on `any` must both be yes, where both are there; without a channel one yes
    will do, if the word on `any` is not no.
    """
    return agreements(said, {"agreed": purpose}).where("agreed").select("customer_id")


def agreements(said: DataFrame, purposes: Mapping[str, Purpose]) -> DataFrame:
    """One row per customer_id that said a word: for each of `purposes` a column of its name, whether the customer agreed, see
    `granted`."""
    words = said if "granted" in said.columns else _profile_words(said)
    columns = [_agreed(purpose).alias(name) for name, purpose in purposes.items()]
    return words.groupBy("customer_id").agg(*columns)


def _agreed(purpose: Purpose) -> Column:
    is_any = F.col("channel") == "any"
    mine = F.col("purpose") == purpose.name
    if purpose.channel is not None:
        mine = mine & (is_any | (F.col("channel") == purpose.channel))
    yes = F.max(F.when(mine, F.col("granted")))
    least = F.min(F.when(mine if purpose.channel else mine & is_any, F.col("granted")))
    return F.coalesce(yes & F.coalesce(least, F.lit(True)), F.lit(False))


def _profile_words(profile: DataFrame) -> DataFrame:
    words = [
        F.struct(F.lit(purpose).alias("purpose"), F.lit(channel).alias("channel"), F.col(column).alias("granted"))
        for (purpose, channel), column in _PROFILE_WORDS.items()
    ]
    return profile.select("customer_id", F.inline(F.array(*words)))
