"""Settings of trained models, whatever room they are of."""

from onecart.config.sections.section import Section


class Models(Section):
    # MLflow (extra `tracking`): file:///folder or a server; off; null: Databricks' own there, else mlruns in a local lake
    tracking_uri: str | None = None
