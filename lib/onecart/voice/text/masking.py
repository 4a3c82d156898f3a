"""Personal data in texts, put out of sight: what is masked cannot be read back. Spark SQL, but for phones of a country.

Masks: [EMAIL], [URL] (one with a login or a token in it), [PHONE], [CARD], [IBAN], [ADDRESS], [POSTCODE], [HANDLE], [NAME].
Patterns find what looks like personal data, so some gets past them (a bare first name amid a sentence, a lower-case address);
names the shop knows are best given as columns. Numbers of orders, models, prices and dates stay.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.voice.text.phones import OTHER_NUMBERS, home_phones

_URL = r"(?i)\b(?:https?|ftp)://(?:[^\s/@]{1,256}@\S+|\S{0,500}[?&;#](?:e-?mail|token|user(?:name)?|session|sid|key|auth|phone|name|code)=\S*)"
# 64 characters of a name, 63 of a part of its host: no mail server takes more.
_EMAIL = r"(?i)[\p{L}\p{N}._%+'-]{1,64}+ ?(?:@|\(at\)|\[at\]) ?[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,20}\.\p{L}{2,24}\b"
_HANDLE = r"(?<![\p{L}\p{N}._@/])@\p{L}[\p{L}\p{N}_.]{2,29}\b"
_DIGITS = r"(?<![\p{L}\p{N}.,-])[2-6]\d(?:[ -]?\d){12,17}(?![\p{L}\p{N}]|[.,]\d)"  # 14 to 19
_IBAN = r"(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\p{L}\p{N}])"
_NO_NUMBER = r"(?=[+(\d])(?<![\p{L}\p{N}#.,/+£$€-])(?<!(?i:" + OTHER_NUMBERS + r")[ .:#]{1,2})"
_NUMBER_END = r"(?![\p{L}\p{N}]|[.,/-]\d)"
_PHONE = "|".join(
    (
        r"\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}",
        r"00[1-9]\d{0,2}[ .-]?\d{1,4}(?:[ .-]?\d{2,4}){2,4}",
        r"\(0?\d{2,5}\)[ .-]?\d{3,4}[ .-]?\d{3,4}",
        r"0[1-9]\d{1,4}[ -]?\d{3,4}[ -]?\d{3,4}",
        r"[2-9]\d{2}([ .-])\d{3}\1\d{4}",
    )
)
_SAID_PHONE = (
    r"(?i)(\b(?:phone|tel|telephone|mobile|cell|whatsapp|call me(?: back)?|ring me|text me|reach me|my number)"
    r"(?: number| no)?(?: is| on| at|:|\.){0,4}[ :]{1,3})(\+?\d(?:[ .()-]{0,2}\d){6,14})"
)
_STREET = (
    r"(?<![\p{L}\p{N}])\d{1,4}[a-zA-Z]?,? (?:\p{Lu}[\p{L}'.]+ ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Close|Crescent|Terrace|Boulevard|Blvd|Square|Court|Way|Gardens|Grove|Hill|"
    r"Row|Mews|Parade)\b\.?"
)
_STRASSE = r"(?<![\p{L}\p{N}])\p{Lu}[\p{L}-]{1,60}(?:straße|strasse|str\.|weg|gasse|allee|platz) \d{1,4}(?: ?[a-z])?\b"
_UK = r"(?<![\p{L}\p{N}])(?:GIR 0AA|[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})(?![\p{L}\p{N}])"
_US = (
    r"\b(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|"
    r"W[AIVY]),? \d{5}(?:-\d{4})?\b"
)
_NAME = r"(?:\p{Lu}['’])?\p{Lu}\p{Ll}+(?:[-'’]\p{Lu}\p{Ll}+)?"
_NAMES = rf"{_NAME}(?: (?:\p{{Lu}}\.|(?:(?:van|von|de|der|den|la|le|da|di|bin|al) ){{0,2}}{_NAME})){{0,3}}"
_NOBODY = (
    r"(?!(?:Sir|Sirs|Madam|Team|All|Customer|Customers|Support|Service|Services|Everyone|Everybody|There|Shop|Store|Amazon|Seller|"
    r"Folks|Guys|People|You|Your|The|This|That|It|I|My|We|Great|Good|Will|Would|Very|Not|No|Please|But|And|For|In|On|So|Best|"
    r"Love|Excellent|Nice|Thanks|Thank|Again|Just|Sadly|Unfortunately|When|What|Where|Why|How|Is|Are|Can|Could|Have|Has)\b)"
)
_TITLE = rf"(\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Monsieur|Madame)\.? ){_NAMES}"
_GREETED = rf"(\b(?:Dear|Hi|Hello|Hey|Hallo|Liebe|Lieber|Bonjour) (?:Mr|Mrs|Ms|Miss|Dr)?\.? ?){_NOBODY}{_NAMES}(?=\s*[,!.:\n-]|\s*$)"
_SIGNED = (
    r"((?:^|[\s.,!?;-])(?i:(?:kind|best|warm|many)? ?regards|sincerely|yours(?: truly| faithfully| sincerely)?|cheers|"
    r"(?:many )?thanks(?: again| in advance)?|thank you|all the best|best wishes|greetings|love from|signed)[,.!:]?\s*+(?:[,-]\s*+)?)"
    rf"{_NOBODY}{_NAMES}(?=\s*(?:$|\n|\[|\())"
)
_INTRODUCED = rf"(\b(?:(?i:my name is|my name's|this is|name:|i am called|ask for|attn:?|c/o)) ){_NOBODY}{_NAMES}"
_I_AM = rf"(\b(?:I am|I'm) ){_NOBODY}{_NAME} {_NAME}"
# Names that are words as well are masked only where they are written with a capital.
_WORDS_TOO = (
    r"(?i)^(?:will|may|rose|grace|mark|frank|june|april|august|hope|joy|bill|grant|rich|art|sue|pat|miles|penny|dawn|iris|ivy|"
    r"ruby|amber|faith|summer|guy|drew|chase|max|ray|jack|rob|nick|don|gene|dale|brown|black|white|green|young|long|short|"
    r"king|price|bell|wood|stone|hill|field|day|rice|cook|baker|fisher|hunter|mason|page|cross|best|good|little|small|case)$"
)

_NEVER = "(?!)"  # matches nothing


def masked(
    text: Column, *, names: Sequence[Column] = (), known: Sequence[Column] = (), country: str | None = None
) -> Column:
    """`text` with personal data replaced by masks; null stays null. Masking twice changes nothing.

    names: columns with names of the person who wrote (given name, surname), masked wherever they stand as words.
    known: columns with other texts of theirs (e-mail, street, handle), masked where they stand as written, in any case.
    country: ISO 3166, the shop's: numbers are masked that are valid there as they are dialled at home, too (in Python); without it
    those with a country's code, those said to be one, and British, German and American forms.
    """
    steps = text
    for value in known:
        steps = _known(steps, value, "[KNOWN]")
    for pattern, mask in ((_URL, "[URL]"), (_EMAIL, "[EMAIL]"), (_HANDLE, "[HANDLE]")):
        steps = F.regexp_replace(steps, pattern, mask)
    steps = _where(steps, _IBAN, _is_iban, "[IBAN]")
    steps = _where(
        steps, _DIGITS, lambda found: F.call_function("luhn_check", F.regexp_replace(found, "[ -]", "")), "[CARD]"
    )
    steps = F.regexp_replace(steps, _SAID_PHONE, "$1[PHONE]")
    if country:
        steps = home_phones(country)(steps)
    steps = F.regexp_replace(steps, f"{_NO_NUMBER}(?:{_PHONE}){_NUMBER_END}", "[PHONE]")
    for pattern in (_STREET, _STRASSE):
        steps = F.regexp_replace(steps, pattern, "[ADDRESS]")
    for pattern in (_UK, _US):
        steps = F.regexp_replace(steps, pattern, "[POSTCODE]")
    for value in names:
        steps = _known(steps, value, "[NAME]")
    for pattern in (_GREETED, _TITLE, _INTRODUCED, _I_AM, _SIGNED):
        steps = F.regexp_replace(steps, pattern, "$1[NAME]")
    return steps


def _where(text: Column, pattern: str, holds: Callable[[Column], Column], mask: str) -> Column:
    """`text` with what matches `pattern` and `holds` replaced."""

    def replaced(one: Column) -> Column:
        found = F.filter(F.regexp_extract_all(one, F.lit(pattern), F.lit(0)), holds)
        return F.aggregate(found, one, lambda done, part: F.replace(done, part, F.lit(mask)))

    return F.transform(F.array(text), replaced)[0]  # named once: else all steps before would be done twice


def _is_iban(found: Column) -> Column:
    """ISO 13616: the first four characters moved to the end and letters read as 10 to 35, the remainder by 97 is 1."""
    plain = F.replace(found, F.lit(" "), F.lit(""))
    turned = F.concat(F.substr(plain, F.lit(5)), F.substr(plain, F.lit(1), F.lit(4)))
    letters = F.filter(F.split(turned, ""), lambda c: c != "")
    value = F.aggregate(
        letters,
        F.lit(0),
        lambda rest, c: (
            F.when(c.between("0", "9"), rest * 10 + F.ascii(c) - 48).otherwise(rest * 100 + F.ascii(c) - 55) % 97
        ),
    )
    return value == 1


def _known(text: Column, value: Column, mask: str) -> Column:
    """`text` with a value of the record replaced, where that has two characters at least and stands as a word."""
    plain = F.trim(F.replace(value, F.lit("\\E"), F.lit("")))
    any_case = F.concat(F.lit(r"(?iu)(?<![\p{L}\p{N}])\Q"), plain, F.lit(r"\E(?![\p{L}\p{N}])"))
    capital = F.concat(
        F.lit(r"(?<![\p{L}\p{N}])(?:\Q"),
        F.initcap(plain),
        F.lit(r"\E|\Q"),
        F.upper(plain),
        F.lit(r"\E)(?![\p{L}\p{N}])"),
    )
    pattern = F.when(F.length(plain) < 2, _NEVER).when(plain.rlike(_WORDS_TOO), capital).otherwise(any_case)
    return F.regexp_replace(text, F.coalesce(pattern, F.lit(_NEVER)), F.lit(mask))
