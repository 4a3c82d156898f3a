# %% [markdown]
# # What to offer
# Two tables: three users and three products, small enough to work out by hand, and 240 invented customers of two tastes,
# where it is known what a good list holds. It needs no lake; open this file as a notebook (VS Code, Jupytext, Databricks) or
# run it with `./onecart python notebooks/what_to_offer.py`.

# %%
import numpy as np
import pandas as pd

from onecart import recommend
from onecart.recommend.evaluation import metrics
from onecart.recommend.serving.rerank import reranked
from onecart.spark import session

# For a few thousand rows, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})

# %% [markdown]
# ## By hand
# | | p0 | p1 | p2 |
# |---|---|---|---|
# | u0 | 5 | 3 | ? |
# | u1 | 3 | ? | 4 |
# | u2 | ? | 5 | 2 |
#
# How alike are two users? The cosine of their rows, an empty cell counting 0: cos(u0, u1) = 5 * 3 / (sqrt(34) * 5) = 0.514496,
# cos(u0, u2) = 3 * 5 / sqrt(34 * 29) = 0.477698. What would u0 give p2? The mean of u0 is 4; u1 gives p2 half a point more
# than their mean of 3.5, u2 one and a half less than theirs: 4 + (0.514496 * 0.5 - 0.477698 * 1.5) / (0.514496 + 0.477698)
# = 3.537088.

# %%
cells = [
    ("u0", "p0", 5.0),
    ("u0", "p1", 3.0),
    ("u1", "p0", 3.0),
    ("u1", "p2", 4.0),
    ("u2", "p1", 5.0),
    ("u2", "p2", 2.0),
]
ratings = spark.createDataFrame(cells, "user_id string, item_id string, value double")
predicted = recommend.fit(ratings, "user_knn", ratings=True).recommend(k=1).orderBy("user_id").toPandas()
for row in predicted.itertuples():
    print(f"{row.user_id} would give {row.item_id} {row.score:.6f}")

# %% [markdown]
# ## Two tastes
# Each customer takes a dozen of 60 products, nine in ten of their own taste. A fifth of the pairs of each customer is held back.
# Beside every model stands popularity, which needs no customer at all: what it reaches is for free. The interval is over
# customers, who were drawn as well.

# %%
draw = np.random.default_rng(7)
taste = np.repeat([0, 1], 120)
own = draw.random((240, 15)) < 0.9
ranks = np.minimum(draw.geometric(0.06, (240, 15)) - 1, 29)
item = 30 * np.where(own, taste[:, None], 1 - taste[:, None]) + ranks
bought = pd.DataFrame({"user_id": np.repeat(np.arange(240), 15), "item_id": item.ravel()}).drop_duplicates()
train, held = recommend.stratified(spark.createDataFrame(bought).localCheckpoint(), 0.2, by="user_id")
train, held = train.localCheckpoint(), held.localCheckpoint()
model = recommend.fit(train, "blend", rank=8, iterations=5, blocks=1)
print("weights:", {part: round(weight, 2) for part, weight in model.params.weights.items()})
lists = {name: model.using(name).recommend(k=5).localCheckpoint() for name in ("popularity", "blend")}
users = {name: metrics.per_user(shown, held, 5).localCheckpoint() for name, shown in lists.items()}
for name, shown in lists.items():
    found, ends = recommend.evaluate(shown, held, train, 5), metrics.intervals(users[name])
    print(
        f"{name}: nDCG {found['ndcg']:.3f} ({ends['ndcg_low']:.3f} to {ends['ndcg_high']:.3f}), coverage {found['coverage']:.2f}"
    )
gap = metrics.compare(users["blend"], users["popularity"])
print(f"blend - popularity: {gap['difference']:.3f} ({gap['difference_low']:.3f} to {gap['difference_high']:.3f})")

# %% [markdown]
# ## Why this
# An offer names what the customer has that is most like it.

# %%
first = model.because(model.recommend(spark.createDataFrame([(0,)], "user_id long"), k=3, with_tier=True)).orderBy(
    "rank"
)
for row in first.collect():
    print(f"customer 0, {row['rank']}: product {row['item_id']} ({row['tier']}), as it is like {row['because']}")

# %% [markdown]
# ## More than the best guess
# A list of one kind bores, and what is never shown is never learnt about. From lists four times as long: at most two products
# of a category, and one place in ten for a trial.

# %%
kinds = spark.createDataFrame([(int(i), f"kind {i % 6}") for i in range(60)], "item_id long, category string")
varied = reranked(model.recommend(k=20, with_tier=True), 5, kinds, per_category=2, exploration=0.1)
shares = varied.toPandas()
print(f"trials: {(shares['tier'] == 'trial').mean():.2f} of the places, none of them the first")
