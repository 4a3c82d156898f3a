"""Settings of the voice of the customer: reviews and tickets."""

from pydantic import Field

from onecart.config.sections.section import Section


class Voice(Section):
    holdout_share: float = Field(0.25, gt=0, lt=1)
    params: dict[str, bool | float | int | str | list[str]] = {}  # of train_sentiment, as in {embeddings: minilm}
    min_rows: int = Field(200, ge=4)  # fewer labelled reviews than this train no model
    mined_terms: int = Field(20, ge=0)  # terms for aspects that are learnt from the reviews, at most
    tagged_terms: int = Field(0, ge=0)  # that a tagger on MiniLM finds for known aspects (extra `minilm`), at most
    issue_weeks: int = Field(1, ge=1)  # how many weeks' complaints are held against those before
    issue_past_weeks: int = Field(52, ge=4)  # how many weeks before those count
    issue_alpha: float = Field(0.05, gt=0, lt=1)  # the share of emerging issues that may be chance
    min_tickets: int = Field(200, ge=4)  # fewer tickets with a category than this: intents by rules, nothing is learnt
