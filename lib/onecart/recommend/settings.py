"""From the settings of the job to the parameters of a model."""

from typing import Any

from onecart.config import Recommend
from onecart.errors import UsageError
from onecart.recommend.models.protocol import Parameters
from onecart.recommend.models.registry import among, known, parameters


def parameters_of(model: str, conf: Recommend, seed: int) -> dict[str, Any]:
    """What `fit` is given for `model`: how events age, which is the same for all models, then recommend.models: those of the
    parts of a mixture, then its own."""
    shared = {
        "seed": seed,
        "validation_value": conf.event_values.get("purchase", 0.0),
        **{name: getattr(conf, name) for name in Parameters.model_fields},
    }
    mixture = known(model).mixture
    of_parts = [conf.models.get(part, {}) for part in (mixture.parts if mixture else ())]
    learnt = {name: value for own in of_parts for name, value in own.items() if name not in Parameters.model_fields}
    return {**among(model, shared | learnt), **conf.models.get(model, {})}


def check(conf: Recommend) -> None:
    """UsageError unless recommend.model, and each model and parameter of recommend.models, exists and fits."""
    for model, given in {conf.model: {}, **conf.models}.items():
        try:
            parameters(model, given)
        except UsageError as e:
            where = f"recommend.models.{model}" if model in conf.models else "recommend.model"
            raise UsageError(f"{where}: {e}") from e
