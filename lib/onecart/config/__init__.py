"""Typed settings in layers: conf/base.yaml < what the environment extends < the environment < conf/gpu.yaml < --set key=value.

`layers` loads and checks them, `settings` is the whole tree, `sections/<room>.py` has the settings of one room. Secrets are
references (`env:NAME`, `secret:scope/key`), resolved only when used and never printed.
"""

from onecart.config.layers import conf_dir, flatten, load
from onecart.config.sections.behaviour import Behaviour
from onecart.config.sections.channels.settings import FillDown, Samples, Source
from onecart.config.sections.channels.sources import Jdbc, Kafka
from onecart.config.sections.decide.campaigns import Campaign, Contacts, Offer
from onecart.config.sections.decide.settings import Decide
from onecart.config.sections.forecast import Forecast
from onecart.config.sections.identity import Identity
from onecart.config.sections.intent import Intent, Live
from onecart.config.sections.lake import Lake, Report, Spark
from onecart.config.sections.privacy import Privacy
from onecart.config.sections.profile import Attribute, Profile, SurvivorshipRule
from onecart.config.sections.quality import Anomaly, Missing, Quality, RowRule, Severity
from onecart.config.sections.recommend import Recommend
from onecart.config.sections.section import SecretRef, absolute, is_local, resolve_secret
from onecart.config.sections.shop import Shop
from onecart.config.sections.voice import Voice
from onecart.config.settings import Settings

__all__ = [
    "Anomaly",
    "Attribute",
    "Behaviour",
    "Campaign",
    "Contacts",
    "Decide",
    "FillDown",
    "Forecast",
    "Identity",
    "Intent",
    "Jdbc",
    "Kafka",
    "Lake",
    "Live",
    "Missing",
    "Offer",
    "Privacy",
    "Profile",
    "Quality",
    "Recommend",
    "Report",
    "RowRule",
    "Samples",
    "SecretRef",
    "Settings",
    "Severity",
    "Shop",
    "Source",
    "Spark",
    "SurvivorshipRule",
    "Voice",
    "absolute",
    "conf_dir",
    "flatten",
    "is_local",
    "load",
    "resolve_secret",
]
