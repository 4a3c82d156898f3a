# %% [markdown]
# # What customers say
# Invented reviews of two lamps, of which it is known what they say. It needs no lake; open this file as a notebook (VS Code,
# Jupytext, Databricks) or run it with `./onecart python notebooks/what_customers_say.py`.

# %%
from datetime import datetime, timedelta

import numpy as np
from pyspark.sql import functions as F

from onecart import voice
from onecart.spark import session
from onecart.voice.issues.quotes import issue_quotes
from onecart.voice.issues.weekly import placed_reviews, product_issues
from onecart.voice.tickets.intents import learn_intents

# For a few hundred rows, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})

# %% [markdown]
# ## Several aspects in one sentence
# Each gets its own polarity; `evidence` is the part of the text that shows it, from character `start` to `end`. A question is
# no opinion, and words after *but* say nothing about what stood before it.

# %%
said = spark.createDataFrame(
    [
        ("1", "The battery lasts all day, but the screen is far too dim."),
        ("2", "Nothing wrong with the delivery; the handle broke off after a week."),
        ("3", "The sound could be better, and the price could not be better."),
        ("4", "Does the battery last longer than four hours?"),
    ],
    "review_id string, text string",
)
columns = ["review_id", "aspect", "polarity", F.round("score", 1).alias("score"), "start", "end", "evidence"]
print(voice.aspects(said).select(*columns).orderBy("review_id", "start").toPandas().to_string(index=False))

# %% [markdown]
# ## Personal data
# What is masked cannot be read back; order numbers, prices and models stay.

# %%
letter = "Dear Mr Smith, order 536365 (canon g3, £12.50) is late. Call me on 020 7946 0958.\nRegards,\nJane Doe"
masked = spark.createDataFrame([(letter,)], "text string").select(voice.masked(F.col("text"))).first()[0]
print(masked)

# %% [markdown]
# ## From aspects to issues
# Twenty weeks of reviews of two lamps; in the last week the red one comes with batteries that do not last. Each week is held
# against the weeks before it by an exact test, and of all the issues called emerging one in twenty is chance at most.

# %%
draw = np.random.default_rng(7)
monday, rows = datetime(2024, 1, 1), []
for week in range(20):
    for sku in ("red lamp", "blue lamp"):
        bad = 0.6 if (sku, week) == ("red lamp", 19) else 0.05
        for n, u in enumerate(draw.uniform(size=12)):
            text = f"The battery is {'dead' if u < bad else 'great'}, number {n} of week {week}"
            rows.append((f"{sku} {week} {n}", monday + timedelta(days=7 * week), sku, text))
reviews = spark.createDataFrame(rows, "review_id string, review_ts timestamp, sku string, text string")
products = spark.createDataFrame([("red lamp", "lamps"), ("blue lamp", "lamps")], "sku string, category string")
mentions = voice.aspects(reviews.select("review_id", "sku", "text")).localCheckpoint()
issues = product_issues(mentions, reviews, products).localCheckpoint()
shown = ["scope", "item", "aspect", "week", "negative", "reviews", "past_share", "q_value", "owner"]
print(issues.where("emerging").select(*shown).orderBy("scope").toPandas().to_string(index=False))

# %% [markdown]
# In whose words:

# %%
told = mentions.withColumn("record_id", F.lit(None).cast("string"))
emerging = issues.where("emerging AND scope = 'sku'")
quotes = issue_quotes(emerging, told, placed_reviews(reviews, products))
print(quotes.select("item", "week", "place", "quote").orderBy("place").toPandas().to_string(index=False))

# %% [markdown]
# ## What a support ticket wants
# By rules, as long as too few tickets have a category to learn from.

# %%
tickets = spark.createDataFrame(
    [
        ("1", "The plug caught fire!", None),
        ("2", "Where is my parcel? This is the third time I ask.", None),
        ("3", "How tall is the vase?", None),
    ],
    "ticket_id string, text string, category string",
)
print(learn_intents(tickets).score(tickets).drop("category").toPandas().to_string(index=False))
