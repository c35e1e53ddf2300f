"""The division of people's ratings: stable, in its shares, and no group in two parts."""

from __future__ import annotations

from collections import Counter

import pytest

from envs.dialogue import Role, Utterance
from envs.errors import ConfigError
from envs.ratings.parts import SHARES, fold_of, groups_of, part_of, unseen
from envs.ratings.record import text_group

GROUPS = [f"dialogue {number}" for number in range(5000)]


def test_the_division_is_stable() -> None:
    """A card names the seed alone, so the parts of a seed may never change."""
    assert [part_of(group, "ccpe", 0) for group in ("1", "2", "3", "4", "5", "6")] == [
        *("critic", "reporting", "reporting", "critic", "critic", "critic"),
    ]


def test_the_parts_have_their_shares_and_no_group_in_common() -> None:
    counts = Counter(part_of(group, "ccpe", 3) for group in GROUPS)
    for part, share in SHARES.items():
        assert counts[part] / len(GROUPS) == pytest.approx(share, abs=0.03)
    parts = [groups_of(part, GROUPS, "ccpe", 3) for part in SHARES]
    assert sum(map(len, parts)) == len(GROUPS) == len(frozenset.union(*parts))


def test_another_seed_and_another_origin_divide_otherwise() -> None:
    first = [part_of(group, "ccpe", 0) for group in GROUPS]
    assert first != [part_of(group, "ccpe", 1) for group in GROUPS]
    assert first != [part_of(group, "own", 0) for group in GROUPS]


def test_sets_of_the_same_dialogues_are_divided_alike() -> None:
    for group in GROUPS[:200]:
        assert len({part_of(group, name, 5) for name in ("ab-redial", "ab-redial-dialogues", "crs-que")}) == 1


def test_equal_posts_fall_into_one_part_whatever_their_set() -> None:
    for number in range(100):
        group = text_group([Utterance(Role.SEEKER, f"Post {number}")])
        assert part_of(group, "epitome", 5) == part_of(group, "own", 5)


def test_folds_hold_each_group_once_and_are_even() -> None:
    counts = Counter(fold_of(group, "ccpe", 0, 5) for group in GROUPS)
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert min(counts.values()) > 0.17 * len(GROUPS)
    with pytest.raises(ConfigError, match="2 or more"):
        fold_of("1", "ccpe", 0, 1)


def test_the_dialogue_that_two_sets_name_otherwise_falls_into_one_part() -> None:
    for seed in range(50):
        assert part_of("KU", "ab-redial", seed) == part_of("2737", "crs-que", seed)


def test_what_was_learnt_from_is_not_judged_on() -> None:
    for group in GROUPS[:200]:
        reports = part_of(group, "ab-redial", 2) == "reporting"
        assert unseen(group, "ab-redial", ["ab-redial"], 2) is reports
        assert unseen(group, "ab-redial-dialogues", ["ab-redial"], 2) is reports
        assert unseen(group, "crs-que", ["ab-redial"], 2)
        assert unseen(group, "ccpe", [], 2)
    learnt = [seed for seed in range(20) if part_of("2737", "crs-que", seed) != "reporting"]
    assert learnt and not any(unseen("2737", "crs-que", ["ab-redial"], seed) for seed in learnt)
