"""Experiments whose effects are known."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def experiment() -> pd.DataFrame:
    """4,000 units, of which the rich buy more by .4; the letter moves those of kind `a` by .3, nobody else; the call costs and moves all by .1."""
    draw, n = np.random.default_rng(11), 4_000
    frame = pd.DataFrame(
        {
            "unit_id": range(n),
            "kind": draw.choice(["a", "b", "c"], n),
            "age": draw.normal(50, 10, n).round(),
            "rich": draw.random(n) < 0.5,
            "arm": draw.choice(["letter", "call", "none"], n),
        }
    )
    effect = np.where(frame.arm == "letter", 0.3 * (frame.kind == "a"), np.where(frame.arm == "call", 0.1, 0))
    frame["bought"] = (draw.random(n) < 0.1 + 0.4 * frame.rich + effect).astype(int)
    frame.loc[::50, "age"] = np.nan
    return frame
