"""Settings of purchase intent: of customers once a day, of visits while they happen."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from onecart.config.sections.section import Section


class Intent(Section):
    moved: ClassVar[Mapping[str, str]] = {"tracking_uri": "models.tracking_uri"}

    # auto: LightGBM where the table fits a worker, gbt above; the headline says which.
    model: Literal["auto", "lightgbm", "decision_tree", "random_forest", "gbt", "logistic", "xgboost"] = "auto"
    params: dict[str, float | int | str] = {}  # of the classifier, as in {num_leaves: 8}
    search: int = Field(0, ge=0)  # random settings tried beside, judged on the dates before the holdout
    horizon_days: int = Field(30, ge=1)
    gap_days: int = Field(0, ge=0)  # days between as_of and the first day that counts as an answer
    reasons: int = Field(3, ge=0)  # sentences a score
    max_psi: float | None = Field(None, gt=0)  # more drift of a feature or the scores ends the job with exit code 3
    audit: dict[str, str] = {  # fairness: group -> SQL over gold.customer_profile; never a feature
        "age": "CASE WHEN date_of_birth > as_of THEN NULL "
        "WHEN months_between(as_of, date_of_birth) < 420 THEN 'under 35' "
        "WHEN months_between(as_of, date_of_birth) < 660 THEN '35 to 54' "
        "WHEN date_of_birth IS NOT NULL THEN '55 and over' END",
        "country": "country",
    }
    audit_share: float = Field(0.2, gt=0, lt=1)  # of the customers: the most likely, taken to be selected
    min_parity: float = Field(0.8, gt=0, le=1)  # groups selected less, of the one selected most, are warned of
    cutoffs: int = Field(4, ge=2)  # training dates, one horizon apart; the last but the scored one is the holdout


class Live(Section):
    """Visits scored while they happen."""

    every_seconds: float | None = Field(None, gt=0)  # go on, with a batch so often; None: take what is there and stop
    retrain_days: int = Field(30, ge=1)  # the job trains a new model of visits when the newest is so old
