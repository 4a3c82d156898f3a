"""What the writer of a support ticket wants, and how soon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IDF, HashingTF, NGram, RegexTokenizer, SQLTransformer, StringIndexer
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.frames import TEXT, break_lineage, literal_map, quoted, require_columns, require_type
from onecart.voice.tickets import rules

OF_CATEGORY = {  # silver.tickets.category -> intent
    "delivery": "delivery",
    "damaged": "fault",
    "refund": "refund",
    "product": "question",
    "account": "account",
}
_FOLDS = 4
_TEXT, _LABEL = "__onecart_text", "__onecart_label"


@dataclass(frozen=True)
class Intents:
    """Tells intent and urgency of tickets; `model` is None where the rules do.

    figures: accuracy of the rules and of the model on tickets whose template the model had not seen, and what stands behind
    it, see `learn_intents`.
    """

    model: PipelineModel | None
    labels: tuple[str, ...]
    figures: Mapping[str, float]

    @property
    def name(self) -> str:
        return "voice.intent" if self.model else "voice.intent_rules"

    def score(self, tickets: DataFrame) -> DataFrame:
        """`tickets`[text?, subject?, ...] with intent, confidence (0 to 1), urgency and reasons; see `rules`."""
        texts = tickets.withColumn(_TEXT, _whole(tickets))
        told = (
            _told(self.model, self.labels, texts)
            if self.model
            else texts.withColumn("told", rules.intent(F.col(_TEXT)))
        )
        found = told.withColumn("urgent", rules.urgency(F.col(_TEXT), F.col("told.intent")))
        kept = [quoted(c) for c in tickets.columns if c not in ("intent", "confidence", "urgency", "reasons")]
        return found.select(*kept, "told.intent", "told.confidence", "urgent.urgency", "urgent.reasons")


def learn_intents(tickets: DataFrame, *, min_rows: int = 200, seed: int = 7) -> Intents:
    """Learns the intent of tickets from `category` (see OF_CATEGORY), where that beats the rules on kinds of text it has not
    seen; else the rules are kept.

    tickets: `subject` and `text` (strings, one of them at least) and `category`. The model is logistic regression on TF-IDF of
    words and word pairs and on the points of the rules. Helpdesks write from templates: tickets whose subject is the same but
    for numbers are one template, and the templates are parted into four folds, each judged by a model of the other three.
    figures: n, templates, accuracy, rules_accuracy (of the same tickets). Fewer than `min_rows` labelled tickets, fewer than
    two intents or than four templates: the rules, and n alone.

    Raises UsageError without text or a category that is a string.
    """
    _require(tickets)
    known = literal_map(OF_CATEGORY)
    rows = tickets.select(_whole(tickets).alias(_TEXT), known[F.col("category")].alias("intent"), _template(tickets))
    rows = break_lineage(rows.where(F.col("intent").isNotNull() & (F.trim(_TEXT) != "")))
    counts = rows.agg(F.count("*"), F.countDistinct("template"), F.countDistinct("intent")).first()
    n, templates, intents = counts[0], counts[1], counts[2]
    if n < min_rows or templates < _FOLDS or intents < 2:
        return Intents(None, (), {"n": float(n)})
    fold = F.pmod(F.xxhash64("template", F.lit(seed)), F.lit(_FOLDS))
    right = by_rules = judged = 0
    for k in range(_FOLDS):
        kept, held = rows.where(fold != k), rows.where(fold == k)
        if kept.select("intent").distinct().count() < 2 or held.isEmpty():
            continue
        model, labels = _fit(kept)
        said = _told(model, labels, held).withColumn("rule", rules.intent(F.col(_TEXT)))
        hits = [F.count_if(F.col(c) == F.col("intent")) for c in ("told.intent", "rule.intent")]
        found = said.agg(F.count("*"), *hits).first()
        judged, right, by_rules = judged + found[0], right + found[1], by_rules + found[2]
    if not judged:
        return Intents(None, (), {"n": float(n)})
    figures = {"n": n, "templates": templates, "accuracy": right / judged, "rules_accuracy": by_rules / judged}
    figures = {name: float(value) for name, value in figures.items()}
    if by_rules >= right:
        return Intents(None, (), figures)
    model, labels = _fit(rows)
    return Intents(model, labels, figures)


def _fit(rows: DataFrame) -> tuple[PipelineModel, tuple[str, ...]]:
    indexed = StringIndexer(inputCol="intent", outputCol=_LABEL, stringOrderType="alphabetAsc").fit(rows)
    stages: list[Any] = [
        RegexTokenizer(inputCol=_TEXT, outputCol="__onecart_words", pattern=r"[^\p{L}]+"),
        NGram(n=2, inputCol="__onecart_words", outputCol="__onecart_pairs"),
        SQLTransformer(
            statement="SELECT *, concat(__onecart_words, __onecart_pairs, __onecart_rules) AS __onecart_terms FROM __THIS__"
        ),
        HashingTF(numFeatures=1 << 14, inputCol="__onecart_terms", outputCol="__onecart_tf"),
        IDF(inputCol="__onecart_tf", outputCol="__onecart_tfidf", minDocFreq=2),
        LogisticRegression(featuresCol="__onecart_tfidf", labelCol=_LABEL, regParam=0.05, maxIter=30),
    ]
    model = Pipeline(stages=stages).fit(indexed.transform(rows.transform(_with_rules)))
    return model, tuple(indexed.labels)


def _with_rules(texts: DataFrame) -> DataFrame:
    """The points of the rules as words of a text, each as often as it has points."""
    points = rules.points(F.col(_TEXT))
    words = [F.array_repeat(F.lit(f"_{name}"), value.cast("int")) for name, value in points.items()]
    return texts.withColumn("__onecart_rules", F.flatten(F.array(*words)))


def _told(model: Transformer, labels: tuple[str, ...], texts: DataFrame) -> DataFrame:
    """`texts` with told: a struct of intent and confidence."""
    said = model.transform(texts.transform(_with_rules))
    names = F.array(*[F.lit(label) for label in labels])
    intent = F.element_at(names, (F.col("prediction") + 1).cast("int"))
    confidence = F.array_max(vector_to_array(F.col("probability")))
    empty = F.trim(_TEXT) == ""
    told = F.struct(
        F.when(empty, "other").otherwise(intent).alias("intent"),
        F.when(empty, 0.0).otherwise(confidence).alias("confidence"),
    )
    return said.withColumn("told", told).drop("prediction", "probability", "rawPrediction")


def _whole(tickets: DataFrame) -> Column:
    """Subject and text as one; never null."""
    return F.concat_ws("\n", *[F.col(c) for c in ("subject", "text") if c in tickets.columns])


def _template(tickets: DataFrame) -> Column:
    """What is left of the subject (else of the text's first words) without numbers, case and punctuation."""
    plain = [
        F.nullif(F.trim(F.regexp_replace(F.lower(F.col(c)), r"[^\p{L}]+", " ")), F.lit(""))
        for c in ("subject", "text")
        if c in tickets.columns
    ]
    return F.substring(F.coalesce(*plain, F.lit("")), 1, 40).alias("template")


def _require(tickets: DataFrame) -> None:
    require_columns(tickets, (*([] if "subject" in tickets.columns else ["text"]), "category"), "the frame")
    for name in [name for name in ("text", "subject", "category") if name in tickets.columns]:
        require_type(tickets, name, TEXT, "the frame")
