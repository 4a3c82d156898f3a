"""The gold tables of identity: who is who, by what evidence, and what became of every customer id."""

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

_RECORD = C("record_id", "string", "record, as in silver tables", nullable=False)
_CUSTOMER = C("customer_id", "string", "customer", nullable=False)

IDENTITY = (
    Table(
        "gold.identity_links",
        "one record of any channel and the customer it belongs to",
        "unify",
        (
            _RECORD,
            _CUSTOMER,
            C("probability", "double", "that the record belongs to the customer", nullable=False),
            C(
                "rule",
                "string",
                "identifiers that link it, as in email+phone; model: other fields do; alone: nothing does",
                nullable=False,
            ),
            C("component", "string", "group of records joined by any evidence; null: alone"),
            C("digest", "long", "hash of what the record says: changed records are linked anew"),
        ),
        key=("record_id",),
        checks={"probability_range": "probability BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.identity_edges",
        "one pair of records that was compared, both in one component",
        "unify",
        (
            C("record_a", "string", "the smaller record_id", nullable=False),
            C("record_b", "string", "the larger record_id", nullable=False),
            C("rules", "string", "identifiers the two share, as in email+phone; model: none", nullable=False),
            C("weight", "double", "evidence, bits: log2 of the odds that the two are one", nullable=False),
            C("probability", "double", "that the two are one", nullable=False),
            C("accepted", "boolean", "the two are one customer", nullable=False),
            C("reason", "string", "why the two were not merged; null: they were"),
            C("evidence", "evidence", "field, level of agreement, weight in bits; `prior` first"),
            C("component", "string", "group of records joined by any evidence", nullable=False),
        ),
        key=("record_a", "record_b"),
        checks={"probability_range": "probability BETWEEN 0 AND 1", "ordered": "record_a < record_b"},
    ),
    Table(
        "gold.identity_shared_keys",
        "one key value on too many records to link all of them with all, or at all",
        "unify",
        (
            C("rule", "string", "identifier or blocking rule", nullable=False),
            C("key_hash", "long", "hash of the value", nullable=False),
            C("records", "long", "records that have it", nullable=False),
            C("identifies", "boolean", "an identifier, not a blocking rule", nullable=False),
            C("star", "string", "record that it links all others to; null: it links nobody"),
        ),
        key=("rule", "key_hash"),
    ),
    Table(
        "gold.identity_model",
        "the linkage model in use",
        "unify",
        (
            C("model_version", "string", "the run that trained it", nullable=False),
            C("records", "long", "records it was trained on", nullable=False),
            C("threshold", "double", "bits from which on a pair is taken for one person", nullable=False),
            C("parameters", "string", "blocking rules and weights, JSON", nullable=False),
        ),
        key=("model_version",),
    ),
    Table(
        "gold.identity_terms",
        "one name on several records and how common it is",
        "unify",
        (
            C("field", "string", "given_name | surname", nullable=False),
            C("value_hash", "long", "hash of the normalised name", nullable=False),
            C("share", "double", "part of the records with a name that have this one", nullable=False),
        ),
        key=("field", "value_hash"),
    ),
    Table(
        "gold.identity_stitches",
        "one stretch of time in which an anonymous cookie or device was one customer's",
        "unify",
        (
            C("record_id", "string", "record of the cookie or device", nullable=False),
            C("from_ts", "timestamp", "from when, UTC", nullable=False),
            C("until_ts", "timestamp", "up to but not including, UTC; null: open"),
            C("account_id", "string", "account that was logged in", nullable=False),
            _CUSTOMER,
        ),
        key=("record_id", "from_ts"),
    ),
    Table(
        "gold.identity_history",
        "one customer id and what became of it in one run, a row for each successor; unchanged ids have none",
        "unify",
        (
            C("run_id", "string", "the run that changed it, as in ops.runs", nullable=False),
            C("changed_ts", "timestamp", "when, UTC", nullable=False),
            C("customer_id", "string", "the id", nullable=False),
            C("event", "string", "new | merged (into one other) | split (into several) | gone", nullable=False),
            C(
                "into_customer_id",
                "string",
                "successor (of a split also the id itself, if it lives on); new, gone: the id",
                nullable=False,
            ),
            C("records", "long", "records that went there; new: that it has; gone: that it had", nullable=False),
            C("links_before", "string", "commit of gold.identity_links that the run changed"),
        ),
        key=("run_id", "customer_id", "into_customer_id"),
        checks={"event_known": "event IN ('new', 'merged', 'split', 'gone')"},
        cluster_by=("customer_id",),
    ),
)
