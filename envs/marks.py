"""What a setting is beside its value: what a change of it rebuilds, whether ``--resume`` may change it, whether a path.

Each field of a settings class says so itself, by ``setting``. Keys of trained parts, checks of ``--resume`` and the
paths of a submitted job are computed from these marks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

Stage = Literal[
    "corpus",
    "instruments",
    "recommender",
    "responder",
    "policy_replies",
    "labels",
    "people",
    "critic",
    "reporting_evaluator",
    "selecting_evaluator",
    "people_selecting",
    "people_reporting",
    "reference",
    "ppo",
    "evaluation",
    "report",
    "sweep",
]
"""What settings decide, in an order in which each stage rests on earlier ones alone.

``people``, ``people_selecting`` and ``people_reporting`` are what is learnt from the parts of people's ratings.
``reference`` is the heads' means and deviations under the supervised policy, which a sweep takes once for all trials.
"""
Folder = Literal["run", "sweep"]
"""What can be gone on with."""


@dataclass(frozen=True, slots=True)
class TakesPath:
    """A setting that takes a path.

    Attributes:
        words: what it takes instead of one.
        hub: it takes a hub id, too: ``owner/name`` is a path only where it exists.
        made: the path is made where it is missing.
        key_after: what stands between the path and a key inside the file; empty where there is none.
    """

    words: frozenset[str] = frozenset()
    hub: bool = False
    made: bool = False
    key_after: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a field of a settings class is.

    Attributes:
        rebuilds: what is built anew when it changes; what rests on that follows. None: what its section's mark says.
        resume: what may be gone on with under another value.
        path: how it takes a path; None where it takes none.
        idle: other settings, by ``section.key``, and their values under which it changes nothing. A section's holds
            for all in it.
        same_result: it says how something is done, not what, though a change of it rebuilds what its section does.
    """

    rebuilds: frozenset[Stage] | None
    resume: frozenset[Folder] = frozenset()
    path: TakesPath | None = None
    idle: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    same_result: bool = False


NOTHING: frozenset[Stage] = frozenset()


SEEDS = 2**32
"""Seeds are below this number: NumPy's and scikit-learn's global generators take 32 bits."""
LARGEST = 2**20
"""The largest width, vocabulary, length or batch: what is larger is a slip, and fits no machine."""
MOST_LAYERS = 1000
"""The most layers of a network, and networks of an ensemble."""
LEAST_TEMPERATURE = 0.01
"""Logits over a far smaller number are infinite, and a softmax of them draws nothing that the model means."""


class Settings(BaseModel):
    """Base of every settings section: frozen; unknown keys and numbers that are not finite are refused.

    True and false are no numbers, and numbers are neither true nor false.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _tells_truth_from_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        types = set(_leaf_types(cls.model_fields[info.field_name or ""].annotation))
        takes_truth, takes_numbers = bool in types, bool(types & {int, float})
        for scalar in _scalars(value):
            if isinstance(scalar, bool) and takes_numbers and not takes_truth:
                raise ValueError(f"Input should be a number, not {str(scalar).lower()}")
            if isinstance(scalar, int | float) and not isinstance(scalar, bool) and takes_truth and not takes_numbers:
                raise ValueError(f"Input should be true or false, not {scalar}")
        return value


def setting(
    default: Any = ...,
    *,
    rebuilds: Collection[Stage] | None,
    resume: Collection[Folder] = (),
    path: TakesPath | None = None,
    idle: Mapping[str, Sequence[Any]] | None = None,
    same_result: bool = False,
    **field: Any,
) -> Any:
    """A field of a settings class with its mark.

    Args:
        default: its value where nothing is said; without one it must be given.
        rebuilds: see ``Mark``; ``NOTHING`` for a setting of where and how, not of what.
        resume: see ``Mark``.
        path: see ``Mark``.
        idle: see ``Mark``.
        same_result: see ``Mark``.
        field: what pydantic's ``Field`` takes: bounds, a description, a factory in place of the default.
    """
    info: FieldInfo = Field(**field) if "default_factory" in field else Field(default, **field)
    others = tuple((key, tuple(values)) for key, values in (idle or {}).items())
    stages = None if rebuilds is None else frozenset(rebuilds)
    info.metadata.append(Mark(stages, frozenset(resume), path, others, same_result))
    return info


def seed_setting(*, rebuilds: Collection[Stage], description: str | None = None) -> Any:
    """A field of a settings class that is a seed: an integer from 0 to 2**32 - 1."""
    return setting(0, rebuilds=rebuilds, ge=0, lt=SEEDS, description=description)


def size_setting(
    default: int, *, rebuilds: Collection[Stage] | None, above: int = 0, most: int = LARGEST, **field: Any
) -> Any:
    """A field of a settings class that is a size: an integer above one number and up to another; see ``setting``."""
    return setting(default, rebuilds=rebuilds, gt=above, le=most, **field)


def further_seed(seed: int, step: int) -> int:
    """The seed that is ``step`` behind another one; after the last one comes 0."""
    return (seed + step) % SEEDS


def mark_of(field: FieldInfo) -> Mark | None:
    """A field's own mark; None where it has none."""
    return next((mark for mark in field.metadata if isinstance(mark, Mark)), None)


def section_of(field: FieldInfo) -> type[Settings] | None:
    """The settings class of a field that is a section, an optional one or a mapping of sections; else None."""
    return _section_in(field.annotation)


def listed_section(annotation: Any) -> type[Settings] | None:
    """The settings class of a list's entries, ``tuple[Section, ...]``; None for any other type."""
    entries = get_args(annotation)[:1] if get_origin(annotation) in (tuple, list) else ()
    return next(filter(_is_section, entries), None)


def _section_in(annotation: Any) -> type[Settings] | None:
    if listed_section(annotation) is not None:
        return None
    return next((option for option in (annotation, *get_args(annotation)) if _is_section(option)), None)


def _is_section(kind: Any) -> TypeGuard[type[Settings]]:
    return isinstance(kind, type) and issubclass(kind, Settings)


@cache
def marks_of(kind: type[Settings]) -> Mapping[str, Mark]:
    """The marks of a whole settings class by ``section.key``; an optional section has one as well, for its absence.

    Raises:
        TypeError: a field has no mark, or one that leaves it to a section without mark what it rebuilds.
    """
    return dict(_marks(kind, "", Mark(None)))


def _marks(kind: type[Settings], above: str, outer: Mark) -> Iterator[tuple[str, Mark]]:
    for name, field in kind.model_fields.items():
        mark, section, key = mark_of(field), section_of(field), f"{above}{name}"
        if section is not field.annotation:
            if mark is None:
                raise TypeError(f"{kind.__name__}.{name} does not say what it rebuilds: write it with setting()")
            if mark.rebuilds is None and outer.rebuilds is None:
                raise TypeError(f"{kind.__name__}.{name} rebuilds what its section says, and {above or 'it'} has none")
            rebuilds = outer.rebuilds if mark.rebuilds is None else mark.rebuilds
            yield key, replace(mark, rebuilds=rebuilds, idle=outer.idle + mark.idle)
        if section is not None:
            yield from _marks(section, f"{key}.", outer if mark is None else replace(mark, idle=outer.idle + mark.idle))


def mark_at(kind: type[Settings], key: str) -> Mark | None:
    """The mark that a ``section.key`` stands under, which may lead into a mapping; None where there is none."""
    marks = marks_of(kind)
    while key and key not in marks:
        key = key.rpartition(".")[0]
    return marks.get(key)


def type_at(kind: type[Settings], path: Sequence[str]) -> Any:
    """The annotated type of the setting at a path; ``Any`` where there is none.

    Args:
        kind: of the settings.
        path: the parts of a ``section.key``, which may lead to an entry of a mapping or, by its index, of a list.
    """
    wanted: Any = kind
    for part in path:
        if get_origin(wanted) is dict:
            wanted = get_args(wanted)[1]
            continue
        if part.isdigit() and (entry := listed_section(wanted)):
            wanted = entry
            continue
        section = _section_in(wanted)
        field = None if section is None else section.model_fields.get(part)
        wanted = Any if field is None else field.annotation
    return wanted


def value_at(settings: Settings, key: str) -> Any:
    """The value of a ``section.key``, as a JSON value; None where there is none."""
    return next(_at(settings.model_dump(mode="json"), key), None)


def decided(settings: Settings, stages: Collection[Stage]) -> dict[str, Any]:
    """The settings that decide any of these stages, by ``section.key``, as JSON values."""
    return decided_values(type(settings), settings.model_dump(mode="json"), stages)


def decided_values(kind: type[Settings], values: Mapping[str, Any], stages: Collection[Stage]) -> dict[str, Any]:
    """Those of these plain values that decide any of the stages, by ``section.key``."""
    wanted = (key for key, mark in marks_of(kind).items() if (mark.rebuilds or NOTHING) & set(stages))
    return {key: value for key in wanted for value in _at(values, key)}


def decided_up_to(settings: Settings, stage: Stage) -> dict[str, Any]:
    """The settings that decide a stage or any that it may rest on, by ``section.key``, as JSON values."""
    stages: tuple[Stage, ...] = get_args(Stage)
    return decided(settings, stages[: stages.index(stage) + 1])


def path_values(kind: type[Settings], values: Mapping[str, Any]) -> Iterator[tuple[str, TakesPath, Any]]:
    """Each setting that takes a path and has a value: its ``section.key``, how it takes one, and the value.

    A setting of a list's entry has the entry's index in its key: ``section.list.0.key``.

    Args:
        kind: of the settings.
        values: the settings as plain values.
    """
    yield from _path_values(kind, marks_of(kind), values)


def _path_values(
    kind: type[Settings], marks: Mapping[str, Mark], values: Mapping[str, Any]
) -> Iterator[tuple[str, TakesPath, Any]]:
    for key, mark in marks.items():
        entry = listed_section(type_at(kind, key.split(".")))
        for value in _at(values, key):
            if mark.path is not None and value:
                yield key, mark.path, value
            if entry is not None:
                inner_marks = dict(_marks(entry, "", mark))
                for index, inner in enumerate(value):
                    found = _path_values(entry, inner_marks, inner)
                    yield from ((f"{key}.{index}.{inner_key}", path, text) for inner_key, path, text in found)


def _at(values: Mapping[str, Any], key: str) -> Iterator[Any]:
    """The value at a ``section.key``; none where an optional section is missing, or stands there by its fields."""
    value: Any = values
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return
        value = value[part]
    yield value


def _leaf_types(annotation: Any) -> Iterator[Any]:
    """The types without parameters that an annotation is made of; of ``dict[str, float]`` those of its values."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for each in inner[1:] if get_origin(annotation) is dict else inner:
        yield from _leaf_types(each)


def _scalars(value: Any) -> Iterator[Any]:
    """The values inside lists and mappings."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _scalars(inner)
    else:
        yield value
