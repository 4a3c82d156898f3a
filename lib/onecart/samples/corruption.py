"""How people and clerks get a text wrong: each function takes a random generator and a text, and returns the text anew."""

from random import Random

_KEYBOARD = {  # neighbours on a QWERTY keyboard
    **{"q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl"},
    **{"p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm", "k": "jil"},
    **{"l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk"},
}
_OCR: tuple[tuple[str, str], ...] = (
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("d", "cl"),
    ("l", "1"),
    ("1", "l"),
    ("o", "0"),
    ("0", "o"),
    ("s", "5"),
)
_OCR += (("5", "s"), ("b", "8"), ("8", "b"), ("vv", "w"), ("w", "vv"), ("g", "9"), ("q", "g"), ("i", "l"), ("h", "b"))
_SOUNDS: tuple[tuple[str, str], ...] = (
    ("ph", "f"),
    ("f", "ph"),
    ("ck", "k"),
    ("c", "k"),
    ("k", "c"),
    ("y", "i"),
    ("ie", "y"),
    ("ee", "ea"),
)
_SOUNDS += (("ai", "ay"), ("ou", "u"), ("z", "s"), ("s", "z"), ("x", "ks"), ("w", "wh"), ("th", "t"), ("gh", "g"))
_SOUNDS += (("ll", "l"), ("nn", "n"), ("tt", "t"), ("ss", "s"), ("l", "ll"), ("n", "nn"), ("e", "a"), ("a", "e"))
_SHORT = {
    "street": "st",
    "road": "rd",
    "avenue": "ave",
    "place": "pl",
    "crescent": "cres",
    "court": "ct",
    "close": "cl",
}
_SHORT |= {"drive": "dr", "circuit": "cct", "terrace": "tce", "parade": "pde", "lane": "ln"}


def typo(rng: Random, text: str) -> str:
    """One key wrong: a character put in, left out, replaced or swapped with the next (a quarter of the cases each)."""
    at, kind = rng.randrange(len(text)), rng.randrange(4)
    if kind == 0:
        return text[:at] + _other(rng, text[at]) + text[at:]
    if kind == 1 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    if kind == 2 and len(text) > 1:
        at = min(at, len(text) - 2)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + _other(rng, text[at]) + text[at + 1 :]


def _other(rng: Random, character: str) -> str:
    if character.isdigit():
        return str((int(character) + rng.randrange(1, 10)) % 10)
    return rng.choice(_KEYBOARD.get(character, "eta"))


def misread(rng: Random, text: str) -> str:
    """One place read wrongly from paper, as in rn for m or 0 for o; the text itself where nothing looks alike."""
    return _replaced(rng, text, _OCR)


def misheard(rng: Random, text: str) -> str:
    """One sound spelled in another way, as in ph for f; the text itself where no sound has another spelling."""
    return _replaced(rng, text, _SOUNDS)


def shortened(text: str) -> str:
    """A street with its kind abbreviated, as in `stanley st`."""
    return " ".join(_SHORT.get(word, word) for word in text.split(" "))


def _replaced(rng: Random, text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    fitting = [pair for pair in pairs if pair[0] in text]
    if not fitting:
        return text
    old, new = rng.choice(fitting)
    places = [at for at in range(len(text)) if text.startswith(old, at)]
    at = rng.choice(places)
    return text[:at] + new + text[at + len(old) :]
