# %% [markdown]
# # A tour of the demo lake
# Run `./onecart demo` first; then open this file as a notebook (VS Code, Jupytext, Databricks) or run it with
# `./onecart python notebooks/tour.py [LAKE]`, which writes the plots below `LAKE/tour/`.

# %%
import sys
from pathlib import Path

from pyspark.sql import functions as F

from onecart.lake import Lake
from onecart.report import charts
from onecart.report.sections import measure
from onecart.spark import session

lake_root = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "lake"
spark = session()
lake = Lake(spark, lake_root)
plots = Path(lake_root) / "tour"
plots.mkdir(exist_ok=True)

# %% [markdown]
# ## What came in, and what became of it
# In = out + quarantined + duplicates, for every run.

# %%
lake.read("ops.runs").orderBy("started_ts").select(
    "job", "rows_in", "rows_out", "rows_quarantined", "rows_duplicate", "seconds", "headline"
).show(20, truncate=60)
lake.read("ops.quarantine").groupBy("source", "rule").count().orderBy(F.desc("count")).show(10, truncate=False)

# %% [markdown]
# ## One customer
# The one with most records linked: what each channel knew, and what joined it.

# %%
profile = lake.read("gold.customer_profile").orderBy(F.desc("records"), "customer_id").first()
print(profile.customer_id, profile.given_name, profile.surname, profile.channels, profile.top_categories)
lake.read("gold.identity_links").where(F.col("customer_id") == profile.customer_id).show(10, truncate=False)

# %% [markdown]
# ## The funnel, and the conversion rate

# %%
steps = measure.funnel_steps(lake.read("gold.funnel").where("channel <> 'store'")).toPandas()
weekly = measure.weekly_conversion(lake.read("gold.conversion_daily").where("channel IN ('web', 'app')")).toPandas()
for name, figure in {"funnel": measure.plot_funnel(steps), "conversion": measure.plot_conversion(weekly)}.items():
    (plots / f"{name}.html").write_text(charts.to_html(figure, full_html=True, include_plotlyjs="cdn"))
print(steps.pivot(index="step", columns="channel", values="visits"))

# %% [markdown]
# ## Who is about to buy, and what to offer them

# %%
likely = lake.read("gold.intent_scores").orderBy(F.desc("probability"), "customer_id").limit(3)
offers = lake.read("gold.recommendations").where("rank <= 3").join(likely, on="customer_id", how="inner")
offers.join(lake.read("silver.products").select("sku", "description"), on="sku", how="left").select(
    "customer_id", F.round("probability", 3).alias("probability"), "rank", "sku", "description", "tier"
).orderBy(F.desc("probability"), "customer_id", "rank").show(truncate=40)

# %% [markdown]
# ## How honest are the models
# Every model stands beside its baseline, on data it has not seen.

# %%
lake.read("gold.model_health").select("model", "dataset", "metric", F.round("value", 3).alias("value")).orderBy(
    "model", "metric"
).show(60, truncate=False)
