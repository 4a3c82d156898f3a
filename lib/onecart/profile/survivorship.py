"""Which of several records' values a customer's profile shows."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

TRUST = ("crm", "account", "card", "social")  # the sources of contacts, most trusted first; others come last
ATTRIBUTES = ("given_name", "surname", "email", "phone", "city", "postcode", "date_of_birth")
CONSENTS = ("consent_email", "consent_sms", "consent_profiling")


def survivors(contacts: DataFrame) -> DataFrame:
    """One row per customer_id: ATTRIBUTES and CONSENTS. `contacts`: silver.contacts with customer_id.

    An attribute comes from the most trusted source that has it, then from the newest record. A consent is the newest
    word of any source, false where nobody ever said; of two words at one time, no.
    """
    trust = F.coalesce(*[F.when(F.col("source") == s, F.lit(i)) for i, s in enumerate(TRUST)], F.lit(len(TRUST)))
    order = F.struct(trust, -F.unix_micros("updated_ts"), "record_id")
    attributes = [_first_by(order, name) for name in ATTRIBUTES]
    return contacts.groupBy("customer_id").agg(*attributes, *[_newest_consent(name) for name in CONSENTS])


def newest_country(contacts: DataFrame, orders: DataFrame) -> DataFrame:
    """One row per customer_id: `country` of the newest contact or order that names one."""
    places = contacts.select("customer_id", "country", F.col("updated_ts").alias("ts")).unionByName(
        orders.select("customer_id", "country", F.col("order_ts").alias("ts"))
    )
    named = places.where("country IS NOT NULL")
    return named.groupBy("customer_id").agg(F.max_by("country", F.struct("ts", "country")).alias("country"))


def _first_by(order: Column, name: str) -> Column:
    return F.min_by(name, F.when(F.col(name).isNotNull(), order)).alias(name)


def _newest_consent(name: str) -> Column:
    said = F.when(F.col(name).isNotNull(), F.struct("updated_ts", ~F.col(name)))
    return F.coalesce(F.max_by(name, said), F.lit(False)).alias(name)
