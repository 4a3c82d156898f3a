"""The sections of the report. Each is one file here, with its queries and charts together, and one line in ORDER."""

from importlib import import_module

from onecart.report.card import Section

ORDER = (  # as shown
    "measure",
    "profile",
    "intent",
    "recommend",
    "decide",
    "experiments",
    "forecast",
    "voice",
    "quality",
)
SECTIONS: tuple[Section, ...] = tuple(import_module(f"{__name__}.{name}").SECTION for name in ORDER)
