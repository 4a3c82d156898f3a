"""The models' hyper-parameters: their types, bounds and defaults."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onecart.errors import UsageError, nearest


class Popularity(BaseModel):
    """`half_life_days` halves an event's value with each such age, `popularity_half_life_days` does so for popularity
    alone; both need ts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    half_life_days: float | None = Field(None, gt=0)
    popularity_half_life_days: float | None = Field(None, gt=0)


class ItemKnn(Popularity):
    """Items like those a user has, see `neighbours.nearest`. max_history: of a user's items the newest make neighbours.
    adjusted_cosine: of ratings, each less its user's mean."""

    neighbours: int = Field(200, ge=1)
    shrinkage: float = Field(20.0, ge=0)
    max_history: int = Field(500, ge=1)
    similarity: Literal["cosine", "adjusted_cosine", "jaccard"] = "cosine"


class UserKnn(Popularity):
    """What users like this one have. ratings: `value` is a rating, and an item's score the predicted rating: the user's
    mean plus the neighbours' deviations from theirs, weighted by similarity (Resnick et al. 1994)."""

    neighbours: int = Field(60, ge=1)
    shrinkage: float = Field(0.0, ge=0)
    max_history: int = Field(500, ge=1)
    similarity: Literal["cosine", "jaccard"] = "cosine"
    ratings: bool = False


class AlsExplicit(Popularity):
    """Matrix factorisation of ratings."""

    rank: int = Field(32, ge=1)
    iterations: int = Field(10, ge=1)
    reg: float = Field(0.1, ge=0)
    blocks: int = Field(4, ge=1)
    seed: int = 7


class Als(AlsExplicit):
    """Implicit matrix factorisation: confidence 1 + alpha * weight."""

    reg: float = Field(0.2, ge=0)
    alpha: float = Field(1.0, gt=0)


class Ease(Popularity):
    """A linear model of items on items, in closed form. l2: its regularisation, in users. kept: coefficients of an item
    that are kept, the largest. It is solved on the driver, up to `max_items` items: 8 bytes * max_items^2, three times."""

    l2: float = Field(500.0, gt=0)
    kept: int = Field(200, ge=1)
    max_items: int = Field(8000, ge=1)


class Sequence(Popularity):
    """What follows what, see `sequence.fit_sequence`; without ts the order is by item number."""

    dimensions: int = Field(64, ge=1)
    max_length: int = Field(100, ge=1)
    layers: int = Field(2, ge=1)
    heads: int = Field(2, ge=1)
    dropout: float = Field(0.3, ge=0, lt=1)
    epochs: int = Field(40, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    seed: int = 7
    interest: bool = False
    candidates: int = Field(100, ge=1)
    processes: int = Field(0, ge=0)
    log_dir: str | None = None


class Content(Popularity):
    """Products like those a user has, by what they are, see `content.cells`. text, category, image: how much each counts.
    common: words and categories of more products than this say little, cost most, and are passed over."""

    content_neighbours: int = Field(50, ge=1)
    text: float = Field(1.0, ge=0)
    category: float = Field(0.3, ge=0)
    image: float = Field(1.0, ge=0)
    common: int = Field(5000, ge=1)


class GroupPopularity(Popularity):
    """What is popular where a user belongs: `group` is the column of the interactions that says so, a segment or a store."""

    group: str = "group"


class Blend(ItemKnn, Als, Ease, Content):
    """The `depth` best of popularity, item_knn, als, up to `max_items` items ease, and where products are given content,
    weighted.

    weights: of each part, one left out is not learnt; None: found on a `validation_share` of the interactions that the parts have not seen, drawn
    at random, or with validation="latest" the newest. validation_value: a pair counts as a hit there if the values of
    its events sum to this at least.
    """

    weights: dict[str, float] | None = None
    depth: int = Field(100, ge=1)
    validation: Literal["random", "latest"] = "random"
    validation_share: float = Field(0.2, gt=0, lt=1)
    validation_value: float = 0.0


MODELS: dict[str, type[Popularity]] = {
    "popularity": Popularity,
    "item_knn": ItemKnn,
    "user_knn": UserKnn,
    "als": Als,
    "als_explicit": AlsExplicit,
    "ease": Ease,
    "sequence": Sequence,
    "content": Content,
    "group_popularity": GroupPopularity,
    "blend": Blend,
}
"""Each model's parameters."""
PARTS = ("popularity", "item_knn", "als", "ease", "content")  # what a blend is made of

Space = Mapping[str, tuple[Any, ...] | list[Any]]
_AGES: Space = {"half_life_days": [None, 7.0, 30.0, 90.0, 365.0]}  # need ts
_POPULARITY: Space = {"popularity_half_life_days": (1.0, 365.0, "log")}
_KNN: Space = {"neighbours": (10, 500, "log"), "shrinkage": (0.0, 100.0)}
_FACTORS: Space = {"rank": (8, 128, "log"), "reg": (0.01, 1.0, "log")}
_ALPHA: Space = {"alpha": (0.1, 40.0, "log")}
_L2: Space = {"l2": (10.0, 3000.0, "log")}
SPACES: dict[str, Space] = {
    "popularity": _POPULARITY,
    "item_knn": {**_KNN, "similarity": ["cosine", "jaccard"], **_AGES},
    "user_knn": {**_KNN, "similarity": ["cosine", "jaccard"], **_AGES},
    "als": {**_FACTORS, **_ALPHA, **_AGES},
    "als_explicit": _FACTORS,
    "ease": {**_L2, **_AGES},
    "sequence": {
        "dimensions": [16, 32, 64, 128],
        "layers": (1, 3),
        "dropout": (0.0, 0.6),
        "epochs": (5, 80, "log"),
        "learning_rate": (1e-4, 1e-2, "log"),
    },
    "content": {"content_neighbours": (10, 200, "log"), "category": (0.0, 1.0), **_AGES},
    "group_popularity": _AGES,
    "blend": {**_KNN, **_FACTORS, **_ALPHA, **_L2, **_AGES, **_POPULARITY},
}
"""Where `tune` looks: (low, high), (low, high, "log") for what works by orders of magnitude, [one of these]."""


def parameters(model: str, given: dict[str, Any]) -> Any:
    """The parameters of `model`, those `given` over the defaults. UsageError: an unknown model or name, a wrong value."""
    if model not in MODELS:
        raise UsageError(f"no model '{model}'; available: {', '.join(MODELS)}")
    try:
        found = MODELS[model](**given)
    except ValidationError as e:
        wrong = e.errors()[0]
        name = str(wrong["loc"][0])
        if wrong["type"] == "extra_forbidden":
            raise UsageError(
                f"model {model} has no parameter '{name}'{nearest(name, MODELS[model].model_fields)}"
            ) from e
        raise UsageError(f"{name}={given[name]!r}: {wrong['msg'][0].lower()}{wrong['msg'][1:]}") from e
    for part in set(getattr(found, "weights", None) or ()) - set(PARTS):
        raise UsageError(f"weights: a blend has no part '{part}'{nearest(part, PARTS)}")
    return found


def rated(model: str, p: Any) -> bool:
    """Whether `model` takes values for ratings, the last of which counts, and not for events that add up."""
    of_ratings = model == "als_explicit" or getattr(p, "ratings", False)
    return of_ratings or getattr(p, "similarity", None) == "adjusted_cosine"


def among(model: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `settings` that `model` has a parameter for."""
    return {name: settings[name] for name in MODELS[model].model_fields if name in settings}
