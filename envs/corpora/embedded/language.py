"""The sentences of the embedded corpus: clause templates, and the turns that are composed of them.

``data/recommender.txt`` and ``data/seeker.txt`` hold the templates by section: ``(a|b)`` picks one of
its alternatives, ``{field}`` is filled in. A turn's template is the sequence of its clause templates.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from random import Random
from types import MappingProxyType

_CHOICE = re.compile(r"\(([^()]*)\)")
_FIELD = re.compile(r"\{(\w+)\}")
_SECTION = re.compile(r"\[([^\]]+)\]")
_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True, slots=True)
class ClauseTemplate:
    """One clause template.

    Attributes:
        key: its section and its number there, ``pitch+/3``.
        parts: the text cut at its choices: each part is the tuple of its alternatives.
        fields: the names of all fields that its alternatives use.
    """

    key: str
    parts: tuple[tuple[str, ...], ...]
    fields: frozenset[str]

    @classmethod
    def parse(cls, key: str, line: str) -> ClauseTemplate:
        """Read one line of a phrase file."""
        pieces = _CHOICE.split(line)  # alternates between plain text and the inside of a choice
        parts = tuple(tuple(piece.split("|")) if number % 2 else (piece,) for number, piece in enumerate(pieces))
        return cls(key, parts, frozenset(_FIELD.findall(line)))

    def fill(self, rng: Random, fields: Mapping[str, str]) -> str:
        """Draw one sentence of this template; ``fields`` needs only those that the drawn alternatives use."""
        drawn = "".join(part[0] if len(part) == 1 else part[int(rng.random() * len(part))] for part in self.parts)
        text = _SPACES.sub(" ", drawn.format_map(fields)).strip().replace("..", ".")  # "Robert Downey Jr.."
        return text[0].upper() + text[1:]


class Phrasebook:
    """The clause templates of one role, by section."""

    def __init__(self, sections: Mapping[str, tuple[ClauseTemplate, ...]]) -> None:
        """Keep the sections."""
        self.sections = MappingProxyType(dict(sections))
        self._by_key = {template.key: template for templates in sections.values() for template in templates}

    def __getitem__(self, key: str) -> ClauseTemplate:
        """The template of a key."""
        return self._by_key[key]

    def draw(
        self, rng: Random, section: str, fields: Mapping[str, str], avoided: Collection[str] = ()
    ) -> ClauseTemplate | None:
        """Draw a template whose fields are all known, outside ``avoided`` if possible; None where there is none."""
        templates = self.sections[section]
        for _ in range(3):
            chosen = templates[int(rng.random() * len(templates))]
            if chosen.key not in avoided and chosen.fields <= fields.keys():
                return chosen
        possible = [template for template in templates if template.fields <= fields.keys()]
        fresh = [template for template in possible if template.key not in avoided]
        return rng.choice(fresh or possible) if possible else None


@lru_cache(maxsize=2)
def phrasebook(speaker: str) -> Phrasebook:
    """The phrase book ``recommender`` or ``seeker``."""
    text = (files("envs.corpora.embedded") / "data" / f"{speaker}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[ClauseTemplate]] = {}
    name = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        header = _SECTION.fullmatch(line)
        if header:
            name = header[1]
            sections[name] = []
        else:
            sections[name].append(ClauseTemplate.parse(f"{name}/{len(sections[name])}", line))
    return Phrasebook({name: tuple(templates) for name, templates in sections.items()})


@dataclass
class Draft:
    """A turn that is being composed, clause by clause.

    Attributes:
        book: where its templates come from.
        rng: where its choices come from.
        fields: values for the templates' fields.
        spoken: keys of the templates that the speaker has used in this dialogue; every clause adds one.
        clauses: the sentences so far.
        template: the keys of these sentences' templates.
    """

    book: Phrasebook
    rng: Random
    fields: dict[str, str]
    spoken: set[str]
    clauses: list[str] = field(default_factory=list)
    template: list[str] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def say(self, section: str) -> bool:
        """Add a clause of the section; False when the known fields suffice for none of its templates."""
        chosen = self.book.draw(self.rng, section, self.fields, self.spoken)
        if chosen is None:
            return False
        self.clauses.append(chosen.fill(self.rng, self.fields))
        self.template.append(chosen.key)
        self.spoken.add(chosen.key)
        return True

    def used(self) -> set[str]:
        """The names of the fields that the clauses so far may hold."""
        templates = (self.book[key] for key in self.template)
        return {name for template in templates for name in template.fields}

    @property
    def text(self) -> str:
        """The turn so far."""
        return " ".join(self.clauses)
