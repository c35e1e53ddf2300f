"""Marks of settings: how they are written, and what is computed from them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from envs.marks import NOTHING, Settings, TakesPath, decided, decided_up_to, mark_at, marks_of, path_values, setting


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
