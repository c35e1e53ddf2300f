"""Evidence about a reply from its text alone: which films it and its context name, as the catalogue finds them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from ecr_rl.labels.judging.judge_protocol import Evidence
from envs.catalog import Catalog
from envs.dialogue import Role, SeekerProfile
from envs.heads import Exchange


class TextEvidence:
    """Turns exchanges into a judge's input; texts that were searched for films once are not searched again."""

    def __init__(self, catalog: Catalog) -> None:
        """Find the films of a catalogue."""
        self._find = lru_cache(maxsize=100_000)(lambda text: tuple(catalog.find(text)))

    def of(
        self,
        exchange: Exchange,
        films: Sequence[int] | None = None,
        profile: SeekerProfile | None = None,
        cut: bool = False,
    ) -> Evidence:
        """The evidence about one exchange.

        Args:
            exchange: films as titles.
            films: ids of the films that the reply names, where they are known; None to find them in its text.
            profile: the seeker's; by default nothing is known.
            cut: whether the reply is known to stop before its end.
        """
        named = [(turn.role, self._find(turn.text)) for turn in exchange.context]
        told = chain.from_iterable(found for role, found in named if role is Role.SEEKER)
        return Evidence(
            exchange=exchange,
            films=self._find(exchange.reply) if films is None else tuple(films),
            named=tuple(dict.fromkeys(chain.from_iterable(found for _, found in named))),
            told=tuple(dict.fromkeys(told)),
            asked=named[-1][1] if named and named[-1][0] is Role.SEEKER else (),
            profile=SeekerProfile() if profile is None else profile,
            cut=cut,
        )
