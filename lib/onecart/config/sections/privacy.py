"""Settings of consent, pseudonyms and erasure."""

from typing import Literal

from onecart.config.sections.section import SecretRef, Section


class Privacy(Section):
    """Consent, pseudonyms and erasure."""

    # What holds for customers who never said yes or no. It takes another legal ground than consent; a refusal always wins.
    presumed_consent: tuple[Literal["profiling", "marketing"], ...] = ()
    key: SecretRef | None = None  # signs pseudonyms; None: a local lake has a key file in the cache folder
    retired_keys: tuple[SecretRef, ...] = ()  # older keys: what they signed is still recognised
    keep_orders: Literal["anonymise", "delete"] = "anonymise"  # an erased person's order lines
