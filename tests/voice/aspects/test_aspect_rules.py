"""How a text is read, without Spark: 60 sentences written before the reader was, and one rule at a time."""

import csv
import time
from pathlib import Path

import pytest

from onecart.voice.aspects import aspect_lexicon, opinion_lexicon
from onecart.voice.aspects.aspect_rules import Reader
from onecart.voice.text.clauses import base, clauses, words_of

SENTENCES = Path(__file__).parent / "data" / "aspects.tsv"
READER = Reader()


def said(text: str) -> dict[str, str]:
    return {m.aspect: m.polarity for m in READER.read(text)}


def test_aspect_and_polarity_of_the_sixty_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    hits = found_only = true_only = 0
    lines = []
    with SENTENCES.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    for row in rows:
        true = {tuple(pair.strip().rsplit(" ", 1)) for pair in row["aspects"].split(",") if pair.strip()}
        found = {(m.aspect, m.polarity) for m in READER.read(row["text"])}
        hits, found_only, true_only = (
            hits + len(true & found),
            found_only + len(found - true),
            true_only + len(true - found),
        )
        if true != found:
            lines.append(f"{row['text']}  missed {sorted(true - found)}  wrong {sorted(found - true)}")
    f1 = 2 * hits / (2 * hits + found_only + true_only)
    with capsys.disabled():
        print(f"\naspect and polarity of {len(rows)} sentences: F1 {f1:.3f}", *lines, sep="\n  ")
    assert len(rows) == 60
    assert f1 >= 0.75


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The sound is good.", {"sound": "positive"}),
        ("The sound is not good.", {"sound": "negative"}),
        ("The sound isn’t really very good.", {"sound": "negative"}),
        ("The sound is not bad.", {"sound": "positive"}),
        ("not only is the sound good", {"sound": "positive"}),
        ("I never had a problem with the sound.", {"sound": "positive"}),
        ("good sound but bad screen", {"sound": "positive", "screen": "negative"}),
        ("bad screen, good sound", {"sound": "positive", "screen": "negative"}),
        ("The screen and the sound are good.", {"sound": "positive", "screen": "positive"}),
        ("I like the screen, but the sound", {"screen": "positive", "sound": "neutral"}),  # contrast lends nothing
        ("The sound could be better.", {"sound": "negative"}),
        ("The sound could not be better.", {"sound": "positive"}),
        ("The sound is better than the screen.", {"sound": "positive", "screen": "negative"}),
        ("The handle is too thick.", {"quality": "negative", "size": "negative"}),
        ("The speakers are loud enough.", {"sound": "positive"}),
        ("The speakers are not loud enough.", {"sound": "negative"}),
        ("The price is high.", {"price": "negative"}),
        ("The quality is high.", {"quality": "positive"}),
        ("The delivery took long.", {"delivery": "negative"}),
        ("The battery lasts long.", {"battery": "positive"}),
        ("Is the battery good?", {"battery": "neutral"}),
        ("The battery stopped working.", {"battery": "negative"}),  # of the battery, not of quality at large
        ("It stopped working.", {"quality": "negative"}),
        ("An expensive camera with a great lens.", {"price": "negative", "picture": "positive"}),
        ("expensive delivery", {"delivery": "negative"}),
        ("Nothing is said here.", {}),
        ("", {}),
        ("!!! ... ???", {}),
    ],
)
def test_one_rule_at_a_time(text: str, expected: dict[str, str]) -> None:
    assert said(text) == expected


def test_evidence_is_the_clause_and_with_a_borrowed_opinion_both() -> None:
    text = "😀 The screen is fine, but I’d say the sound and the bass are awful."
    spans = {m.aspect: text[m.start : m.end] for m in READER.read(text)}
    assert spans["screen"] == "The screen is fine"
    assert spans["sound"] in ("but I’d say the sound and the bass are awful", "the bass are awful")
    two = "The sound and the screen are awful."
    assert {m.aspect: two[m.start : m.end] for m in READER.read(two)} == {
        "sound": "The sound and the screen are awful",
        "screen": "the screen are awful",
    }


def test_further_terms_name_further_aspects_and_do_not_take_known_ones_away() -> None:
    reader = Reader({"jog dial": "dial", "sound": "noise"})
    assert [(m.aspect, m.term, m.polarity) for m in reader.read("The jog dials are great, the sound is awful")] == [
        ("dial", "jog dials", "positive"),
        ("sound", "sound", "negative"),
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("batteries", "battery"), ("boxes", "box"), ("mugs", "mug"), ("glass", "glass"), ("bus", "bus"), ("gas", "gas")],
)
def test_plurals(word: str, expected: str) -> None:
    assert base(word) == expected


def test_words_keep_their_places_and_negations_are_two_words() -> None:
    (clause,) = clauses("It can't, DON'T cannot")[:1]
    assert [w.word for c in clauses("It can't work; cannot, didnt") for w in c.words] == [
        "it", "can", "not", "work", "can", "not", "did", "not",
    ]  # fmt: skip
    assert (clause.words[1].start, clause.words[2].end) == (3, 8)
    assert words_of("user-friendly") == ("user", "friendly")


def test_the_lists_fit_each_other() -> None:
    aspects = {*aspect_lexicon.NAMES.values(), *(aspect for aspect, _ in aspect_lexicon.TELLING.values())}
    assert aspects == set(aspect_lexicon.ASPECTS) == set(aspect_lexicon.OWNERS)
    assert not set(aspect_lexicon.NAMES) & set(aspect_lexicon.TELLING)
    assert all(0 < abs(weight) <= 4 for weight in opinion_lexicon.weights().values())
    assert {aspect for aspect, _ in opinion_lexicon.of_aspect()} <= aspects


@pytest.mark.parametrize("unit", ["good sound ", "battery good better than ", "good, ", "neither ", "not ", "sound? "])
def test_a_text_of_100000_letters_is_read_in_seconds(unit: str) -> None:
    clock = time.thread_time()
    Reader().read((unit * 100_000)[:100_000])
    assert time.thread_time() - clock < 5


def test_a_clause_of_a_hundred_words_ends() -> None:
    assert [len(c.words) for c in clauses("word " * 250)] == [100, 100, 50]
