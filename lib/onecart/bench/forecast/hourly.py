"""Stretches of public hourly series, for the bench of forecasts."""

import numpy as np
import pandas as pd

_FILES = {  # of the sample hourly-series: name, columns of the time (one, or its parts) and the value
    "bicycles": ("hourly_bikesharing.csv", ["ts"], "count"),
    "electricity": ("hourly_electricity.csv", ["ts"], "y"),
    "road_use": ("hourly_sf_traffic.csv", ["ts"], "y"),
    "cars": ("hourly_traffic_volume.csv", ["date_time"], "traffic_volume"),
    "solar": ("hourly_solarpower.csv", ["ts"], "y"),
    "wind": ("hourly_windpower.csv", ["ts"], "y"),
    "air": ("hourly_beijing_pm.csv", ["year", "month", "day", "hour"], "pm2.5"),
}
STRETCHES, LONG = 9, 700  # of each series; hours of each that models see
_FULL = 0.95  # least share of the hours of a stretch that have a value
_WEEK = pd.Timedelta(days=7)


def stretches(held: int) -> pd.DataFrame:
    """[unique_id, ds, y]: STRETCHES of each series, of LONG + `held` hours, that begin on a Monday and are spread evenly over those
    whose hours nearly all have a value, the last `held` all. Gaps of the first LONG are filled in a straight line. They are
    moved by whole weeks so that all begin on one day."""
    from onecart.samples import fetch

    folder = fetch("hourly-series")[0].parent
    found = []
    for name, (file, times, value) in _FILES.items():
        rows = pd.read_csv(folder / file, usecols=[*times, value])
        ds = pd.to_datetime(rows[times[0]] if len(times) == 1 else rows[times])
        y = rows[value].groupby(ds).mean().asfreq("h")
        found += _cut(name, y, held)
    return pd.concat(found, ignore_index=True)


def _cut(name: str, y: pd.Series, held: int) -> list[pd.DataFrame]:
    hours = pd.DatetimeIndex(y.index)
    mondays = hours[(hours.dayofweek == 0) & (hours.hour == 0)]
    windows = [y[start : start + pd.Timedelta(hours=LONG + held - 1)] for start in mondays]
    full = [
        one
        for one in windows
        if len(one) == LONG + held and one.notna().mean() >= _FULL and one.iloc[-held:].notna().all()
    ]
    apart = -(-(LONG + held) // 168)  # weeks from which two stretches do not meet
    full = [one for one in full if (one.index[0] - full[0].index[0]) // _WEEK % apart == 0]
    taken = np.linspace(0, len(full) - 1, STRETCHES).round().astype(int)
    first = pd.Timestamp("2024-01-01")  # a Monday
    made = []
    for place, at in enumerate(taken, 1):
        past, later = full[at].iloc[:LONG].interpolate(limit_direction="both"), full[at].iloc[LONG:]
        ds = pd.date_range(first, periods=LONG + held, freq="h")
        made.append(
            pd.DataFrame({"unique_id": f"{name}-{place}", "ds": ds, "y": pd.concat([past, later]).to_numpy(float)})
        )
    return made
