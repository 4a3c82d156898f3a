"""Splink 5 as its own documentation sets it up for records of persons: the comparisons of its example on FEBRL 3, the
blocking of that example for few records and of the one on 50,000 historical persons for many.
"""

from collections.abc import Collection
from typing import Any

import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on

THRESHOLD = 0.95  # of clusters, in all of Splink's examples
_KEPT = 0.01  # predictions below this are not kept: the curve of thresholds wants the others
_FEW = 20_000  # up to so many records the loose blocking rules of the FEBRL example are affordable

# What each field may be compared by and blocked on; fields that the records lack are left out.
_BLOCK_EXACT = (("email",), ("phone",), ("national_id",))
_BLOCK_LOOSE = (("given_name",), ("surname",), ("date_of_birth",), ("postcode",))
_BLOCK_TIGHT = (
    ("substr(given_name, 1, 3)", "substr(surname, 1, 4)"),
    ("surname", "date_of_birth"),
    ("given_name", "date_of_birth"),
    ("postcode", "given_name"),
    ("postcode", "surname"),
    ("date_of_birth", "city"),
    ("substr(postcode, 1, 3)", "date_of_birth"),
    ("substr(postcode, 1, 3)", "given_name"),
    ("substr(postcode, 1, 3)", "surname"),
    ("substr(given_name, 1, 2)", "substr(surname, 1, 2)", "substr(date_of_birth, 1, 4)"),
)
_SWAPPED = "l.given_name = r.surname AND l.surname = r.given_name"


def _rules(sets: Collection[tuple[str, ...]], columns: Collection[str]) -> list[Any]:
    """Blocking rules whose columns exist."""
    names = {rule: {part.removeprefix("substr(").partition(",")[0] for part in rule} for rule in sets}
    return [block_on(*rule) for rule, used in names.items() if used <= set(columns)]


def _comparisons(columns: Collection[str], date_format: str) -> list[Any]:
    """City and state are left out, as in Splink's FEBRL example: they follow the postcode, and the model takes fields to
    be independent.
    """
    by_field = {
        "given_name": cl.NameComparison("given_name"),
        "surname": cl.NameComparison("surname"),
        "date_of_birth": cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format=date_format),
        "postcode": cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        "street": cl.JaroWinklerAtThresholds("street", [0.9, 0.7]).configure(term_frequency_adjustments=True),
        "email": cl.EmailComparison("email"),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        "national_id": cl.DamerauLevenshteinAtThresholds("national_id", [1, 2]),
    }
    return [comparison for field, comparison in by_field.items() if field in columns]


def fit(frame: Any, columns: Collection[str], count: int, *, date_format: str, seed: int | None) -> Linker:
    """A trained linker for `frame` (registered with a Splink database), whose columns are `columns`, record_id among them."""
    loose = count <= _FEW
    blocking = [*_rules(_BLOCK_EXACT, columns), *_rules(_BLOCK_LOOSE if loose else _BLOCK_TIGHT, columns), _SWAPPED]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=_comparisons(columns, date_format),
        blocking_rules_to_generate_predictions=blocking,
        retain_matching_columns=False,
    )
    linker = Linker(frame, settings, log_level="ERROR")
    training = linker.training
    certain: list[tuple[str, ...]] = [("given_name", "surname", "date_of_birth"), ("given_name", "surname", "postcode")]
    certain += [(field, "surname") for (field,) in _BLOCK_EXACT]
    training.estimate_probability_two_random_records_match(_rules(certain, columns), recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=seed)
    for rule in (block_on("date_of_birth"), block_on("given_name", "surname")):
        training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True)
    return linker


def predict(linker: Linker) -> tuple[Any, Any]:
    """Scored pairs, and clusters at THRESHOLD."""
    predictions = linker.inference.predict(threshold_match_probability=_KEPT)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predictions, threshold_match_probability=THRESHOLD
    )
    return predictions, clusters
