"""What of a text is read: without markup and addresses, not endlessly long, emoji and emoticons as words."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.frames import composed

# English words, so that they say the same as in texts: an emoji that training never showed still counts.
_FACES = {
    "love": r"<3|[\u2764\u2665\x{1F493}-\x{1F498}\x{1F49B}-\x{1F49F}\x{1F60D}\x{1F618}\x{1F970}\x{1F9E1}]",
    "sad": r"\x{1F494}|[\u2639\x{1F61E}\x{1F61F}\x{1F622}\x{1F625}\x{1F629}\x{1F62B}\x{1F62D}\x{1F614}\x{1F615}\x{1F641}]",
    "happy": r"[\u263A\u2600\x{1F600}-\x{1F606}\x{1F607}\x{1F60A}\x{1F60B}\x{1F60E}\x{1F642}\x{1F917}\x{1F929}\x{1F973}]",
    "funny": r"[\x{1F602}\x{1F923}]",
    "great": r"[\x{1F44C}\x{1F44D}\x{1F44F}\x{1F389}\x{1F38A}\x{1F3C6}\x{1F4AF}\u2705\u2B50\x{1F31F}\x{1F64C}]",
    "angry": r"[\x{1F620}\x{1F621}\x{1F624}\x{1F92C}\x{1F595}]",
    "bad": r"[\x{1F44E}\x{1F4A9}\x{1F612}\x{1F644}\x{1F922}\x{1F92E}\u274C]",
}
_ALONE = (r"(?<![\p{L}\p{N}:])", r"(?![\p{L}\p{N}])")
_EMOTICONS = {"happy": r"[:;=][-']?[)\]D]|\(\^_\^\)|\^_\^", "sad": r"[:=]['’]?-?[(\[]|:-?/|T_T", "love": r":-?\*"}
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ", "&amp;": "&"}
# A script, a style or a comment that nothing closes goes to the text's end, as browsers read it.
_MARKUP = r"(?is)<(script|style)\b[^<>]{0,2000}>.*?(?:</\1\s*>|\z)|<!--.*?(?:-->|\z)|</?[a-z][^<>]{0,2000}>"
_ADDRESS = r"(?i)\b(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}+"
# One of these is in every text that `_without_signs` changes; most have none, and a search for all of it took a quarter of the time.
_SIGNS = r"(?i)[<&@:;=^`\u2000-\x{10FFFF}]|www\.|T_T"
_UNSPACED = r"([\p{IsHan}\p{IsHiragana}\p{IsKatakana}\p{IsThai}])"


def cleaned(text: Column, *, max_chars: int) -> Column:
    """The first `max_chars` characters without HTML, URLs and e-mail addresses, emoji and emoticons as English words, a
    letter said three times or more (`sooo`) said twice. Null stays null."""
    text = composed(F.substring(text, 1, max_chars))
    plain = F.when(F.regexp_like(text, F.lit(_SIGNS)), _without_signs(text)).otherwise(text)
    return F.regexp_replace(plain, r"(\p{L})\1{2,}", "$1$1")


def _without_signs(text: Column) -> Column:
    for pattern in (_MARKUP, _ADDRESS):
        text = F.regexp_replace(text, pattern, " ")
    for entity, sign in _ENTITIES.items():
        text = F.replace(text, F.lit(entity), F.lit(sign))
    text = F.regexp_replace(text, "[’‘`]", "'")
    for word, pattern in _EMOTICONS.items():
        text = F.regexp_replace(text, f"{_ALONE[0]}(?:{pattern}){_ALONE[1]}", f" {word} ")
    for word, pattern in _FACES.items():
        text = F.regexp_replace(text, pattern, f" {word} ")
    return text


def spaced(text: Column) -> Column:
    """Every character of a writing that has no spaces between words (Chinese, Japanese, Thai) as a word of its own; pairs of
    them, which TF-IDF counts too, are often words."""
    return F.regexp_replace(text, _UNSPACED, " $1 ")


def reason(text: Column, has_words: Column, *, max_chars: int) -> Column:
    """Why a text has no answer, or one to a part of it only; else null."""
    return (
        F.when(text.isNull() | (F.trim(text) == ""), "no text")
        .when(~has_words, "no words")
        .when(F.length(text) > max_chars, f"cut at {max_chars:,} characters")
    )
