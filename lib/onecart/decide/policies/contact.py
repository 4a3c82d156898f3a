"""Whether to contact at all: the policy that a campaign's log can teach, as only that was left to chance, not the offer."""

from typing import Any

import pandas as pd
from pyspark.sql import Column
from pyspark.sql.pandas.functions import pandas_udf

from onecart.contracts.base.features import FEATURE_NAMES
from onecart.decide.policies.examples import CONTACT, NOTHING, numbers
from onecart.decide.policies.fitted_q import Policy, fitted_q

_OFFERED = "offered "


def learned(rows: pd.DataFrame, seed: int) -> Policy:
    """Learns from rows of `examples`, in order: the state is the features and which offer the plan has chosen. UsageError: fewer than 200
    contacted, or held back."""
    log = rows.set_index("decision_id")
    offers = sorted({*log["offered"]})
    states = _states(log, log["offered"], offers)
    log = log.join(states.drop(columns=[*FEATURE_NAMES]))
    return fitted_q(log, [*states.columns], following=log["following"], gap=log["gap"].fillna(1.0), seed=seed)


def offers_of(policy: Policy) -> list[str]:
    """The offers that it has seen."""
    return [name.removeprefix(_OFFERED) for name in policy.columns if name.startswith(_OFFERED)]


def is_wanted(policy: Policy, offered: Column) -> Column:
    """Whether contacting with the offer is expected to bring more from then on than leaving alone; of rows with the features."""
    offers = offers_of(policy)

    @pandas_udf("boolean")  # type: ignore[call-overload, untyped-decorator]
    def wanted(offer: pd.Series, *features: pd.Series) -> pd.Series:
        frame = pd.DataFrame(dict(zip(FEATURE_NAMES, features, strict=True)), index=offer.index)
        values = policy.values(_states(frame, offer, offers))
        return values[CONTACT] > values[NOTHING]

    found: Column = wanted(offered, *numbers())
    return found


def _states(features: pd.DataFrame, offered: Any, offers: list[str]) -> pd.DataFrame:
    return features[[*FEATURE_NAMES]].assign(**{_OFFERED + name: (offered == name).astype(float) for name in offers})
