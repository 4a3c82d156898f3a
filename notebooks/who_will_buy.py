# %% [markdown]
# # Who will buy
# Which of 400 customers order in the next 30 days? They are invented, so what drives them is known, and every claim can be
# checked: learn from the past only, find a planted leak, see what a probability promises, read why, ask whom it leaves
# out. It needs no lake; open this file as a notebook (VS Code, Jupytext, Databricks) or run it with
# `./onecart python notebooks/who_will_buy.py`.

# %%
from datetime import date, timedelta

import numpy as np
import pandas as pd

from onecart import intent
from onecart.spark import session

# For a few thousand rows, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})

# %% [markdown]
# ## What is known on a day
# Six days, 30 days apart, and each customer as seen that day. Nobody may look beyond it: the label counts the 30 days that
# begin there.
#
# Visits of the last week matter for those who have bought before, and hardly for the others: a rule of recency and
# frequency cannot say that, trees can.

# %%
draw, people, days = np.random.default_rng(7), 400, [date(2024, 1, 1) + timedelta(days=30 * i) for i in range(6)]
n = people * len(days)
seen = pd.DataFrame({"customer_id": np.tile(np.arange(people), len(days)), "as_of": np.repeat(days, people)})
seen["orders_365d"] = draw.poisson(1.2, n)
seen["days_since_order"] = np.where(seen.orders_365d > 0, draw.integers(1, 365, n), np.nan)
seen["visits_7d"] = draw.poisson(1.5, n)
seen["device"] = draw.choice(["desktop", "mobile"], n)
regular = (seen.orders_365d > 0).astype(int)
z = -2.6 + 0.9 * seen.visits_7d * regular + 0.1 * seen.visits_7d - seen.days_since_order.fillna(365) / 250
seen["bought"] = (draw.random(n) < 1 / (1 + np.exp(-z))).astype(int)
seen["age"] = np.where(draw.random(n) < 0.3 + 0.1 * regular, "under 35", "35 and over")  # for the audit at the end only
cases = spark.createDataFrame(seen)
print(f"{n:,} cases, {seen.bought.mean():.1%} bought")

# %% [markdown]
# ## A leak stops the build
# `thanked` was filled in by the mail that follows an order, so it knows the answer. A model trained with it would look
# perfect and be useless. `intent.train` asks the linter first; here it is asked alone.

# %%
thanked = spark.createDataFrame(seen.assign(thanked=seen.bought * 3.0))
try:
    intent.lint(thanked, "bought", "as_of")
except intent.Leak as leak:
    print("refused:", leak)

# %% [markdown]
# ## Learn from the past, measure on the future
# The last day is held out: the model learns from the days before, a gap of 30 days apart, so that no outcome it learned
# from lies in the time it is measured on. Beside it, what recency and frequency alone can tell.

# %%
features = ["orders_365d", "days_since_order", "visits_7d", "device"]
how = {"holdout_from": days[-1], "gap": 30}
model = intent.train(cases, "bought", "as_of", "gbt", columns=features, maxIter=20, **how)
plain = intent.train(cases, "bought", "as_of", "logistic", columns=features[:2], **how)
for name, found in {"trees": model, "recency and frequency": plain}.items():
    low, high = (found.intervals[f"auc_{end}"] for end in ("low", "high"))
    print(f"{name}: AUC {found.metrics['auc']:.3f} ({low:.3f} to {high:.3f}), ECE {found.metrics['ece']:.3f}")

# %% [markdown]
# ## What a probability promises
# In each tenth of the customers held out, the most likely first: what the model said, and what came true. `gain` is the
# share of all buyers reached up to there.

# %%
print(pd.DataFrame(model.gains).round(2).to_string(index=False))

# %% [markdown]
# ## Why
# Each row's Shapley values sum to its log-odds; the strongest become sentences. Over all rows they show what the model looks
# at, and the trees can be read.

# %%
today = cases.where(cases.as_of == days[-1])
likely = model.explain(today, top=2).orderBy("probability", ascending=False).first()
print(f"customer {likely.customer_id}: {likely.probability:.0%},", "; ".join(r.sentence for r in likely.reasons))
print("looks at:", ", ".join(f"{column} {share:.0%}" for column, share in model.importances.items()))
print("visits_7d:", ", ".join(f"{value:g} -> {p:.0%}" for value, p in model.partial["visits_7d"]))
print(model.rules(trees=1))

# %% [markdown]
# ## Whom it leaves out
# If the likeliest fifth gets the offer, how often is each group among them, and how often are its buyers? Age is no
# feature; it is looked at here and nowhere else. A difference is warned of where it is more than noise.

# %%
audit = pd.DataFrame(intent.audit(model.score(today), "bought", ["age"], share=0.2))
print(audit[["value", "n", "selection_rate", "true_positive_rate", "parity", "warned"]].round(2).to_string(index=False))
