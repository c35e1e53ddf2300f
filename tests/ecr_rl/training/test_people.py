"""Of which of people's ratings labels and critic may learn."""

from __future__ import annotations

import pytest

from ecr_rl.settings import PeopleSettings
from ecr_rl.training.people import sets_learnt_from
from envs.errors import ConfigError
from envs.ratings.record import RatingSet

READ = [RatingSet("ab-redial", (), ()), RatingSet("crs-que", (), ())]


def test_a_set_that_is_left_out_teaches_nothing() -> None:
    assert sets_learnt_from(READ, PeopleSettings()) == READ
    assert sets_learnt_from(READ, PeopleSettings(without=("crs-que",))) == READ[:1]


def test_a_set_that_was_not_read_cannot_be_left_out() -> None:
    with pytest.raises(ConfigError, match=r"no ratings of crsque were read; there are ab-redial, crs-que\. Name one"):
        sets_learnt_from(READ, PeopleSettings(without=("crsque",)))
    with pytest.raises(ConfigError, match=r"there are none\. Name people\.ratings"):
        sets_learnt_from([], PeopleSettings(without=("crs-que",)))
