import numpy as np
import pytest

from onecart.identity.em import Estimates, Usual, estimate

SIZE = 4  # missing, different, close, exact
USUAL = Usual(np.array([0, 0.05, 0.05, 0.90]), np.array([0, 0.98, 0.01, 0.01]), shared=False)
M = np.array([[0.02, 0.08, 0.90], [0.10, 0.10, 0.80], [0.05, 0.15, 0.80]])  # of levels 1 to 3, a row a comparison
U = np.array([[0.90, 0.06, 0.04], [0.80, 0.10, 0.10], [0.97, 0.02, 0.01]])


def drawn(rng, chances, pairs, missing=0.1):
    """Levels of `pairs` pairs, a column for each row of `chances`."""
    levels = np.stack([1 + rng.choice(3, pairs, p=p) for p in chances], axis=1)
    return np.where(rng.random(levels.shape) < missing, 0, levels)


def counted(levels, rule):
    """Patterns with their counts, as `estimate` takes them."""
    rows, count = np.unique(np.column_stack([rule, levels]), axis=0, return_counts=True)
    return rows[:, 1:], rows[:, 0], count.astype(float)


def posterior(found, rule, levels):
    odds = found.match_share[rule] / (1 - found.match_share[rule])
    for f, level in enumerate(levels):
        odds *= found.m[f][rule, level] / found.u[f][rule, level]
    return odds / (1 + odds)


def test_finds_the_rates_that_patterns_were_drawn_with():
    rng = np.random.default_rng(3)
    matches, strangers = 20_000, 60_000
    levels = np.concatenate([drawn(rng, M, matches), drawn(rng, U, strangers)])
    levels, rule, count = counted(levels, np.zeros(len(levels), int))

    found = estimate(levels, rule, count, count, np.array([0.05]), np.zeros((1, 3), bool), [USUAL] * 3)

    assert found.match_share == pytest.approx([0.25], abs=0.01)
    for f in range(3):
        assert found.m[f][0, 1:] == pytest.approx(M[f], abs=0.02)
        assert found.u[f][0, 1:] == pytest.approx(U[f], abs=0.02)
        assert found.m[f][0, 0] == found.u[f][0, 0] == 1


def test_rules_have_shares_of_their_own():
    rng = np.random.default_rng(4)
    sizes = [(9_000, 1_000), (500, 9_500)]
    levels = np.concatenate([drawn(rng, c, n) for r in sizes for c, n in zip((M, U), r, strict=True)])
    levels, rule, count = counted(levels, np.repeat([0, 1], 10_000))

    found = estimate(levels, rule, count, count, np.array([0.5, 0.1]), np.zeros((2, 3), bool), [USUAL] * 3)

    assert found.match_share == pytest.approx([0.90, 0.05], abs=0.03)


def test_families_at_one_address_are_not_taken_for_one_person():
    """Rule 0 brings together who lives at one address, rule 1 who was born on one day; columns: given name, surname,
    birth date, address."""
    rng = np.random.default_rng(5)
    same, other = [0.03, 0.07, 0.90], [0.97, 0.02, 0.01]
    exact = [0.0, 0.0, 1.0]
    family = [other, [0.05, 0.05, 0.90], other, exact]
    groups = [
        (0, [same, same, same, exact], 2_000),
        (0, family, 6_000),
        (1, [same, same, exact, same], 2_000),
        (1, [other, other, exact, other], 8_000),
    ]
    levels = np.concatenate([drawn(rng, chances, n, missing=0.05) for _, chances, n in groups])
    levels, rule, count = counted(levels, np.concatenate([[r] * n for r, _, n in groups]))
    own = np.array([[False, False, False, True], [False, False, True, False]])
    home = Usual(USUAL.m, USUAL.u, shared=True)

    found = estimate(levels, rule, count, count, np.array([0.2, 0.2]), own, [USUAL, home, USUAL, home])

    assert found.match_share == pytest.approx([0.25, 0.2], abs=0.03)
    assert posterior(found, 0, [1, 3, 1, 3]) < 0.01  # one surname, one address: brother and sister
    assert posterior(found, 0, [3, 3, 3, 3]) > 0.99
    assert posterior(found, 1, [3, 3, 3, 1]) > 0.95  # moved house
    assert np.log2(found.m[1][0, 3] / found.u[1][0, 3]) < 1  # at one address, one surname says next to nothing
    assert np.log2(found.m[1][1, 3] / found.u[1][1, 3]) > 4


def test_namesakes_are_not_taken_for_one_person():
    """Rule 0 brings together names that sound alike: matches at one address, and namesakes elsewhere. Rule 1 brings
    together the same matches and any strangers. Columns: name, address."""
    exact, elsewhere, moved = [0.0, 0.02, 0.98], [1.0, 0.0, 0.0], [0.02, 0.01, 0.97]
    rng = np.random.default_rng(6)
    matches = drawn(rng, [exact, moved], 300, missing=0)
    namesakes, strangers = drawn(rng, [exact, elsewhere], 70, 0), drawn(rng, [[0.98, 0.01, 0.01], elsewhere], 3_000, 0)
    levels = np.concatenate([matches, namesakes, matches, strangers])
    levels, rule, count = counted(levels, np.repeat([0, 1], [370, 3_300]))
    own = np.array([[True, False], [False, False]])

    def found(by_sound):
        usual = [Usual(USUAL.m, USUAL.u, shared=True, by_sound=by_sound), Usual(USUAL.m, USUAL.u, shared=True)]
        return estimate(levels, rule, count, count, np.array([0.03, 0.1]), own, usual)

    assert abs(np.log2(found(True).m[0][0, 3] / found(True).u[0][0, 3])) < 0.2  # the key forced it
    assert posterior(found(True), 0, [3, 1]) < 0.5 < posterior(found(False), 0, [3, 1])
    assert posterior(found(True), 0, [3, 3]) > 0.99


def test_without_pairs_the_usual_rates_hold():
    nothing = np.zeros(0)

    found = estimate(
        np.zeros((0, 1), np.int8), nothing.astype(int), nothing, nothing, np.array([0.3]), np.array([[False]]), [USUAL]
    )

    assert found.match_share == pytest.approx([0.3])
    assert found.m[0][0, 1:] == pytest.approx(USUAL.m[1:])
    assert found.u[0][0, 1:] == pytest.approx(USUAL.u[1:])


def test_without_comparisons_only_the_shares_are_left():
    found = estimate(
        np.zeros((1, 0), np.int8), np.array([0]), np.array([5.0]), np.array([5.0]), np.array([0.9]), np.zeros((1, 0), bool), []
    )  # fmt: skip

    assert isinstance(found, Estimates)
    assert found.m == found.u == []
    assert 0.5 < found.match_share[0] < 1
