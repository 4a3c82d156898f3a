"""What a customer allows: consent per purpose and channel."""

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# column of silver.contacts: purpose, channel, and what holds where nobody ever said. Linking records is what a shop
# does with its own books, so it takes a refusal to stop it; marketing and profiling take a yes.
PURPOSES = {
    "consent_email": ("marketing", "email", False),
    "consent_sms": ("marketing", "sms", False),
    "consent_profiling": ("profiling", "any", False),
    "consent_matching": ("matching", "any", True),
}
# Words on further channels: a row where somebody said one.
CHANNELS = {
    "consent_push": ("marketing", "push", False),
    "consent_app": ("marketing", "app", False),
    "consent_social": ("marketing", "social", False),
    "consent_store_coupon": ("marketing", "store_coupon", False),
}
PROFILE_COLUMNS = ("consent_email", "consent_sms", "consent_profiling")


def consents(customers: DataFrame, contacts: DataFrame, presumed: Collection[str] = ()) -> DataFrame:
    """One row per customer_id of `customers`, purpose and channel: the columns of gold.customer_consent.

    `contacts`: silver.contacts with customer_id. The newest word of any record holds (updated_ts: when it was said); of two
    words at one time, the refusal. Nobody ever said: granted if PURPOSES or `presumed` (purposes) has it so, with record_id,
    source and updated_ts null; no row for a further channel (CHANNELS), if its purpose is not presumed.
    """
    known = {**PURPOSES, **{name: word for name, word in CHANNELS.items() if name in contacts.columns}}
    always = [word for name, word in known.items() if name in PURPOSES or word[0] in presumed]
    asked = F.array(
        *[
            F.struct(
                F.lit(purpose).alias("purpose"),
                F.lit(channel).alias("channel"),
                F.lit(default or purpose in presumed).alias("default"),
            )
            for purpose, channel, default in always
        ]
    )
    words = F.array(
        *[
            F.struct(
                F.lit(purpose).alias("purpose"),
                F.lit(channel).alias("channel"),
                F.col(name).alias("granted"),
                # A record changes for other reasons too; without a time of its own a word is as old as its record.
                F.coalesce(F.col("consent_said")[name], "updated_ts").alias("updated_ts"),
            )
            for name, (purpose, channel, _) in known.items()
        ]
    )
    said = contacts.select("customer_id", "record_id", "source", F.inline(words)).where("granted IS NOT NULL")
    word = F.struct("granted", "record_id", "source", "updated_ts")
    newest = said.groupBy("customer_id", "purpose", "channel").agg(
        F.max_by(word, F.struct("updated_ts", ~F.col("granted"), "record_id")).alias("word")
    )
    every = customers.select("customer_id", F.inline(asked))
    return every.join(newest, ["customer_id", "purpose", "channel"], how="full").select(
        "customer_id",
        "purpose",
        "channel",
        F.coalesce("word.granted", "default").alias("granted"),
        "word.record_id",
        "word.source",
        "word.updated_ts",
    )


def as_columns(consents: DataFrame) -> DataFrame:
    """Consents -> one row per customer_id: the consent columns of gold.customer_profile."""
    columns = []
    for name in PROFILE_COLUMNS:
        purpose, channel, _ = PURPOSES[name]
        mine = (F.col("purpose") == purpose) & (F.col("channel") == channel)
        columns.append(F.max(F.when(mine, F.col("granted"))).alias(name))
    return consents.groupBy("customer_id").agg(*columns)
