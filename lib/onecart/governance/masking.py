"""Records as they are shown where nobody needs to know whose they are."""

import re

_WIDTH = 140  # letters of a record that are shown
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,190}")
_DAY = re.compile(r"(?:19|20)\d\d[-/]\d|\d{1,2}[-/]\d{1,2}[-/]\d\d")
_DIGITS = re.compile(r"\+?\d[\d ()/-]{7,20}\d")


def masked(record: str) -> str:
    """The beginning of a record on one line, its e-mail addresses and long numbers masked."""
    shown = _EMAIL.sub(lambda m: f"{m[0][:1]}***@***", " ".join(record.split()))
    shown = _DIGITS.sub(lambda m: m[0] if _DAY.match(m[0]) else f"{m[0][:3]}***{m[0][-2:]}", shown)
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 1]}…"
