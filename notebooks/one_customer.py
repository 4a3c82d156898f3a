# %% [markdown]
# # One customer
# Which of 300 records are one person? The records are invented, so the answer is known, and every step can be checked:
# link, measure, explain one pair, let a record arrive late, take a consent back. It needs no lake; open this file as a
# notebook (VS Code, Jupytext, Databricks) or run it with `./onecart python notebooks/one_customer.py`.

# %%
from datetime import datetime
from functools import partial

from pyspark.sql import functions as F

from onecart import identity
from onecart.identity import ids, linking
from onecart.profile.waterfall import waterfall
from onecart.samples import persons
from onecart.spark import session

# For 300 records, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})
records, truth = (frame.localCheckpoint() for frame in persons.generate(spark, 300, profile="default", seed=7))

# %% [markdown]
# ## The records of one person
# As staff type them: slips, nicknames, an old address, another telephone, fields left out. No column names the person.

# %%
largest = truth.groupBy("customer_id").agg(F.count("*").alias("n"), F.min("record_id").alias("first"))
person = largest.orderBy(F.desc("n"), "customer_id").first()
records.join(truth.where(F.col("customer_id") == person.customer_id), "record_id", how="left_semi").show(truncate=24)

# %% [markdown]
# ## Monday: link
# One record of that person has not arrived yet, the one with the smallest id. Everything is learned from the other 299
# records: which pairs to compare, what each agreement weighs, and from how many bits on two records are one.

# %%
late = F.col("record_id") == person.first
found = linking.resolve(records.where(~late))
print("pairs are found by", ", ".join(dict.fromkeys(rule.name for rule in found.learned.model.rules)))
monday, history = ids.assign(found.members, None, run_id="monday", at=datetime(2024, 5, 6))
monday, history = monday.localCheckpoint(), history.localCheckpoint()

# %% [markdown]
# ## How good is it
# pair: over pairs of records; bcubed: the mean over records; cluster: customers that are exactly right. Blocking recall is
# the share of true pairs that were compared at all.
#
# The threshold was chosen without the truth, from the probabilities alone; the truth shows which one would have been best
# for the pairs, before they are made into customers.

# %%
quality = identity.evaluate(monday, truth.where(~late), pairs=found.scored)
print(quality)
bits = found.learned.model.threshold
curve = quality.curve.localCheckpoint()
for name, probability in {"without truth": 1 / (1 + 2**-bits), "best": quality.best_threshold()}.items():
    near = curve.where(F.col("threshold") <= probability).orderBy(F.desc("threshold")).first()
    print(f"threshold {name:<14} probability {probability:.3f}  pair F1 {near.f1:.4f}")

# %% [markdown]
# ## Why two records are one
# The accepted pair on which most fields speak, and of those one with something against it.

# %%
said, against = F.size("evidence"), F.exists("evidence", lambda piece: piece["weight"] < 0)
edge = found.pairs.where("accepted").orderBy(said.desc(), against.desc(), "record_a", "record_b").first()
pair = edge.asDict(recursive=True)
records.where(F.col("record_id").isin(pair["record_a"], pair["record_b"])).show(truncate=24)
print("\n".join(waterfall(pair)), "\n")
for piece in pair["evidence"]:
    odds, for_one = 2 ** abs(piece["weight"]), piece["weight"] >= 0
    what = f"{piece['field']}, {piece['level']}:"
    if piece["field"] == "prior":
        print(f"found by {piece['level']}: one person at {f'{odds:,.1f} to 1' if for_one else f'1 to {odds:,.1f}'}")
    elif odds < 1.05:
        print(what, "says nothing new")
    else:
        print(what, f"{odds:,.1f} times as likely of {'one person as of two' if for_one else 'two persons as of one'}")

# %% [markdown]
# ## Tuesday: the late record arrives
# The model of Monday stays. An id is made from a customer's smallest record id, and that is now the late one; the
# customer keeps the old id all the same, because most of its records had it. Nobody else's changes either.

# %%
again = partial(linking.resolve, learned=found.learned)
found = again(records)
tuesday, events = ids.assign(found.members, monday, run_id="tuesday", at=datetime(2024, 5, 7), history=history)
tuesday, history = tuesday.localCheckpoint(), history.unionByName(events).localCheckpoint()
both = tuesday.withColumnRenamed("customer_id", "tuesday").join(
    monday.withColumnRenamed("customer_id", "monday"), "record_id", how="left"
)
mine = truth.where(F.col("customer_id") == person.customer_id)
both.join(mine, "record_id", how="left_semi").select("record_id", "monday", "tuesday").show(truncate=False)
print(f"records whose id changed: {both.where('monday <> tuesday').count()} of {monday.count()}")

# %% [markdown]
# ## Wednesday: a consent is withdrawn
# The customer of three records with the weakest link between two of them: it may be the third that holds them together.
# The third now refuses matching, so it is linked with nobody; what is left is judged anew, without it.

# %%
trio = tuesday.groupBy("customer_id").agg(F.collect_list("record_id").alias("trio")).where("size(trio) = 3")
one_end = trio.select("customer_id", "trio", F.explode("trio").alias("record_a"))
weak = found.pairs.where("accepted").join(one_end, "record_a", how="inner").orderBy("weight", "record_a").first()
(third,) = set(weak.trio) - {weak.record_a, weak.record_b}
print(f"{weak.record_a} and {weak.record_b}: {weak.weight:+.1f} bits, the threshold is {bits:+.1f}; {third} refuses")
records.where(F.col("record_id").isin(weak.trio)).show(truncate=24)

# %%
found = again(records.withColumn("consent_matching", F.col("record_id") != third))
wednesday, events = ids.assign(found.members, tuesday, run_id="wednesday", at=datetime(2024, 5, 8), history=history)
wednesday, history = wednesday.localCheckpoint(), history.unionByName(events).localCheckpoint()
wednesday.where(F.col("record_id").isin(weak.trio)).orderBy("record_id").show(truncate=False)
history.where("run_id <> 'monday'").orderBy("changed_ts", "event", "into_customer_id").show(truncate=False)
print(f"{weak.customer_id} is today {', '.join(identity.trace(history, weak.customer_id))}")
