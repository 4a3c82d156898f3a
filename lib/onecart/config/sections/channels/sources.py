"""Settings of the sources of feeds that are no files: topics of Kafka, tables of databases."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from onecart.config.sections.section import INCOMPLETE, SecretRef, Section


def _of_postgresql(url: str) -> str:
    if not url.startswith("jdbc:postgresql:"):
        raise ValueError("the address of a database begins with jdbc:postgresql:, the kind that is read")
    if re.search(r"(?i)[?&](user|password)=|//[^/]*@", url):
        raise ValueError("say who reads in `user` and `password`, not in the url")
    return url


class Kafka(Section):
    """A topic, of which each message is a record (or several, where it holds several JSON objects)."""

    servers: str = Field(min_length=1)  # host:port, host:port
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    start: Literal["earliest", "latest"] = "earliest"  # where a topic is begun that bronze has nothing of
    most_records: int = Field(1_000_000, ge=1)  # of one commit
    # Messages that are gone before they were read, as the topic keeps them too short or was made anew, stop the feed, or are
    # passed over with a warning.
    when_lost: Literal["stop", "skip"] = "stop"
    confluent: bool = False  # Avro values begin with Confluent's five bytes: a zero, and the number of the schema
    options: dict[str, str] = {}  # of Kafka's client, such as security.protocol
    secrets: dict[str, SecretRef] = {}  # options whose values are secrets, such as sasl.jaas.config


class Jdbc(Section):
    """A table of a database, or a query, read again and again: what is new or has changed becomes records."""

    url: Annotated[str, AfterValidator(_of_postgresql)]  # jdbc:postgresql://host:5432/database
    table: str | None = None  # with its schema: crm.contacts
    query: str | None = None  # in place of a table: a SELECT
    user: str | None = None
    password: SecretRef | None = None
    key: tuple[str, ...] = Field(min_length=1)  # the columns that tell its rows apart
    # A column that each change of a row makes larger: timestamp, date or whole number. None: all is read every time.
    watermark: str | None = None
    overlap: float = Field(300, ge=0)  # how far before the last watermark is read again: seconds, or whole numbers
    partition_by: str | None = None  # column (number, date, timestamp) by whose range readers share the work
    partitions: int = Field(1, ge=1)  # readers at once, where partition_by is set
    # So often all rows are read and compared by key with those of bronze, to find those that are gone; None: never.
    compare_keys_hours: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Jdbc":
        if self.table and self.query:
            raise ValueError("give a table or a query, not both")
        if not (self.table or self.query):
            raise PydanticCustomError(INCOMPLETE, "give a table, or a query")
        return self
