"""What a seeker likes, as genres, people and period; it contains no film title."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Role, without_films
from envs.film_text.genres import genre_name, said_genres
from envs.film_text.spoken_titles import speaks_of


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a seeker likes, the most important first.

    Attributes:
        genres: from the corpus, else those that its human said, else those of its liked films; none that it refuses.
        people: who directed or played in its liked films; directors first among equals.
        period: the decades of its liked films, such as ``1990s``, in order of time.
        dislikes: genres, from the corpus, else those that its human refused.
    """

    genres: tuple[str, ...]
    people: tuple[str, ...]
    period: tuple[str, ...]
    dislikes: tuple[str, ...]

    @classmethod
    def of(cls, dialogue: Dialogue, catalog: Catalog) -> Attributes:
        """The attributes of a dialogue's seeker, without any that contains the title of a liked film."""
        films = [catalog[film] for film in sorted(dialogue.profile.liked) if film in catalog]
        said, refused = _stated(dialogue)
        genres = (
            dialogue.tastes or said or _most_first(Counter(g for film in films for g in map(genre_name, film.genres)))
        )
        dislikes = dialogue.dislikes or tuple(genre for genre in refused if genre not in said)
        people = Counter(person for film in films for person in dict.fromkeys(film.people) if person).most_common()
        decades = {film.year - film.year % 10 for film in films if film.year is not None}
        return cls(
            tuple(genre for genre in _untitled(genres, films) if genre not in dislikes),
            _untitled([person for person, _ in people], films),
            tuple(f"{decade}s" for decade in sorted(decades)),
            _untitled(dislikes, films),
        )


def _stated(dialogue: Dialogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The genres that the human seeker spoke of, and those that it refused."""
    said: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for turn in dialogue.utterances:
        if turn.role is Role.SEEKER:
            for counts, genres in zip((said, refused), said_genres(without_films(turn.text).lower()), strict=True):
                counts.update(genres)
    return _most_first(said), _most_first(refused)


def _untitled(names: Iterable[str], films: Sequence[Film]) -> tuple[str, ...]:
    titles = {film.title.casefold() for film in films}
    return tuple(
        name
        for name in names
        if name.casefold() not in titles and not any(speaks_of(name, film.title) for film in films)
    )


def _most_first(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))
