"""The parameters of `train_sentiment`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onecart.errors import parsed


class Params(BaseModel):
    """How to train; every value is checked, and an unknown name is an error that names the nearest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    # word2vec and doc2vec are learned from the texts, minilm is a general English network, none is TF-IDF alone; any other
    # is the folder or name of a saved Spark NLP model. None: none for logistic (on a few thousand texts learned vectors
    # only add noise to TF-IDF: .776 for .809 on held-out Amazon sentences), word2vec for the networks
    embeddings: str | None = Field(None, min_length=1)
    # logistic reads TF-IDF and the vectors together; sentiment_dl (two labels) and classifier_dl read the vectors only
    classifier: Literal["logistic", "sentiment_dl", "classifier_dl"] = "logistic"
    languages: tuple[str, ...] = ()  # a model for each, such as ("en", "zh"); none: one model for all texts
    holdout_share: float = Field(0.25, gt=0, lt=1)  # of the labelled texts, kept from training, for the metrics
    calibration_share: float = Field(0.15, gt=0, lt=0.5)  # of the rest, on which `confidence` is calibrated
    neutral_below: float = Field(0.0, ge=0, lt=1)  # of two labels: less confidence than this is answered `neutral`
    max_chars: int = Field(10_000, ge=100)  # of a text that are read
    min_rows: int = Field(50, ge=4)  # fewer labelled rows than this are an error
    max_rows: int = Field(100_000, ge=100)  # networks train on the driver: of more rows than this they see a sample
    # of up to 2,000 texts, with TF-IDF alone: after the figures are taken, what answers learns from the held-out texts, too
    refit: bool = True
    balance: bool = True  # rarer labels' rows are repeated (or the others' sampled) until all count the same
    dimensions: int = Field(100, ge=2, le=1024)  # of a word's vector, where it is learned
    min_count: int = Field(2, ge=1)  # a word seen fewer times has no vector
    # texts that minilm reads at once; auto: as many as are read quickest, tried in training
    vector_batch: Literal["auto"] | Annotated[int, Field(ge=1)] = 16
    # rounds over the labelled texts in which minilm itself learns (extra deep, on the driver; minutes without a GPU): on 2,400
    # sentences more accurate than anything else here (.90 for .86). 0: it stays as it is
    tune_epochs: int = Field(0, ge=0)
    # of logistic: inverse of the regularisation, as C of scikit-learn. None: 10 for TF-IDF alone (best of 1, 3, 10 on parts of
    # the training texts of `onecart bench voice`; of up to 2,000 texts by cross-validation), 3 where vectors are beside it
    strength: float | None = Field(None, gt=0)
    epochs: int = Field(12, ge=1)  # this and what follows: of sentiment_dl and classifier_dl
    batch_size: int = Field(32, ge=1)
    lr: float = Field(0.001, gt=0)  # learning rate of the first epoch, divided by 1 + dropout x epoch in later ones
    dropout: float = Field(0.5, ge=0, lt=1)
    seed: int = Field(7, ge=0, lt=2**31 - 2)

    @property
    def vectors(self) -> str:
        """The embeddings, chosen where none are named."""
        return self.embeddings or ("none" if self.classifier == "logistic" else "word2vec")

    @property
    def c(self) -> float:
        """`strength`, chosen where none is named."""
        return self.strength or (10.0 if self.vectors == "none" else 3.0)


def checked(given: dict[str, Any]) -> Params:
    """The parameters, or a UsageError about the first that is not right."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}  # YAML has lists
    return parsed(Params, values, "train_sentiment")
