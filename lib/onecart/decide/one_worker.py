"""Learning where rows are brought together: one worker, which holds as many as `stats.boosting.NUMBERS` says."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd
from pyspark.sql import DataFrame

from onecart.errors import OneCartError, UsageError


def in_one_worker(rows: DataFrame, work: Callable[[pd.DataFrame], str], order: Sequence[str], who: str) -> str:
    """`work`(all rows, sorted by `order`), done on a worker. UsageError of `work` is raised here; who: as messages begin."""

    def whole(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        parts = [b for b in batches if len(b)]
        found: dict[str, list[str | None]] = {"made": [None], "usage": [None], "error": [None]}
        try:
            if not parts:
                raise UsageError(f"{who}: there are no rows to learn from")
            found["made"] = [work(pd.concat(parts).sort_values([*order], kind="stable").reset_index(drop=True))]
        except UsageError as e:
            found["usage"] = [str(e)]
        except Exception as e:
            found["error"] = [str(e).splitlines()[0][:300]]
        yield pd.DataFrame(found)

    row = rows.coalesce(1).mapInPandas(whole, "made STRING, usage STRING, error STRING").first()
    assert row is not None
    if row["usage"]:
        raise UsageError(row["usage"])
    if row["error"]:
        raise OneCartError(f"{who}: learning failed: {row['error']}")
    made: str = row["made"]
    return made
