"""Marks of settings: how they are written, and what is computed from them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from envs.marks import (
    NOTHING,
    SEEDS,
    Settings,
    TakesPath,
    decided,
    decided_up_to,
    further_seed,
    mark_at,
    marks_of,
    path_values,
    seed_setting,
    setting,
    type_at,
)


class Asked(Settings):
    """A section that more than one section may hold."""

    endpoint: str | None = setting(None, rebuilds=None)


class Speaker(Asked):
    """A section whose own fields say what they rebuild."""

    folder: str = setting("words", rebuilds={"critic"}, path=TakesPath(frozenset({"words"})), description="where")
    rank: int = setting(4, rebuilds={"responder"}, gt=0)


class Whole(Settings):
    """Settings with sections."""

    place: str = setting("here", rebuilds=NOTHING, resume={"run", "sweep"})
    weights: dict[str, float] = setting(rebuilds={"ppo"}, default_factory=lambda: {"empathy": 0.5})
    seeker: Asked = setting(Asked(), rebuilds={"ppo"})
    speaker: Speaker | None = setting(None, rebuilds={"responder"})


class Several(Settings):
    """Settings with a list of sections."""

    speakers: tuple[Speaker, ...] = setting((), rebuilds={"responder"})


class Speakers(Settings):
    """A section that must say what its fields rebuild."""

    one: Asked = Asked()


class Unmarked(Settings):
    """A field without mark."""

    count: int = 3


def test_a_marked_field_is_a_field_as_any_other() -> None:
    assert (Speaker().rank, Speaker.model_fields["folder"].description) == (4, "where")
    with pytest.raises(ValidationError, match="greater than 0"):
        Speaker(rank=0)


def test_a_field_that_leaves_it_to_its_section_has_the_sections_mark() -> None:
    assert marks_of(Whole)["seeker.endpoint"].rebuilds == {"ppo"}
    assert marks_of(Whole)["speaker.endpoint"].rebuilds == {"responder"}
    assert marks_of(Whole)["speaker.folder"].rebuilds == {"critic"}
    assert "seeker" not in marks_of(Whole) and marks_of(Whole)["speaker"].rebuilds == {"responder"}


def test_a_field_without_mark_is_named() -> None:
    with pytest.raises(TypeError, match=r"Unmarked\.count does not say what it rebuilds"):
        marks_of(Unmarked)
    with pytest.raises(TypeError, match=r"Asked\.endpoint rebuilds what its section says, and one\. has none"):
        marks_of(Speakers)


def test_settings_are_chosen_by_what_they_decide() -> None:
    with_speaker = Whole(speaker=Speaker(rank=2))
    assert decided(Whole(), {"responder"}) == {"speaker": None}
    assert decided(with_speaker, {"critic"}) == {"speaker.folder": "words"}
    assert decided(with_speaker, {"responder"})["speaker.rank"] == 2
    assert "weights" not in decided_up_to(with_speaker, "critic")
    assert decided_up_to(with_speaker, "ppo").keys() >= {"weights", "seeker.endpoint", "speaker.rank", "speaker.folder"}
    assert "place" not in decided_up_to(with_speaker, "sweep")


def test_a_key_into_a_mapping_stands_under_its_field() -> None:
    mark = mark_at(Whole, "weights.empathy")
    assert mark is not None and mark.rebuilds == {"ppo"}
    assert mark_at(Whole, "place") == marks_of(Whole)["place"]
    assert mark_at(Whole, "unknown.key") is None


def test_paths_are_found_where_they_have_a_value() -> None:
    values = Whole(speaker=Speaker(folder="mine")).model_dump()
    assert list(path_values(Whole, values)) == [("speaker.folder", TakesPath(frozenset({"words"})), "mine")]
    assert list(path_values(Whole, Whole().model_dump())) == []


def test_a_lists_entries_are_one_setting_whose_paths_are_found() -> None:
    values = Several(speakers=(Speaker(), Speaker(folder="mine"))).model_dump()
    words = TakesPath(frozenset({"words"}))
    assert list(marks_of(Several)) == ["speakers"]
    assert list(path_values(Several, values)) == [
        ("speakers.0.folder", words, "words"),
        ("speakers.1.folder", words, "mine"),
    ]
    assert type_at(Several, ("speakers", "1", "rank")) is int


class Numbers(Settings):
    """Numbers as settings have them."""

    rate: float = setting(1.0, rebuilds=NOTHING)
    count: int = setting(1, rebuilds=NOTHING)
    limit: float | None = setting(None, rebuilds=NOTHING)
    spread: tuple[float, float] = setting((0.0, 1.0), rebuilds=NOTHING)
    weights: dict[str, float] = setting(rebuilds=NOTHING, default_factory=dict)
    switch: bool = setting(True, rebuilds=NOTHING)
    seed: int = seed_setting(rebuilds=NOTHING)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "nan", "inf"])
def test_a_number_that_is_not_finite_is_refused(value: Any) -> None:
    for name, given in (
        ("rate", value),
        ("count", value),
        ("limit", value),
        ("spread", (0.0, value)),
        ("weights", {"empathy": value}),
    ):
        with pytest.raises(ValidationError, match=r"finite number|valid integer"):
            Numbers.model_validate({name: given})


def test_true_is_no_number_and_a_number_is_not_true() -> None:
    for values in ({"rate": True}, {"count": True}, {"limit": False}, {"spread": [0, True]}, {"weights": {"a": True}}):
        with pytest.raises(ValidationError, match=r"should be a number, not (true|false)"):
            Numbers.model_validate(values)
    for value in (1, 0, 1.0):
        with pytest.raises(ValidationError, match="should be true or false, not"):
            Numbers.model_validate({"switch": value})
    assert Numbers.model_validate({"rate": 2, "count": 3.0, "switch": "off"}).switch is False


@pytest.mark.parametrize("seed", [-1, SEEDS, 10**20, 0.5, True])
def test_a_seed_has_32_bits(seed: Any) -> None:
    with pytest.raises(ValidationError):
        Numbers.model_validate({"seed": seed})
    assert Numbers(seed=SEEDS - 1).seed == SEEDS - 1


def test_a_further_seed_is_a_seed() -> None:
    assert further_seed(3, 2) == 5
    assert further_seed(SEEDS - 1, 1) == 0


def test_the_type_of_a_setting() -> None:
    assert type_at(Whole, ("place",)) is str
    assert type_at(Whole, ("weights", "empathy")) is float
    assert type_at(Whole, ("speaker", "rank")) is int
    assert type_at(Whole, ("speaker", "rnk")) is Any
    assert type_at(Whole, ("gone", "rank")) is Any
