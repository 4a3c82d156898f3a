"""What cross-validation chooses on a few texts. Plain numpy."""

import numpy as np
import pytest

from onecart.voice.sentiment.few_texts import Choice, _regression, choose


def shop(n: int, *, noise: int, seed: int = 3) -> tuple[list[list[str]], np.ndarray]:
    """Texts of one telling word and `noise` words that no other text has."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    telling = [("bad", "good")[label if draw.random() < 0.9 else 1 - label] for label in labels]
    return [[word, *(f"w{i}-{j}" for j in range(noise))] for i, word in enumerate(telling)], labels


def test_the_usual_setting_stays_where_nothing_is_better() -> None:
    texts, labels = shop(60, noise=2)
    assert choose(texts, labels, np.ones(60), count=2, seed=7) == Choice(10.0, 1, ())


def test_words_of_one_text_are_left_out_or_the_line_moves_where_they_drown_the_rest() -> None:
    """What a text has for itself pulls it to neither side; what is left is the intercept, one answer for all."""
    draw, labels = np.random.default_rng(3), np.array([0] * 40 + [1] * 100)
    telling = [("bad", "good")[label if draw.random() < 0.85 else 1 - label] for label in labels]

    def chosen(*own_words: int) -> Choice:
        texts = [
            [w, *(f"w{i}-{j}" for j in range(own_words[label]))]
            for i, (w, label) in enumerate(zip(telling, labels, strict=True))
        ]
        found = choose(texts, labels, np.ones(140), count=2, seed=7)
        assert found == choose(texts, labels, np.ones(140), count=2, seed=7)
        return found

    assert chosen(60, 5).at_least == 2
    low, high = chosen(5, 60).thresholds
    assert low < 0.8 < 1.2 < high


def test_a_strength_that_was_asked_for_stays_and_few_texts_choose_nothing() -> None:
    texts, labels = shop(60, noise=5)
    assert choose(texts, labels, np.ones(60), count=2, seed=7, c=0.5).c == 0.5
    assert choose(texts[:8], labels[:8], np.ones(8), count=2, seed=7) == Choice(10.0)


@pytest.mark.parametrize("count", [2, 3])
def test_the_regression_is_that_of_a_known_library(count: int) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    draw = np.random.default_rng(1)
    x, labels, weights = draw.normal(size=(90, 4)), np.arange(90) % count, draw.integers(1, 3, 90).astype(float)
    x[:, 0] += labels
    ours = _regression(x, labels, weights, c=0.1, count=count)(x)
    theirs = linear.LogisticRegression(C=0.1 * weights.sum() / weights.sum(), tol=1e-8)
    theirs.fit(x, labels, sample_weight=weights / 1.0)
    ours = np.exp(ours - np.logaddexp.reduce(ours, axis=1, keepdims=True))
    assert ours == pytest.approx(theirs.predict_proba(x), abs=2e-3)
