"""Typed settings in layers: conf/base.yaml < conf/<env>.yaml < conf/gpu.yaml < --set key=value.

`layers` loads and checks them, `settings` is the whole tree, and each room's own settings have a file. Secrets are
references (`env:NAME`, `secret:scope/key`), resolved only when used and never printed.
"""

from onecart.config.behaviour import Behaviour
from onecart.config.channels import Samples, Source
from onecart.config.forecast import Forecast
from onecart.config.identity import Identity
from onecart.config.intent import Intent, Live
from onecart.config.lake import Lake, Report, Spark
from onecart.config.layers import conf_dir, flatten, load
from onecart.config.privacy import Privacy
from onecart.config.profile import Attribute, Profile, SurvivorshipRule
from onecart.config.quality import Quality
from onecart.config.recommend import Recommend
from onecart.config.section import SecretRef, absolute, is_local, resolve_secret
from onecart.config.settings import Settings
from onecart.config.voice import Voice

__all__ = [
    "Attribute",
    "Behaviour",
    "Forecast",
    "Identity",
    "Intent",
    "Lake",
    "Live",
    "Privacy",
    "Profile",
    "Quality",
    "Recommend",
    "Report",
    "Samples",
    "SecretRef",
    "Settings",
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
