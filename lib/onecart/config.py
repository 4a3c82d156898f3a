"""Typed settings in layers: conf/base.yaml < conf/<env>.yaml < conf/gpu.yaml < --set key=value.

Every value remembers the layer it came from; an unknown key is an error that names the nearest key. Secrets are
references (`env:NAME`, `secret:scope/key`), resolved only when used and never printed.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from onecart.errors import UsageError, nearest


def _is_reference(value: str) -> str:
    if not value.startswith(("env:", "secret:")):
        raise ValueError("a secret is given by reference: env:NAME or secret:scope/key, never as a value")
    return value


def _is_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise ValueError("not a time zone; give a name like Europe/London") from e


SecretRef = Annotated[str, AfterValidator(_is_reference)]


def resolve_secret(ref: SecretRef, dbutils: Any = None) -> str:
    """The value behind a secret reference. `secret:` needs Databricks' `dbutils`."""
    kind, _, name = ref.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise UsageError(f"secret {ref}: the environment variable {name} is not set")
        return os.environ[name]
    if dbutils is None:
        raise UsageError(f"secret {ref}: Databricks secret scopes exist on Databricks only; use env:NAME here")
    scope, _, key = name.partition("/")
    return str(dbutils.secrets.get(scope=scope, key=key))


def is_local(path: str) -> bool:
    """Whether a lake's path is a folder of this machine."""
    return "://" not in path and not path.startswith("dbfs:")


def absolute(path: str) -> str:
    """A local path in full: Spark reads a relative one from the working folder, but creates tables in its warehouse."""
    return os.path.abspath(path) if is_local(path) else path.rstrip("/")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Lake(_Section):
    """Where tables live."""

    root: Annotated[str, AfterValidator(absolute)] = (
        "lake"  # folder or object-store URI of the Delta tables, the landing zone and the models
    )
    catalog: str | None = None  # metastore or Unity Catalog: tables are then <catalog>.<layer>.<table>
    retention_hours: int = Field(168, ge=168)  # upkeep's VACUUM keeps this much history


class Spark(_Section):
    """How Spark starts."""

    conf: dict[str, str] = {}  # any Spark setting
    secrets: dict[str, SecretRef] = {}  # Spark settings whose values are secrets
    nlp_packages: tuple[str, ...] = ()  # Maven coordinates of Spark NLP; empty: the CPU build
    # On one machine, to save planning rather than rows; None: where landing zone and silver hold less than 64 MiB.
    small: bool | None = None


class Source(_Section):
    """One feed of the landing zone and how its fields become the columns of a silver table."""

    path: str  # folder below the landing zone
    format: Literal["json", "csv"]  # one record a line: JSON objects, or CSV with a header in every file
    into: str  # the silver table its rows end in
    schema_: str = Field("", alias="schema")  # DDL of the record; CSV: empty, its columns are read from the header
    delimiter: str = ","
    rename: dict[str, str] = {}  # CSV: header text (case, spaces and punctuation ignored) -> column name
    explode: str | None = None  # array field: one row per element, seen as `line`
    columns: dict[str, str]  # silver column -> SQL expression over the record


class Samples(_Section):
    """The simulator that grows channels around the real invoices."""

    customers: int | None = Field(None, ge=10)  # how many real customers; None: all
    scale: int = Field(1, ge=1)  # copies of the whole world, for benchmarks
    visits_per_order: int = Field(8, ge=0)  # visits that end in no order, for each order online
    duplicate_rate: float = Field(0.005, ge=0, le=0.5)
    malformed_rate: float = Field(0.002, ge=0, le=0.5)
    absurd_rate: float = Field(0.002, ge=0, le=0.5)
    late_rate: float = Field(0.01, ge=0, le=0.5)


class Quality(_Section):
    max_quarantine_share: float = Field(0.05, ge=0, le=1)  # more than this per source ends the job with exit code 3
    max_quantity: int = 100_000  # units in one line; more is absurd
    max_unit_price: float = 50_000
    earliest: date = date(2000, 1, 1)
    late_hours: int = 24  # an event received this long after it happened is late (kept, counted)


class Identity(_Section):
    """Who is who. What can be estimated from the data (weights, blocking rules, the threshold) is no setting."""

    max_records_per_key: int = Field(20, ge=2)  # an identifier on more records than this is shared and links nobody
    caps: dict[str, Annotated[int, Field(ge=2)]] = {"account_id": 100_000}  # the same for single identifiers
    max_values: dict[str, Annotated[int, Field(ge=1)]] = {  # distinct values that one customer may have
        "card_id": 4,
        "account_id": 4,
        "email": 8,
        "phone": 8,
    }
    max_block: int = Field(100, ge=2)  # a blocking key on more records than this makes no pairs
    pairs_per_record: int = Field(8, ge=1)  # pairs to compare beyond those that share an identifier
    max_pairs: int = Field(1_000_000_000, ge=1)  # more than this stops with an error before any is made
    purpose: str = "matching"  # a record whose consent_<purpose> is false is linked with nobody
    retrain_share: float = Field(0.2, ge=0, le=1)  # a larger part of new or changed records trains the model anew
    stitch_days: int = Field(30, ge=0)  # anonymous visits so long before the first login are the customer's
    threshold: float | None = Field(None, gt=0, lt=1)  # probability from which on records link; None: from the data


Attribute = Literal["given_name", "surname", "email", "phone", "street", "city", "postcode", "date_of_birth", "country"]
SurvivorshipRule = Literal["trusted", "recent", "frequent", "longest"]
_Survivorship = dict[Attribute, Annotated[tuple[SurvivorshipRule, ...], Field(min_length=1)]]
_SURVIVORSHIP: _Survivorship = {
    "given_name": (
        "frequent",
        "longest",
        "trusted",
    ),  # one slip of the pen is outvoted, and Elizabeth tells more than Liz
    "surname": ("trusted", "recent"),  # people marry
    "email": ("trusted", "recent"),
    "phone": ("trusted", "recent"),
    "street": ("recent", "trusted", "longest"),  # people move, and the newest word on it is nearest the truth
    "city": ("recent", "trusted", "longest"),
    "postcode": ("recent", "trusted", "longest"),
    "date_of_birth": ("frequent", "trusted", "recent"),  # it never changes, so the odd one out is the mistake
    "country": ("recent", "trusted"),
}


class Profile(_Section):
    """What a customer's profile shows where records disagree, and what it concludes from what the customer did."""

    survivorship: _Survivorship = {}  # attribute -> rules, each breaking the ties of those before; left out: the default
    source_trust: tuple[str, ...] = ("crm", "account", "card", "social")  # most trusted first; any other comes after
    affinity_half_life_days: float = Field(90, gt=0)  # after each of these an event counts half
    # How much an event counts for its product's category and brand; one left out does not count.
    affinity_weights: dict[Literal["view", "cart", "purchase"], Annotated[float, Field(ge=0)]] = {
        "view": 1.0,
        "cart": 3.0,
        "purchase": 10.0,
    }
    lifetime_min_buyers: int = Field(50, ge=10)  # fewer train no lifetime model
    discount_rate: float = Field(0.10, ge=0)  # a year; money later is worth less today

    @field_validator("survivorship")
    @classmethod
    def _with_defaults(cls, given: _Survivorship) -> _Survivorship:
        return {**_SURVIVORSHIP, **given}


class Behaviour(_Section):
    """Where a visit ends: the classic rules of Google Analytics."""

    session_gap_minutes: int = Field(30, ge=1)  # a longer silence begins a new visit
    cut_at_midnight: bool = True  # so does midnight ...
    time_zone: Annotated[str, AfterValidator(_is_zone)] = "UTC"  # ... of this zone
    cut_at_campaign: bool = True  # and an event that another campaign brought
    max_events_per_day: int = Field(5000, ge=1)  # of a visitor in a channel; more are a machine's and left out


class Intent(_Section):
    model: Literal["decision_tree", "random_forest", "gbt", "logistic", "xgboost"] = "gbt"
    params: dict[str, float | int | str] = {}  # of the classifier, as in {maxDepth: 4}
    search: int = Field(0, ge=0)  # random settings tried beside, judged on the dates before the holdout
    horizon_days: int = Field(30, ge=1)
    gap_days: int = Field(0, ge=0)  # days between as_of and the first day that counts as an answer
    reasons: int = Field(3, ge=0)  # sentences a score
    max_psi: float | None = Field(None, gt=0)  # more drift of a feature or the scores ends the job with exit code 3
    audit: dict[str, str] = {  # fairness: group -> SQL over gold.customer_profile; never a feature
        "age": "CASE WHEN months_between(as_of, date_of_birth) < 420 THEN 'under 35' "
        "WHEN months_between(as_of, date_of_birth) < 660 THEN '35 to 54' "
        "WHEN date_of_birth IS NOT NULL THEN '55 and over' END",
        "country": "country",
    }
    audit_share: float = Field(0.2, gt=0, lt=1)  # of the customers: the most likely, taken to be selected
    min_parity: float = Field(0.8, gt=0, le=1)  # groups selected less, of the one selected most, are warned of
    # MLflow (extra `tracking`): file:///folder or a server; off; null: Databricks' own there, else mlruns in a local lake
    tracking_uri: str | None = None
    cutoffs: int = Field(4, ge=2)  # training dates, one horizon apart; the last but the scored one is the holdout


class Live(_Section):
    """Visits scored while they happen."""

    every_seconds: float | None = Field(None, gt=0)  # go on, with a batch so often; None: take what is there and stop
    retrain_days: int = Field(30, ge=1)  # the job trains a new model of visits when the newest is so old


_RECOMMEND_MOVED = {
    **{key: f"als.{key}" for key in ("rank", "iterations", "alpha", "reg", "blocks")},
    **{key: f"item_knn.{key}" for key in ("neighbours", "shrinkage", "max_history")},
    "validation": "blend.validation",
}


class Recommend(_Section):
    """What is offered. The numbers were picked on an inner validation month of Online Retail II, not on its holdout."""

    model: str = "blend"  # one of the registry `recommend/models/registry.py`
    k: int = Field(10, ge=1)
    holdout_days: int = Field(30, ge=1)
    sku_pattern: str = "^[0-9]{5}"  # goods; what does not match (postage, fees, samples) is never offered
    # How much an event counts; an event type left out does not count.
    event_values: dict[Literal["product_view", "add_to_cart", "purchase", "repeat"], Annotated[float, Field(ge=0)]] = {
        "product_view": 0.2,
        "add_to_cart": 0.6,
        "purchase": 1.0,
        "repeat": 1.5,  # a purchase of what was bought before
    }
    # For every model: after each of these an event counts half; None: age does not count.
    half_life_days: float | None = Field(30, gt=0)
    popularity_half_life_days: float | None = Field(7, gt=0)
    # Hyper-parameters by model; those left out are the defaults of `recommend/models/`, a blend takes those of its parts.
    models: dict[str, dict[str, Any]] = {}
    retrain_days: int = Field(0, ge=0)  # a model younger than this is kept, and only customers with news get new lists
    in_stock: bool = True  # products whose feed says that none is left are not offered
    min_margin: float | None = Field(None, lt=1)  # of what is offered, (list price - cost) / list price, where known
    per_category: int | None = Field(None, ge=1)  # offers of one category to a customer at most
    variety: float = Field(0.0, ge=0, le=1)  # how much a category counts against itself in a list
    trials: float = Field(0.0, ge=0, le=1)  # share of places, the first apart, for products to be tried out

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, given: Any) -> Any:
        moved = [key for key in given if key in _RECOMMEND_MOVED] if isinstance(given, Mapping) else []
        if moved:
            raise ValueError(f"'{moved[0]}' has moved; write recommend.models.{_RECOMMEND_MOVED[moved[0]]}")
        return given

    @property
    def reranks(self) -> bool:
        """Whether lists are chosen from longer ones."""
        return self.per_category is not None or self.variety > 0 or self.trials > 0


class Forecast(_Section):
    """Demand a day and product, and what to order."""

    top_skus: int | None = Field(300, ge=1)  # the best sellers; None: every SKU
    horizon_days: int = Field(28, ge=1)
    backtest_windows: int = Field(3, ge=1)
    models: tuple[str, ...] | None = None  # None: those that suit the demand of each product
    holidays_country: str = "GB"
    weather_country: str | None = "United Kingdom"  # as in silver.weather; None: weather is not looked at
    bulk_times: float = Field(
        5.0, gt=0
    )  # a line of more units than so many times the product's 99 % line counts as that
    returned_days: int = Field(7, ge=0)  # a line that comes back whole within these days was no demand
    seconds: float = Field(60.0, gt=0)  # on one product; then no other model is begun
    policy: Literal["newsvendor", "base_stock", "sS", "rQ"] = "newsvendor"
    service_level: float | None = Field(0.95, gt=0, lt=1)  # share of spans without running out; None: from the costs
    lead_time_days: tuple[float, float] = (7.0, 2.0)  # mean, sd
    review_days: int = Field(7, ge=1)  # between two orders
    holding_rate: float = Field(0.25, gt=0)  # a year, of what a unit costs
    order_cost: float = Field(0.0, ge=0)  # of one order of a product, in the shop's currency


class Voice(_Section):
    holdout_share: float = Field(0.25, gt=0, lt=1)
    params: dict[str, bool | float | int | str | list[str]] = {}  # of train_sentiment, as in {embeddings: minilm}
    min_rows: int = Field(200, ge=4)  # fewer labelled reviews than this train no model
    mined_terms: int = Field(20, ge=0)  # terms for aspects that are learnt from the reviews, at most
    tagged_terms: int = Field(0, ge=0)  # that a tagger on MiniLM finds for known aspects (extra `minilm`), at most
    issue_weeks: int = Field(1, ge=1)  # how many weeks' complaints are held against those before
    issue_past_weeks: int = Field(52, ge=4)  # how many weeks before those count
    issue_alpha: float = Field(0.05, gt=0, lt=1)  # the share of emerging issues that may be chance
    min_tickets: int = Field(200, ge=4)  # fewer tickets with a category than this: intents by rules, nothing is learnt


class Report(_Section):
    path: str | None = None  # the HTML file; None: report.html in the lake's root


class Privacy(_Section):
    """Pseudonyms and erasure."""

    key: SecretRef | None = None  # signs pseudonyms; None: a local lake has a key file in the cache folder
    retired_keys: tuple[SecretRef, ...] = ()  # older keys: what they signed is still recognised
    keep_orders: Literal["anonymise", "delete"] = "anonymise"  # an erased person's order lines


class Settings(_Section):
    """All settings of OneCart; `onecart config` prints them with their origin."""

    seed: int = 7
    as_of: date | None = None  # the day decisions are made for; None: the day after the last order
    landing: str | None = None  # the landing zone; None: <lake.root>/landing
    lake: Lake = Lake()
    spark: Spark = Spark()
    channels: dict[str, Source | None] = {}  # null: the retailer has no such feed
    samples: Samples = Samples()
    quality: Quality = Quality()
    identity: Identity = Identity()
    profile: Profile = Profile()
    behaviour: Behaviour = Behaviour()
    intent: Intent = Intent()
    live: Live = Live()
    recommend: Recommend = Recommend()
    forecast: Forecast = Forecast()
    voice: Voice = Voice()
    report: Report = Report()
    privacy: Privacy = Privacy()

    @property
    def sources(self) -> dict[str, Source]:
        """The feeds that are not switched off."""
        return {name: source for name, source in self.channels.items() if source is not None}

    @property
    def landing_root(self) -> str:
        return self.landing or f"{self.lake.root.rstrip('/')}/landing"


def conf_dir() -> Traversable:
    """The folder of the YAML layers: $ONECART_CONF, else the checkout's conf/, else the one in the wheel (or its zip)."""
    if given := os.environ.get("ONECART_CONF"):
        return Path(given)
    checkout = Path(__file__).parent.parent.parent / "conf"
    return checkout if (checkout / "base.yaml").exists() else files("onecart") / "_conf"


def load(env: str = "local", gpu: bool = False, overrides: Sequence[str] = ()) -> tuple[Settings, dict[str, str]]:
    """Merges the layers. Returns the settings and, for each dotted key that a layer gives, the layer's name."""
    folder = conf_dir()
    if not folder.is_dir():
        raise UsageError(f"no settings folder {folder}; set ONECART_CONF to a folder with base.yaml")
    known = sorted(
        p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml") and p.name not in ("base.yaml", "gpu.yaml")
    )
    if env not in known:
        raise UsageError(f"no environment '{env}' in {folder}{nearest(env, known)}")
    tree: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name in ["base", env, *(["gpu"] if gpu else [])]:
        layer = _read(folder / f"{name}.yaml")
        _check(layer, f"conf/{name}.yaml")
        _merge(tree, layer, f"{name}.yaml", origin)
    for item in overrides:
        layer = _parse_override(item)
        _check(layer, f"--set {item}")
        _merge(tree, layer, "--set", origin)
    return _check(tree, f"the settings of environment '{env}'"), origin


def flatten(settings: Settings) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every setting."""

    def walk(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                yield from walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            yield prefix, value

    return walk("", settings.model_dump(mode="json", by_alias=True))


def _read(path: Traversable) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except FileNotFoundError as e:
        raise UsageError(f"no settings file {path}; set ONECART_CONF to a folder with base.yaml") from e
    except yaml.YAMLError as e:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(e).split())}") from e
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold sections with keys, not {type(content).__name__}")
    return content


def _parse_override(item: str) -> dict[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {item}: expected key=value, as in --set forecast.top_skus=50")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise UsageError(f"--set {item}: the value is not valid YAML") from e
    parts = key.split(".")
    if parts[:2] in (["spark", "conf"], ["spark", "secrets"]) and len(parts) > 3:
        parts = [*parts[:2], ".".join(parts[2:])]  # Spark's own keys have dots in them
    if parts[:2] == ["spark", "conf"]:
        value = text
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(tree: dict[str, Any], layer: Mapping[str, Any], name: str, origin: dict[str, str], prefix: str = "") -> None:
    for key, value in layer.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value, name, origin, f"{path}.")
        elif isinstance(value, Mapping):
            tree[key] = {}
            _merge(tree[key], value, name, origin, f"{path}.")
        else:
            tree[key] = value
            origin[path] = name


def _check(tree: Mapping[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(tree)
    except ValidationError as e:
        # A layer on its own may leave out what another gives; only the merged tree must be complete.
        partial = where.startswith(("conf/", "--set"))
        problems = [p for p in e.errors() if not (partial and p["type"] == "missing")]
        if not problems:
            return Settings()
        first = problems[0]
        path = ".".join(str(p) for p in first["loc"])
        if first["type"] == "extra_forbidden":
            siblings = _fields_at(first["loc"][:-1])
            message = f"unknown key '{path}'{nearest(str(first['loc'][-1]), siblings)}"
        else:
            message = f"{path}: {first['msg'].removeprefix('Value error, ')}"
            if "secret" not in path:
                message += f" (found {first['input']!r})"
        raise UsageError(f"{where}: {message}") from e


def _fields_at(location: Sequence[int | str]) -> list[str]:
    model: Any = Settings
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and str(part) in model.model_fields:
            model = model.model_fields[str(part)].annotation
        elif get_origin(model) is dict:
            model = get_args(model)[1]
            model = next((m for m in get_args(model) if m is not type(None)), model)  # Source | None -> Source
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    return [f.alias or name for name, f in fields.items()]
