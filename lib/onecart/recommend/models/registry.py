"""The models by name, and their parameters."""

from collections.abc import Mapping
from typing import Any

from onecart.errors import UsageError, parsed
from onecart.recommend.models import (
    als,
    blend,
    content,
    ease,
    group_popularity,
    item_knn,
    popularity,
    sequence,
    user_knn,
)
from onecart.recommend.models.protocol import Model, Space

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        popularity.MODEL,
        item_knn.MODEL,
        user_knn.MODEL,
        als.MODEL,
        als.EXPLICIT,
        ease.MODEL,
        sequence.MODEL,
        content.MODEL,
        group_popularity.MODEL,
        blend.MODEL,
    )
}
"""A new model is one more line here."""
SPACES: dict[str, Space] = {name: model.space for name, model in MODELS.items()}
"""Where `tune` looks."""


def known(name: str) -> Model:
    """The model of this name. UsageError: there is none."""
    if name not in MODELS:
        raise UsageError(f"no model '{name}'; available: {', '.join(MODELS)}")
    return MODELS[name]


def parameters(model: str, given: Mapping[str, Any]) -> Any:
    """The parameters of `model`, those `given` over the defaults. UsageError: an unknown model or name, a wrong value."""
    return parsed(known(model).parameters, given, f"model {model}")


def fitted_with(p: Any) -> Model:
    """The model whose parameters `p` are: of a part that is looked at alone, the one it is a part of."""
    return next(model for model in MODELS.values() if model.parameters is type(p))


def among(model: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `settings` that `model` has a parameter for."""
    return {name: settings[name] for name in known(model).parameters.model_fields if name in settings}
