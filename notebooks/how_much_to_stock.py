# %% [markdown]
# # How much to stock
# First the figures by hand, then 24 invented products of three kinds, of which it is known what a good forecast says. It needs no
# lake; open this file as a notebook (VS Code, Jupytext, Databricks) or run it with `./onecart python notebooks/how_much_to_stock.py`.

# %%
import numpy as np
import pandas as pd

from onecart import forecast
from onecart.forecast import metrics
from onecart.forecast.inventory.optimal_policies import newsvendor_normal
from onecart.spark import session

# For a few thousand rows, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})

# %% [markdown]
# ## By hand
# Four days of history, 2 4 4 8, and two days to come that turn out to be 6 and 10. The last value says 8 and 8.
# sMAPE: (2 * 2 / 14 + 2 * 2 / 18) / 2 = 25.4 %. MASE: the errors are 2 and 2; from day to day the history moved by 2, 0 and 4,
# 2 on average: 2 / 2 = 1, so the forecast is off as much as the last value usually is.

# %%
history, came = np.array([2.0, 4.0, 4.0, 8.0]), np.array([6.0, 10.0])
says = metrics.naive2(history, 2, season=1)
print(f"sMAPE {metrics.smape(came, says):.1f} %, MASE {metrics.mase(came, says, history, season=1):.2f}")

# %% [markdown]
# What to have in stock when a unit left over costs .18, one short .70, and demand is Normal with mean 50 and deviation 8: as
# much as will do in .70 / (.70 + .18) = 79.5 % of all cases, 50 + .825 * 8.

# %%
level, cost = newsvendor_normal(holding=0.18, shortage=0.70, mean=50, sd=8)
print(f"have {level:.3f}, expect to lose {cost:.4f}")

# %% [markdown]
# ## Three kinds of demand
# Eight products sell more at weekends, eight grow, eight sell every fifth day or so. The last two weeks are held back.

# %%
draw = np.random.default_rng(7)
day = np.arange(140)
rate = {"weekend": 20 + 25 * (day % 7 >= 5), "growing": 10 + 0.15 * day, "seldom": np.full(140, 0.2)}
rows = [
    (f"{kind} {n}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(d)), float(y))
    for kind, mean in rate.items()
    for n in range(8)
    for d, y in zip(day, draw.poisson(mean) * (6 if kind == "seldom" else 1), strict=True)
]
sold = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
cut = sold.ds.max() - pd.Timedelta(days=14)
train, held = sold[sold.ds <= cut], sold[sold.ds > cut]
found = forecast.forecast(spark.createDataFrame(train), h=14, freq="D")
best, ledger = found.best.toPandas(), found.ledger.toPandas()

# %% [markdown]
# Every series is in the ledger, with its class of demand, what became of it and why. A series gets the best models together,
# weighted by how far they were off on earlier windows; where they do not beat the same day of the week before, it gets that.

# %%
print(ledger.assign(kind=ledger.unique_id.str.split().str[0]).groupby(["kind", "demand", "status"]).size().to_string())
print(ledger.reason.iloc[0])

# %% [markdown]
# Held against what came: the error of the median beside that of the seasonal naive, and how many days lie inside the 80 % intervals.

# %%
both = found.forecast.toPandas().merge(held, on=["unique_id", "ds"])
naive = both[both.model == "seasonal_naive"]
chosen = both[both.chosen]
inside = chosen.y.between(chosen["yhat-lo-80"], chosen["yhat-hi-80"]).mean()
wape = {
    name: metrics.wape(x.y.to_numpy(), x["yhat-median"].to_numpy())
    for name, x in (("chosen", chosen), ("naive", naive))
}
print(f"WAPE {wape['chosen']:.3f}, of seasonal naive {wape['naive']:.3f}; {inside:.0%} of the days inside 80 %")

# %% [markdown]
# ## What to order
# From the forecast's own quantiles, not from a bell curve around it: days that come seldom have long tails.

# %%
stock = spark.createDataFrame(
    [(name, 30.0, 6.0) for name in ledger.unique_id], "unique_id string, on_hand double, pack_size double"
)
orders = forecast.replenish(found, stock, {"holding": 0.02, "shortage": 1.0}, lead_time=(2.0, 1.0), review=7)
columns = ["unique_id", "order", "expected_demand", "service_level", "expected_fill_rate", "reason"]
shown = orders.select(*columns).where("unique_id LIKE '% 0'").orderBy("unique_id").toPandas()
print(shown.round(2).to_string(index=False))
