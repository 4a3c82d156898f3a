"""What a recommender is: parameters, where to search them, how it learns, proposes and is told of news."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import DataFrame

from onecart.recommend.interactions import Frames, Training
from onecart.recommend.scoring.lists import POPULARITY, Request

Space = Mapping[str, tuple[Any, ...] | list[Any]]
"""Where `tune` looks: (low, high), (low, high, "log") for what works by orders of magnitude, [one of these]."""
AGES: Space = {"half_life_days": [None, 7.0, 30.0, 90.0, 365.0]}  # need ts


class Parameters(BaseModel):
    """What all models take. `half_life_days` halves an event's value with each such age, `popularity_half_life_days` does so
    for popularity alone; both need ts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    half_life_days: float | None = Field(None, gt=0)
    popularity_half_life_days: float | None = Field(None, gt=0)


@dataclass(frozen=True)
class Mixture:
    """How a model is made of others, its `parts`, by name.

    weighted: those that count. depth: how many items each is asked for, to give n. mixed: [user_id, items, scores, tiers],
    at most n items, of the lists of the parts.
    """

    parts: Mapping[str, "Model"]
    weighted: Callable[[Any], list[str]]
    depth: Callable[[Any, int], int]
    mixed: Callable[[Mapping[str, DataFrame], Any, int], DataFrame]


@dataclass(frozen=True)
class Model:
    """A recommender. Its functions take its `parameters` last, where they need them.

    fit: what it learns, frames under names of its own: <name>_users, <name>_items ...; nothing: it needs no more than every
    model holds. propose: lists for a request from these frames, see `lists`. space: what `tune` searches.
    fold_in: new <name>_users for those who have the cells[user_id, item, weight, last_s]; None: it has to be fitted again.
    of_ratings: whether values are ratings, the last of which counts, and not events that add up.
    needs_products: whether it cannot do without products; None: it does not look at them.
    complete: fills in parameters left open, from the training.
    tell: the frames after what `users`, as `recommend` got them, say of themselves.
    """

    name: str
    parameters: type[Parameters]
    space: Space
    fit: Callable[[Training, Any], Frames]
    propose: Callable[[Frames, Request, Any], DataFrame]
    fold_in: Callable[[Frames, DataFrame, Any], Frames] | None = None
    of_ratings: Callable[[Any], bool] = lambda p: False
    needs_products: Callable[[Any], bool] | None = None
    complete: Callable[[Training, Any], Any] = lambda training, p: p
    tell: Callable[[Frames, DataFrame, Any], Frames] = lambda frames, users, p: frames
    mixture: Mixture | None = None

    def has_learnt(self, frames: Frames) -> bool:
        """Whether `frames` hold vectors of its users."""
        return f"{self.name}_users" in frames


def proposals(models: Iterable[Model], frames: Frames, request: Request, p: Any) -> dict[str, DataFrame]:
    """Name -> the lists that a model proposes; one that has learnt nothing is left out, but popularity, which needs no more
    than every model holds."""
    able = (model for model in models if model.name == POPULARITY or model.has_learnt(frames))
    return {model.name: model.propose(frames, request, p) for model in able}
