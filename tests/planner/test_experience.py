"""What the search of long runs expects of intervals that are not priced."""

from __future__ import annotations

import numpy as np

from lgsim.planner.experience import PARTS, UNKNOWN, Experience

LEAST = np.full((5, 5), 900, dtype=np.int64)
EXPECTED = np.full((5, 5), 1000, dtype=np.int64)


def test_with_no_share_of_the_excess_nothing_is_known() -> None:
    """The last search of a run hopes for what is expected of intervals that wait for nothing."""
    experience = Experience([1] * 4)
    experience.learn(0, 4, 1000, 2000)
    assert (experience.estimates(LEAST, EXPECTED, 0) == EXPECTED).all()


def test_the_most_similar_interval_is_the_teacher() -> None:
    """[0, 3) takes 20 % more than expected, [3, 4) no more."""
    experience = Experience([1] * 4)
    experience.learn(0, 3, 1000, 1200)
    experience.learn(3, 4, 1000, 1000)
    found = experience.estimates(LEAST, EXPECTED, PARTS)
    assert found[3, 0] == found[2, 0] == found[4, 0] == 1000 + 1000 * 204 // PARTS
    assert found[4, 3] == 1000
    fresh = Experience([1] * 4).estimates(LEAST, EXPECTED, PARTS)
    assert (fresh == 1000 + 1000 * UNKNOWN // PARTS).all()


def test_heavy_ops_count_more() -> None:
    """An interval is like the one with which it shares the op that takes long."""
    experience = Experience([1, 1, 100, 1])
    experience.learn(0, 2, 1000, 3000)
    experience.learn(2, 4, 1000, 1000)
    assert experience.estimates(LEAST, EXPECTED, PARTS)[3, 0] == 1000


def test_doubt_goes_to_what_is_different() -> None:
    """With less of the excess, unlike intervals become cheaper than those like a known one."""
    experience = Experience([1] * 4)
    experience.learn(0, 4, 1000, 2000)
    found = experience.estimates(LEAST, EXPECTED, PARTS // 4)
    assert found[4, 0] == 2000
    assert found[4, 1] == found[3, 0] == 1750
    assert found[1, 0] == found[4, 3] == 1250


def test_what_takes_less_than_expected_takes_no_less_than_its_bound() -> None:
    """10 % below the bound is not hoped for."""
    experience = Experience([1] * 4)
    experience.learn(0, 4, 1000, 800)
    assert (experience.estimates(LEAST, EXPECTED, PARTS)[4, 0]) == 900


def test_a_search_that_was_given_up_raises_expectations_only() -> None:
    """No fewer than 1,100 cycles says nothing of an interval that is thought to take 1,200."""
    experience = Experience([1] * 4)
    experience.learn(0, 4, 1000, 1200)
    experience.learn(0, 3, 1000, 1100, sure=False)
    assert experience.estimates(LEAST, EXPECTED, PARTS)[3, 0] == 1000 + 1000 * 204 // PARTS
    experience.learn(0, 2, 1000, 1500, sure=False)
    assert experience.estimates(LEAST, EXPECTED, PARTS)[2, 0] == 1500
