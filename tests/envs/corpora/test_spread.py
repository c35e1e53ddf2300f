"""A choice of some of many is spread evenly, whatever the numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from envs.corpora.spread import evenly_spread


def test_by_hand() -> None:
    assert evenly_spread(10, 3) == [0, 3, 6]
    assert evenly_spread(3, 10) == [0, 1, 2]
    assert evenly_spread(5, 0) == evenly_spread(0, 5) == []


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_gaps_differ_by_one_at_most(available: int, count: int) -> None:
    chosen = evenly_spread(available, count)
    assert len(chosen) == min(available, count)
    gaps = {following - one for one, following in pairwise([*chosen, available])} if chosen else {1}
    assert min(gaps) >= 1 and max(gaps) - min(gaps) <= 1


def test_a_choice_of_a_choice_is_spread_too() -> None:
    played = evenly_spread(1342, 300)
    again = [played[index] for index in evenly_spread(len(played), 100)]
    gaps = {following - one for one, following in pairwise(again)}
    assert gaps <= {13, 14}
