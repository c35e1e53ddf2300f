"""The prompt of a language model that speaks for a seeker: what the seeker likes, the chat so far, what to say."""

from __future__ import annotations

from collections.abc import Sequence

from envs.dialogue import Role
from envs.seekers.agenda import Move
from envs.seekers.attributes import Attributes
from envs.seekers.lines import Act
from envs.turns.state import ConversationState

QUIET = "Do not name any film by its title.\n"
"""Put before a prompt if the last answer to it revealed a title."""
_SHOWN = 6
"""The most turns of the chat that the prompt shows."""
_MOST = 4
"""The most genres, and the most people, that the prompt names."""

DIRECTIONS: dict[Act, str] = {
    Act.GREET: "Greet the recommender.",
    Act.SMALL_TALK: "Say how you are.",
    Act.MOOD: "Say how you feel today.",
    Act.TASTES: "Say what you would like to watch.",
    Act.DISLIKES: "Say what you do not want to watch.",
    Act.PEOPLE: "Say that you like films with {people}.",
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
"""The instruction to the model for each act."""

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
"""How each of ``envs.emotions.NINE`` sounds, as an adjective."""


def seeker_prompt(state: ConversationState, move: Move, attributes: Attributes) -> str:
    """The prompt for one turn: the user's message of a chat model; any other model continues its last line."""
    names = {Role.SEEKER: "Seeker", Role.RECOMMENDER: "Recommender"}
    chat = [f"{names[turn.role]}: {turn.text}" for turn in state.rendered[-_SHOWN:]]
    words = {
        "film": "" if move.film is None else state.render(f"@{move.film}"),
        "genre": move.genre,
        "tastes": " and ".join(move.tastes),
        "people": " and ".join(move.people),
    }
    mood = [] if state.dialogue.mood is None else [f"You feel {state.dialogue.mood} today."]
    directions = " ".join(DIRECTIONS[act].format(**words) for act in move.acts)
    return "\n".join(
        [
            "You chat with a recommender because you look for a film to watch. You are the seeker.",
            *_told(attributes),
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


def _listed(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"


def _told(attributes: Attributes) -> list[str]:
    """One sentence for each known attribute."""
    return [
        f"{beginning} {_listed(values[:_MOST])}."
        for beginning, values in (
            ("You like films of these kinds:", attributes.genres),
            ("You like films with or by", attributes.people),
            ("You like films of the", attributes.period),
            ("You do not want films of these kinds:", attributes.dislikes),
        )
        if values
    ]
