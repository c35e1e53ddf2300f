"""The text form of an observation: turns so far, emotions and films of this turn, and the marker of the next role."""

from __future__ import annotations

from collections.abc import Sequence

from envs.catalog import Catalog
from envs.dialogue import Role, Utterance
from envs.film_text.markup import EMOTION, END, PROPOSAL, RECOMMENDER, SEEKER, plain


def marked(turns: Sequence[Utterance]) -> str:
    """Rendered turns with their role markers, each recommender turn closed by ``<end>``."""
    return "".join(
        f"{SEEKER}{turn.text}" if turn.role is Role.SEEKER else f"{RECOMMENDER}{turn.text}{END}" for turn in turns
    )


def prompt(emotions: Sequence[str], proposal: Sequence[int], catalog: Catalog) -> str:
    """The end of every observation: ``<emotion>curious, happy<proposal>Title (1999), horror<recommender>``.

    Args:
        emotions: what the reply should carry, the strongest first; may be none.
        proposal: the films of this turn, best first.
        catalog: names and genres of films.
    """
    return f"{EMOTION}{', '.join(emotions)}{PROPOSAL}{described(proposal, catalog)}{RECOMMENDER}"


def described(proposal: Sequence[int], catalog: Catalog) -> str:
    """The proposed films with year and genres, best first; empty without a proposal."""
    return plain("; ".join(map(catalog.describe, proposal)))
