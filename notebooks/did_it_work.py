# %% [markdown]
# # Did it work?
# An invented shop, of which it is known whom a letter moves: what an honest measurement finds, and what a careless one would have
# said. It needs no lake; open this file as a notebook (VS Code, Jupytext, Databricks) or run it with
# `./onecart python notebooks/did_it_work.py`.

# %%
import numpy as np
import pandas as pd

from onecart import decide, measure
from onecart.decide.campaigns.people import is_held_back
from onecart.spark import session

# For a few thousand rows, compiling a query takes longer than interpreting it.
quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
few = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = session(conf={**quick, **few})
draw = np.random.default_rng(7)
N = 12_000

# %% [markdown]
# ## Before: how many customers does it take?
# 10 % buy within a month anyway. To see 2 points more in eight of ten such experiments, each arm needs thousands of customers: who
# contacts 200 and holds 20 back learns nothing, whatever comes out.

# %%
print(measure.plan_experiment(0.10, 0.02, relative=False))

# %% [markdown]
# ## Drawing the control group
# A keyed hash of customer and campaign family says who is held back, before anything else is looked at. It needs no list that could
# get lost: the same customers next week, in whatever order and on however many machines.

# %%
customers = spark.range(N).selectExpr("concat('c-', id) AS customer_id")
held = customers.withColumn("held_back", is_held_back("letters", 0.5, b"a key of your own")).toPandas()
again = customers.orderBy("customer_id").withColumn("held_back", is_held_back("letters", 0.5, b"a key of your own"))
changed = (held.merge(again.toPandas(), on="customer_id").eval("held_back_x != held_back_y")).sum()
print(f"held back: {held.held_back.mean():.1%} of {N:,}; drawn again, {changed} are in the other arm")

# %% [markdown]
# ## What happens
# Half of the customers are hesitant: the letter makes 8 in 100 of them buy who would not have. The regulars buy most of all, and the letter
# changes nothing for them. What somebody spends follows what they spent last year.

# %%
hesitant, last_year = draw.random(N) < 0.5, draw.gamma(2.0, 30.0, N)
treated = ~held.held_back.to_numpy()
bought = draw.random(N) < np.where(hesitant, 0.05 + 0.08 * treated, 0.20)
spend = np.round(0.5 * last_year + 10 * bought + draw.normal(0, 8, N), 2)
units = pd.DataFrame(
    {
        "customer_id": held.customer_id,
        "arm": np.where(treated, "letter", "none"),
        "bought": bought.astype(int),
        "spend": spend,
        "last_year": last_year,
        "shoe_size": draw.normal(40, 3, N),
    }
)

# %% [markdown]
# ## The verdict
# First the sizes of the arms, then the effects. `last_year` was known before the start, so it may be taken off (CUPED): the same effect
# in a narrower interval. The size of shoes explains nothing, and the verdict says so.

# %%
judge = {"control": "none", "unit": "customer_id"}
found = measure.experiment(units, ["bought", "spend"], covariate={"spend": "last_year"}, **judge)
for row in found.table.itertuples():
    print(
        f"{row.metric}: {row.effect:+.3f} ({row.lo:+.3f} to {row.hi:+.3f}), at any look {row.always_valid_lo:+.3f} to {row.always_valid_hi:+.3f}"
    )
print(f"last year takes {found.table.variance_reduction[1]:.0%} of the variance off")
print(measure.experiment(units, ["spend"], covariate="shoe_size", **judge))

# %% [markdown]
# A mistake that is made every day: only letters that were opened count. Whoever opens one is somebody who buys. The arms no
# longer have their shares, and the verdict refuses.

# %%
opened = units[(units.arm == "none") | (units.bought == 1) | (draw.random(N) < 0.7)]
print(measure.experiment(opened, ["bought"], **judge).notes[0])

# %% [markdown]
# ## Whom does it move?
# A model of who buys puts the regulars first, whom the letter does not move. A model of uplift puts the hesitant first. Qini is the
# area between its curve and that of any order, on customers it has not seen; 0 is no better than a lottery.

# %%
columns = ["hesitant", "last_year"]
seen = units.assign(hesitant=hesitant)
model = decide.train_uplift(seen, "bought", "arm", "none", columns=columns, propensity=0.5, n_estimators=60)
report = model.report
print(
    f"letter: {report.advice[0]}; Qini {report.qini[0]:.4f} ({report.qini_low[0]:.4f} to {report.qini_high[0]:.4f}), "
    f"of who buys {report.response_qini[0]:.4f}"
)
same = seen.assign(bought=(draw.random(N) < 0.10 + 0.03 * treated).astype(int))
print(
    "a card that moves all alike:",
    decide.train_uplift(same, "bought", "arm", "none", columns=columns, propensity=0.5, n_estimators=60).report.advice[
        0
    ],
)

# %% [markdown]
# ## May a policy go live?
# Somebody looks at last month by town and picks for each town whichever did better there, a letter or none. But towns differ by chance
# alone. The model that picked it praises its pick, as every model does: the direct method believes it. The gate looks at other
# customers, with the probability with which each was drawn, and refuses.

# %%
log = pd.DataFrame(
    {
        "context": [f"town {n}" for n in draw.integers(0, 300, N)],
        "action": np.where(treated, "letter", "none"),
        "propensity": 0.5,
        "reward": (draw.random(N) < 0.12).astype(float),
    }
)
past, fresh = log[: N // 2], log[N // 2 :]
means = past.groupby(["context", "action"]).reward.mean().unstack(fill_value=0.0)
best = means.idxmax(axis=1)
pairs = means.stack().rename("reward").reset_index()
policy = pairs.assign(probability=(pairs.action == pairs.context.map(best)).astype(float))[
    ["context", "action", "probability"]
]
everyone = policy.assign(probability=(policy.action == "letter").astype(float))
said = measure.off_policy(fresh, policy, pairs)
print(
    f"as it was done {fresh.reward.mean():.3f}; the direct method claims {said['dm']:.3f}; doubly robust {said['dr']:.3f}"
)
verdict = measure.go_live(fresh, policy, everyone, pairs)
print(f"live: {verdict.live}; {verdict.why}")

# %% [markdown]
# And a log that hardly ever did what the policy wants says nothing: no figure at all.

# %%
rarely = fresh.assign(propensity=np.where(fresh.action == "letter", 0.995, 0.005))
rarely = rarely[(rarely.action == "letter") | (np.arange(len(rarely)) % 200 == 0)]
nobody = everyone.assign(probability=1 - everyone.probability)
print(f"live: {measure.go_live(rarely, nobody).live}; {measure.go_live(rarely, nobody).why}")

# %% [markdown]
# ## Credit is not cause
# A retargeting banner is shown to those who have a full cart. It is on nearly every path that ends in a purchase, so every rule of
# sharing out gives it much. Half of the visitors, drawn by lot, never see it, and they buy as often.

# %%
banner = draw.random(N) < 0.5
full_cart, mail = draw.random(N) < 0.15, draw.random(N) < 0.3
order = draw.random(N) < np.where(full_cart, 0.5, 0.02) + 0.02 * mail
shown = banner & full_cart
paths = pd.DataFrame(
    {
        "path": [["web", *["e-mail"] * int(m), *["banner"] * int(b)] for m, b in zip(mail, shown, strict=True)],
        "conversions": order.astype(int),
        "nulls": (~order).astype(int),
    }
)
methods = ("first", "last", "linear", "shapley", "markov")
credit = {m: measure.attribution(paths, m).toPandas().set_index("channel").credit for m in methods}
table = pd.DataFrame(credit).fillna(0.0)
print((table / table.sum()).round(3).to_string())
lottery = pd.DataFrame({"visitor": range(N), "arm": np.where(banner, "banner", "none"), "ordered": order.astype(int)})
row = measure.experiment(lottery, "ordered", control="none", unit="visitor").table.iloc[0]
print(
    f"banner by last touch: {table['last']['banner']:.0f} orders; proved by lot: {row.effect * banner.sum():+.0f} "
    f"({row.lo * banner.sum():+.0f} to {row.hi * banner.sum():+.0f})"
)
