"""What a language model is told that speaks for a seeker: attributes of what it likes, the chat so far, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envs.catalog import Catalog, Film
from envs.dialogue import Role, SeekerProfile
from envs.seeker_agenda import Move
from envs.seeker_lines import Act
from envs.spoken_titles import speaks_of
from envs.state import ConversationState

QUIET = "Do not name any film by its title.\n"
"""Said before a prompt whose answer gave a title away."""
_SHOWN = 6
"""Turns of the chat that are shown."""
_PEOPLE, _GENRES = 4, 4

DIRECTIONS: dict[Act, str] = {
    Act.GREET: "Greet the recommender.",
    Act.SMALL_TALK: "Say how you are.",
    Act.MOOD: "Say how you feel today.",
    Act.TASTES: "Say what you would like to watch.",
    Act.DISLIKES: "Say what you do not want to watch.",
    Act.OPEN: "Say that you are open to any kind of film.",
    Act.NUDGE: "Ask the recommender for a film to watch.",
    Act.ACCEPT: "Say that you will watch {film}, thank the recommender and say goodbye.",
    Act.ACCEPT_AGAIN: "You have seen {film} and love it. Say that you will watch it again, thank and say goodbye.",
    Act.SEEN: "Say that you have seen {film} already, and ask for another film.",
    Act.REPEATED: "Say that you two spoke of {film} before, and ask for another film.",
    Act.REJECT: "Say that you do not like {film}, and ask for another film.",
    Act.REJECT_GENRE: "Turn down {film} because it is {genre}, and ask for another film.",
    Act.ASK: "You do not know {film}. Ask what it is about.",
    Act.DECLINE: "Turn down {film} politely, and ask for another film.",
    Act.DECLINE_TASTES: "Turn down {film} because you want {tastes}, and ask for another film.",
    Act.DECLINE_TOLD: "Now that you know more about {film}, turn it down, and ask for another film.",
    Act.GOODBYE: "Thank the recommender and say goodbye.",
    Act.LEAVE: "Say that you will look elsewhere, and say goodbye.",
}
"""What the model is told to do for each act."""

_SOUND = {
    "like": "fond of it",
    "curious": "curious",
    "happy": "happy",
    "grateful": "grateful",
    "negative": "a little disappointed",
    "neutral": "calm",
    "nostalgia": "nostalgic",
    "agreement": "in agreement",
    "surprise": "surprised",
}
"""Each of ``envs.emotions.NINE`` as something that one can sound."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a seeker likes, without a title.

    Attributes:
        genres: the most telling first.
        people: who directed or played in most of the liked films first.
        period: decades such as ``1990s``, in order of time.
        dislikes: genres.
    """

    genres: tuple[str, ...]
    people: tuple[str, ...]
    period: tuple[str, ...]
    dislikes: tuple[str, ...]

    @classmethod
    def of(cls, profile: SeekerProfile, catalog: Catalog, tastes: Sequence[str], dislikes: Sequence[str]) -> Attributes:
        """The attributes of a profile's liked films; one that reads like a liked title is left out."""
        films = [catalog[film] for film in sorted(profile.liked) if film in catalog]
        counts = Counter(person for film in films for person in dict.fromkeys(film.people) if person)
        decades = {film.year - film.year % 10 for film in films if film.year is not None}
        people = [person for person in _most_first(counts) if not _says_any(person, films)]
        genres = [genre for genre in tastes if not _says_any(genre, films)]
        return cls(
            tuple(genres[:_GENRES]),
            tuple(people[:_PEOPLE]),
            tuple(f"{decade}s" for decade in sorted(decades)),
            tuple(genre for genre in dislikes if not _says_any(genre, films)),
        )

    def told(self) -> list[str]:
        """One sentence an attribute that is known."""
        return [
            f"{beginning} {_listed(values)}."
            for beginning, values in (
                ("You like films of these kinds:", self.genres),
                ("You like films with or by", self.people),
                ("You like films of the", self.period),
                ("You do not want films of these kinds:", self.dislikes),
            )
            if values
        ]


def seeker_prompt(state: ConversationState, move: Move, attributes: Attributes) -> str:
    """The prompt for one turn; a chat model takes it as the user's message, any other goes on from its last line."""
    names = {Role.SEEKER: "Seeker", Role.RECOMMENDER: "Recommender"}
    chat = [f"{names[turn.role]}: {turn.text}" for turn in state.rendered[-_SHOWN:]]
    words = {
        "film": "" if move.film is None else state.render(f"@{move.film}"),
        "genre": move.genre,
        "tastes": " and ".join(move.tastes),
    }
    mood = [] if state.dialogue.mood is None else [f"You feel {state.dialogue.mood} today."]
    directions = " ".join(DIRECTIONS[act].format(**words) for act in move.acts)
    return "\n".join(
        [
            "You chat with a recommender because you look for a film to watch. You are the seeker.",
            *attributes.told(),
            *mood,
            "",
            "The chat so far:",
            *chat,
            "",
            f"Write your next turn: one or two short sentences. {directions} Sound {_SOUND[move.emotion]}.",
            "Name no film that the chat does not name.",
            "Seeker:",
        ]
    )


def _says_any(text: str, films: Iterable[Film]) -> bool:
    return any(speaks_of(text, film.title) for film in films)


def _most_first(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))


def _listed(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"
