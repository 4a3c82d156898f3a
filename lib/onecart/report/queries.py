"""The small aggregates behind the charts: Spark frames in, Spark frames of at most some hundred rows out."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

STEPS = ("visits", "product_visits", "cart_visits", "checkout_visits", "purchase_visits")
LIFETIME_STEPS = (0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)  # money
SOLD_DAYS = 180  # of history before a forecast that a chart shows
MOST_BITS, STEP_BITS = 20, 2  # stronger evidence counts as this much; width of a step
MOST_RECORDS = 10  # customers with more records are counted together
SCORES = (  # of a recommendation model
    *("ndcg", "ndcg_low", "ndcg_high", "ndcg_over_popularity", "ndcg_over_popularity_low", "ndcg_over_popularity_high"),
    *("coverage", "diversity", "popularity_share", "novelty"),
)
GROUP_SCORES = ("users", "ndcg", "ndcg_low", "ndcg_high")


def weekly_conversion(daily: DataFrame, channels: Sequence[str] = ("web", "app")) -> DataFrame:
    """One week and channel: visitors and buyers, summed over the days whose visitors are known."""
    week = F.date_trunc("week", "day").cast("date").alias("week")
    sums = [F.sum(c).cast("double").alias(c) for c in ("visitors", "buyers")]
    known = daily.where(F.col("channel").isin(*channels) & (F.col("visitors") > 0))
    return known.groupBy(week, "channel").agg(*sums).orderBy("week")


def weekly_revenue(daily: DataFrame) -> DataFrame:
    """One week and channel: revenue."""
    week = F.date_trunc("week", "day").cast("date").alias("week")
    return (
        daily.where("channel <> 'online'")
        .groupBy(week, "channel")
        .agg(F.sum("revenue").cast("double").alias("revenue"))
        .orderBy("week")
    )


def funnel_steps(funnel: DataFrame, by: str = "channel") -> DataFrame:
    """One value of `by` (channel | device_type; null: unknown) of the online channels and step, in order: visits that
    reached it, drop_off (share of the visits of the step before that did not)."""
    name = F.coalesce(by, F.lit("unknown")).alias(by)
    totals = funnel.where("channel IN ('web', 'app')").groupBy(name).agg(*[F.sum(s).alias(s) for s in STEPS])
    before = dict(zip(STEPS[1:], STEPS, strict=False))
    step = [
        F.struct(
            F.lit(s.replace("_visits", "")).alias("step"),
            F.col(s).alias("visits"),
            (1 - F.col(s) / F.nullif(F.col(before.get(s, s)), F.lit(0))).alias("drop_off"),
        )
        for s in STEPS
    ]
    exploded = totals.select(by, F.explode(F.array(*step)).alias("s"))
    return exploded.select(by, "s.step", "s.visits", "s.drop_off")


def counted(df: DataFrame, by: str) -> DataFrame:
    """One value of `by`: rows."""
    return df.groupBy(by).agg(F.count("*").alias("rows"))


def example_link(edges: DataFrame) -> DataFrame:
    """The evidence of one link that the model made, a piece a row in order: record_a, record_b, field, level, weight.

    Of the accepted links with at least four fields beside the prior, the one with most; of those one where a field
    speaks against it, then the smallest ids.
    """
    fields = F.filter("evidence", lambda piece: piece["field"] != "prior")
    against = F.exists(fields, lambda piece: piece["weight"] < 0)
    made = edges.where(F.col("accepted") & F.col("rules").contains("model") & (F.size(fields) >= 4))
    one = made.orderBy(F.size(fields).desc(), against.desc(), "record_a", "record_b").limit(1)
    pieces = one.select("record_a", "record_b", F.posexplode("evidence").alias("place", "piece"))
    return pieces.orderBy("place").select("record_a", "record_b", "piece.field", "piece.level", "piece.weight")


def evidence_bins(edges: DataFrame) -> DataFrame:
    """One step of STEP_BITS and outcome: from_bits, to_bits, accepted, pairs. The outermost steps hold what lies beyond."""
    step = F.floor(F.col("weight") / STEP_BITS) * STEP_BITS
    inside = F.greatest(F.least(step, F.lit(MOST_BITS - STEP_BITS)), F.lit(-MOST_BITS)).cast("int")
    counted = edges.groupBy(inside.alias("from_bits"), "accepted").agg(F.count("*").alias("pairs"))
    to = F.col("from_bits") + STEP_BITS
    return counted.select("from_bits", to.alias("to_bits"), "accepted", "pairs").orderBy("from_bits", "accepted")


def records_per_customer(profiles: DataFrame) -> DataFrame:
    """One number of records: records, and_more (true: that of MOST_RECORDS, with all above it), customers."""
    capped = profiles.groupBy(F.least("records", F.lit(MOST_RECORDS)).alias("records"))
    counted = capped.agg(F.count("*").alias("customers")).orderBy("records")
    return counted.select("records", (F.col("records") == MOST_RECORDS).alias("and_more"), "customers")


def shared_keys(keys: DataFrame) -> DataFrame:
    """One identifier of which too many records share values, so that these link nobody: key values, records with one of
    them, records of the most shared one. A record has one value of an identifier at most, so none is counted twice."""
    per_rule = keys.where("identifies AND star IS NULL").groupBy(F.col("rule").alias("identifier"))
    return per_rule.agg(
        F.count("*").alias("key values"), F.sum("records").alias("records"), F.max("records").alias("most on one")
    ).orderBy(F.desc("records"), "identifier")


def rfm_counts(profiles: DataFrame) -> DataFrame:
    """One score of recency and frequency: customers."""
    buyers = profiles.where("rfm_r IS NOT NULL").groupBy("rfm_r", "rfm_f")
    return buyers.agg(F.count("*").alias("customers")).orderBy("rfm_r", "rfm_f")


def lifetime_bins(profiles: DataFrame) -> DataFrame:
    """One currency and step of LIFETIME_STEPS: from_value, to_value (null: no end), customers."""
    steps = F.array(*[F.lit(float(s)) for s in LIFETIME_STEPS])
    place = F.size(F.filter(steps, lambda step: F.col("lifetime_value_12m") >= step))
    counted = profiles.where("lifetime_value_12m IS NOT NULL").groupBy("currency", place.alias("place"))
    return (
        counted.agg(F.count("*").alias("customers"))
        .orderBy("currency", "place")
        .select(
            "currency",
            F.element_at(steps, F.col("place")).alias("from_value"),
            F.get(steps, F.col("place")).alias("to_value"),
            "customers",
        )
    )


def intent_deciles(scores: DataFrame) -> DataFrame:
    """One decile of the newest scores: mean probability, customers."""
    newest = scores.agg(F.max("as_of").alias("as_of"))
    table = scores.join(newest, on="as_of", how="left_semi").groupBy("decile")
    return table.agg(F.avg("probability").alias("mean_probability"), F.count("*").alias("customers")).orderBy("decile")


def of_scorer(rows: DataFrame, scores: DataFrame) -> DataFrame:
    """The rows of the model that made the newest scores."""
    newest = scores.groupBy().agg(F.max_by("model_version", "as_of").alias("model_version"))
    return rows.join(newest, on="model_version", how="left_semi")


def reasons_of_likely(scores: DataFrame, customers: int) -> DataFrame:
    """One of the customers most likely to buy on the newest day: probability, reasons."""
    newest = scores.join(scores.agg(F.max("as_of").alias("as_of")), on="as_of", how="left_semi")
    top = newest.orderBy(F.desc("probability"), "customer_id").limit(customers)
    return top.select("customer_id", "probability", F.array_join("reasons", "; ").alias("why"))


def groups(fairness: DataFrame) -> DataFrame:
    """Every group of gold.fairness, the largest of an attribute first."""
    figures = ("n", "selection_rate", "true_positive_rate", "calibration_gap", "parity", "warned")
    return fairness.orderBy("attribute", F.desc("n")).select("attribute", "value", *figures)


def newest_metrics(health: DataFrame, metric: str, prefix: str) -> DataFrame:
    """One model whose name starts with `prefix`: its newest value of `metric`."""
    rows = health.where((F.col("metric") == metric) & F.col("model").startswith(prefix))
    return _newest(rows).select("model", "value")


def _newest(health: DataFrame) -> DataFrame:
    """[model, metric, value]: the newest of each."""
    return health.groupBy("model", "metric").agg(F.max_by("value", F.struct("as_of", "model_version")).alias("value"))


def demand_examples(forecast: DataFrame, orders: DataFrame, products: DataFrame, n: int) -> tuple[DataFrame, DataFrame]:
    """Of the `n` products with the largest demand ahead: (sales a day of the last SOLD_DAYS, the chosen forecast)."""
    chosen = forecast.where("chosen")
    top = (
        chosen.groupBy("unique_id")
        .agg(F.sum("yhat").alias("ahead"), F.min("ds").alias("first"))
        .orderBy(F.desc("ahead"))
        .limit(n)
    )
    named = F.broadcast(
        top.join(products.select(F.col("sku").alias("unique_id"), "description"), on="unique_id", how="left")
    )
    day = F.to_date("order_ts").alias("ds")
    sold = orders.select(F.col("sku").alias("unique_id"), day, "quantity").join(named, on="unique_id", how="inner")
    sold = (
        sold.where(F.datediff("first", "ds").between(1, SOLD_DAYS))
        .groupBy("unique_id", "ds")
        .agg(F.sum("quantity").alias("y"))
    )
    ahead = chosen.join(named, on="unique_id", how="inner")
    return sold.orderBy("ds"), ahead.select(
        "unique_id", "description", "ds", "yhat", "yhat_lo_80", "yhat_hi_80"
    ).orderBy("ds")


def demand_table(health: DataFrame) -> DataFrame:
    """One forecast model: series' figures of its newest backtest, the best WAPE first."""
    rows = health.where(F.col("model").startswith("forecast.") & (F.col("dataset") == "backtest"))
    names: list[Any] = ["wape", "mase", "bias", "coverage_80", "coverage_95"]
    wide = (
        _newest(rows)
        .groupBy(F.expr("substring(model, 10)").alias("model"))
        .pivot("metric", names)
        .agg(F.first("value"))
    )
    return wide.orderBy("wape")


def demand_coverage(backtest: DataFrame, ledger: DataFrame) -> DataFrame:
    """One class of demand: products, and the share of days inside the intervals of the forecasts that were chosen from
    several, beside what the intervals are for."""
    rows = backtest.where("model = 'ensemble'").join(ledger.select("unique_id", "demand"), on="unique_id", how="inner")
    held = [
        (F.sum(F.col(f"coverage_{k}") * F.col("days")) / F.sum("days")).alias(f"inside the {k} %") for k in (80, 95)
    ]
    return (
        rows.groupBy("demand").agg(F.count_distinct("unique_id").alias("products"), *held).orderBy(F.desc("products"))
    )


def regressors_help(health: DataFrame) -> DataFrame:
    """One row: by which share weather and what else is known ahead make the regression's errors less, and what that says."""
    rows = health.where("model = 'forecast.regression' AND dataset = 'regressors'")
    names: list[Any] = ["gain", "gain_low", "gain_high"]
    wide = _newest(rows).groupBy().pivot("metric", names).agg(F.first("value")).where("gain IS NOT NULL")
    says = (
        F.when(F.col("gain_low") > 0, "they help").when(F.col("gain_high") < 0, "they harm").otherwise("no effect seen")
    )
    return wide.select(
        F.col("gain").alias("errors less by"),
        F.col("gain_low").alias("from"),
        F.col("gain_high").alias("to"),
        says.alias("says"),
    )


def demand_ends(ledger: DataFrame) -> DataFrame:
    """What became of the series: status, class of demand, products."""
    demand = F.coalesce("demand", F.lit("not known")).alias("demand")
    return ledger.groupBy("status", demand).agg(F.count("*").alias("products")).orderBy("status", F.desc("products"))


def came_true(accuracy: DataFrame) -> DataFrame:
    """One day that was forecast before: all units expected and sold, ds first."""
    known = accuracy.where("y IS NOT NULL")
    newest = known.groupBy("unique_id", "ds").agg(*[F.max_by(c, "made_on").alias(c) for c in ("yhat", "y")])
    return newest.groupBy("ds").agg(F.sum("yhat").alias("expected"), F.sum("y").alias("sold")).orderBy("ds")


def nodes(hierarchy: DataFrame, n: int) -> DataFrame:
    """The `n` categories with the largest demand ahead: units expected, all days together."""
    category = F.regexp_extract("node", "(?:^|/)category=(.*)$", 1).alias("category")
    rows = hierarchy.select(category, "yhat").where("category <> ''").groupBy("category")
    return rows.agg(F.sum("yhat").alias("units")).orderBy(F.desc("units")).limit(n)


def orders_now(replenishment: DataFrame, products: DataFrame, n: int) -> DataFrame:
    """The `n` largest orders that are due."""
    named = replenishment.where("order_units > 0").join(products.select("sku", "description"), on="sku", how="left")
    columns = ["sku", "description", "order_units", "position", "expected_demand", "service_level", "reason"]
    return named.select(*columns).orderBy(F.desc("order_units"), "sku").limit(n)


def sentiment_by_category(scored: DataFrame, products: DataFrame) -> DataFrame:
    """One product category: positive and negative reviews."""
    category = F.coalesce("category", F.lit("unknown")).alias("category")
    rows = scored.join(products.select("sku", "category"), on="sku", how="left").groupBy(category)
    return rows.agg(*[F.count_if(F.col("sentiment") == word).alias(word) for word in ("positive", "negative")])


def aspect_polarity(issues: DataFrame, n: int) -> DataFrame:
    """The `n` aspects most spoken of in the whole shop: reviews that praise them, reviews that complain of them."""
    rows = issues.where("scope = 'shop'").groupBy("aspect")
    sums = rows.agg(*[F.sum(c).alias(c) for c in ("mentions", "positive", "negative")])
    return sums.orderBy(F.desc("mentions"), "aspect").limit(n).select("aspect", "positive", "negative")


def complaint_trend(issues: DataFrame, n: int) -> DataFrame:
    """One month and one of the `n` aspects most complained of: share, complaints per review; months with 20 reviews at least.

    The reviews of a month are those of its weeks, as the rows of any aspect name them.
    """
    shop = issues.where("scope = 'shop'").withColumn("month", F.trunc("week", "month"))
    weeks = shop.groupBy("month", "week").agg(F.max("reviews").alias("reviews"))
    months = weeks.groupBy("month").agg(F.sum("reviews").alias("reviews")).where("reviews >= 20")
    most = shop.groupBy("aspect").agg(F.sum("negative").alias("all")).where("all > 0")
    most = most.orderBy(F.desc("all"), "aspect").limit(n)
    counts = shop.groupBy("month", "aspect").agg(F.sum("negative").alias("negative"))
    grid = months.crossJoin(most).join(counts, ["month", "aspect"], how="left")
    share = F.coalesce("negative", F.lit(0)) / F.col("reviews")
    return grid.orderBy(F.desc("all"), "aspect", "month").select("month", "aspect", share.alias("share"))


def worst_issues(issues: DataFrame, quotes: DataFrame, products: DataFrame, n: int) -> DataFrame:
    """The `n` issues to look at, emerging ones first, then those with most complaints: what it is about, aspect, week,
    complaints, reviews, owner, sales (effect, or why there is none), quotes."""
    keys = ["scope", "item", "aspect", "week"]
    order = [F.desc("emerging"), F.desc("negative"), F.desc("week"), F.col("scope"), F.col("item"), F.col("aspect")]
    some = issues.where("emerging OR negative >= 2").orderBy(*order).limit(n)
    said = F.sort_array(F.collect_list(F.struct("place", "quote")))
    words = quotes.join(F.broadcast(some.select(keys)), keys, how="left_semi").groupBy(keys).agg(said.alias("said"))
    named = products.select(F.col("sku").alias("item"), F.lit("sku").alias("scope"), "description")
    rows = some.join(words, keys, how="left").join(named, ["scope", "item"], how="left")
    effect = F.format_string(
        "%+.0f %% (%+.0f to %+.0f)",
        *[F.col(c) * 100 for c in ("sales_effect", "sales_effect_low", "sales_effect_high")],
    )
    return rows.orderBy(*order).select(
        F.when(F.col("scope") == "shop", "the whole shop").otherwise(F.coalesce("description", "item")).alias("about"),
        "aspect",
        "week",
        F.when(F.col("emerging"), "yes").otherwise("no").alias("emerging"),
        F.col("negative").alias("complaints"),
        "reviews",
        "owner",
        F.when(F.col("sales_effect").isNull(), F.col("sales_effect_reason")).otherwise(effect).alias("sales"),
        F.array_join(F.transform("said", lambda one: F.concat(F.lit("“"), one["quote"], F.lit("”"))), " ").alias(
            "in their words"
        ),
    )


def ticket_intents(intents: DataFrame) -> DataFrame:
    """One intent: tickets by urgency."""
    counts = [F.count_if(F.col("urgency") == level).alias(level) for level in ("high", "normal", "low")]
    return intents.groupBy("intent").agg(*counts, F.count("*").alias("tickets")).orderBy(F.desc("tickets"), "intent")


def of_offers(health: DataFrame, offers: DataFrame) -> DataFrame:
    """The rows on recommendation models that the run wrote which made the newest offers."""
    run = F.substring_index("model_version", "@", -1)
    # A model that was kept is older than the popularity of the same day.
    personal = ~F.col("model_version").startswith("recommend.popularity@")
    newest = offers.groupBy().agg(F.max_by(run, F.struct(personal, "as_of")).alias("run"))
    return health.where(F.col("model").startswith("recommend.")).join(newest, run == F.col("run"), how="left_semi")


def model_scores(health: DataFrame) -> DataFrame:
    """One model, the best first: a column for each of SCORES, null where it was not measured."""
    model = F.substring_index("model", ".", -1).alias("model")
    scores = health.where(F.col("metric").isin(*SCORES)).groupBy(model).pivot("metric", [*SCORES])
    return scores.agg(F.first("value")).orderBy(F.desc("ndcg"), "model")


def group_scores(health: DataFrame) -> DataFrame:
    """One group of customers under a model: model, attribute, value, a column for each of GROUP_SCORES. Values that are
    numbers or ranges are in their order."""
    place = F.split("metric", r"\.", 3)
    named = health.select(
        F.substring_index("model", ".", -1).alias("model"),
        *[F.get(place, F.lit(n)).alias(name) for n, name in enumerate(("figure", "attribute", "group"))],
        "value",
    )
    scores = named.where("group IS NOT NULL").groupBy("model", "attribute", F.col("group").alias("value"))
    table = scores.pivot("figure", [*GROUP_SCORES]).agg(F.first("value"))
    return table.orderBy("model", "attribute", F.regexp_extract("value", r"\d+", 0).cast("int"), "value")


def offers_by_source(offers: DataFrame) -> DataFrame:
    """One source of offers: source (the tier; apart, what popularity gave as a model of its own), share of all."""
    alone = F.col("model_version").startswith("recommend.popularity@")
    source = F.when(alone, "popularity, no personal model").otherwise(F.col("tier"))
    counts = offers.groupBy(source.alias("source")).agg(F.count("*").alias("n"))
    return counts.select("source", (F.col("n") / F.sum("n").over(Window.partitionBy())).alias("share"))


def example_recommendations(offers: DataFrame, products: DataFrame, customers: int) -> DataFrame:
    """The first three offers of the first few customers by id: customer_id, rank, product (its text, else the sku),
    category, tier, why (in words; null: nothing of the customer's is near)."""
    some = offers.select("customer_id").distinct().orderBy("customer_id").limit(customers)
    rows = offers.join(F.broadcast(some), on="customer_id", how="inner").where("rank <= 3")
    texts = products.select("sku", "description")
    product = F.coalesce("description", "sku").alias("product")
    reasons = rows.select("customer_id", "rank", F.posexplode("because").alias("place", "sku"))
    reasons = reasons.join(texts, on="sku", how="left").select("customer_id", "rank", "place", product)
    reasons = reasons.groupBy("customer_id", "rank").agg(
        F.sort_array(F.collect_list(F.struct("place", "product"))).alias("r")
    )
    liked = F.concat(F.lit("because you bought or looked at "), F.array_join("r.product", " and "))
    why = F.coalesce(liked, F.when(F.col("tier") == "popularity", "because many buy it now"))
    return (
        rows.join(products.select("sku", "description", "category"), on="sku", how="left")
        .join(reasons, on=["customer_id", "rank"], how="left")
        .orderBy("customer_id", "rank")
        .select("customer_id", "rank", product, "category", "tier", why.alias("why"))
    )
