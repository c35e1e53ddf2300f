"""The choice of films as a part of the policy: films are drawn from the recommender's best, and PPO learns the draw.

    logit_k = (score_k + scale x (h . dO_k + db_k)) / temperature

over the recommender's K best films; ``dO`` and ``db``, 0 at first, change its last layer
(``recommender/last_layer.py``). Films are drawn one after the other without replacement (Plackett-Luce), before the
reply. In a conversation's tokens the marker ``<proposal>`` is the position of the choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from algorithms.recommender.last_layer import Candidates, candidates_of, layer_scale, with_layer
from algorithms.recommender.recommender import Recommender
from envs.dialogue import Utterance

_NEVER = -1e9
"""The logit of a candidate that is missing or already drawn; -inf would give NaN gradients."""
VECTORS, BIAS = "choice.vectors", "choice.bias"
"""The parameters' names in a policy's state."""


@dataclass(frozen=True, slots=True)
class ChoiceSettings:
    """Sizes and constants of a film choice.

    Attributes:
        films: number of films in the recommender's last layer.
        width: size of a film's vector in it.
        scale: factor of the layer's scores.
        candidates: K, the number of films to draw from.
        proposals: number of films drawn for a turn.
        temperature: of the draw.
    """

    films: int
    width: int
    scale: float
    candidates: int
    proposals: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One turn's proposal.

    Attributes:
        candidates: the films it was drawn from.
        picks: (films,) indices of the drawn candidates, in the order of the proposal.
        logp: log-probability of the draw, in nats.
    """

    candidates: Candidates
    picks: np.ndarray
    logp: float


class FilmChoice(nn.Module):
    """The distribution of proposals; its parameters are changes of vectors (films, width) and biases (films,)."""

    def __init__(self, settings: ChoiceSettings) -> None:
        """Start with the recommender's own last layer: both changes are 0."""
        super().__init__()
        self.settings = settings
        self.vectors = nn.Parameter(torch.zeros(settings.films, settings.width))
        self.bias = nn.Parameter(torch.zeros(settings.films))

    def forward(
        self,
        columns_NK: torch.Tensor,
        scores_NK: torch.Tensor,
        hidden_NW: torch.Tensor,
        picks_NC: torch.Tensor,
        *,
        learnt: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the log-probability and the entropy of draws.

        Args:
            columns_NK: the candidates' columns; any column for a missing candidate.
            scores_NK: the candidates' scores; -inf for a missing candidate.
            hidden_NW: the input of the last layer.
            picks_NC: indices of the drawn candidates; -1 for a missing film.
            learnt: whether the learnt changes count; False gives the recommender's own distribution.

        Returns:
            Log-probability of each draw and entropy of its first film, in nats, both (N,).
        """
        logits = self._logits(columns_NK, scores_NK, hidden_NW, learnt)
        shares = torch.log_softmax(logits, -1)
        entropy = -(shares.exp() * shares).sum(-1)
        logp = torch.zeros_like(entropy)
        for picks in picks_NC.T:
            drawn = picks >= 0
            column = picks.clamp(min=0)[:, None]
            logp = logp + torch.where(drawn, torch.log_softmax(logits, -1).gather(1, column)[:, 0], 0.0)
            taken = torch.zeros_like(logits, dtype=torch.bool).scatter(1, column, drawn[:, None])
            logits = logits.masked_fill(taken, _NEVER)
        return logp, entropy

    @torch.no_grad()
    def draw(self, candidates: Candidates, uniforms: np.ndarray) -> Choice:
        """Draw one turn's films by inverting the cumulative distribution, one number in [0, 1) a film."""
        columns, scores, hidden = (
            torch.from_numpy(array)[None] for array in (candidates.columns, candidates.scores, candidates.hidden)
        )
        logits = self._logits(columns, scores, hidden, learnt=True)[0].double().numpy()
        picks: list[int] = []
        for uniform in uniforms[: len(candidates.films)]:
            shares = np.exp(logits - logits.max())
            cumulative = np.cumsum(shares) / shares.sum()
            # By rounding, the last sum may be below the number; then no film would be found.
            picks.append(min(int(np.searchsorted(cumulative, uniform, side="right")), int(np.flatnonzero(shares)[-1])))
            logits[picks[-1]] = -np.inf
        picked = np.array(picks, dtype=np.int64)
        logp, _ = self(columns, scores, hidden, torch.from_numpy(picked)[None])
        return Choice(candidates, picked, float(logp))

    def _logits(
        self, columns_NK: torch.Tensor, scores_NK: torch.Tensor, hidden_NW: torch.Tensor, learnt: bool
    ) -> torch.Tensor:
        logits = scores_NK
        if learnt:
            vectors = nn.functional.embedding(columns_NK, self.vectors)
            moved = (vectors @ hidden_NW[:, :, None])[..., 0] + self.bias[columns_NK]
            logits = scores_NK + self.settings.scale * moved
        return (logits / self.settings.temperature).clamp(min=_NEVER)


@dataclass(frozen=True)
class FilmChooser:
    """Proposes films in conversations by a ``FilmChoice``."""

    recommender: Recommender
    choice: FilmChoice

    def choose(self, contexts: Sequence[Sequence[Utterance]], uniforms: Sequence[np.ndarray]) -> list[Choice]:
        """One draw a context; each context has its own numbers in [0, 1), one for each film to propose."""
        candidates = candidates_of(self.recommender, contexts, self.choice.settings.candidates)
        return [self.choice.draw(each, numbers) for each, numbers in zip(candidates, uniforms, strict=True)]


def choice_settings(recommender: Recommender, candidates: int, proposals: int, temperature: float) -> ChoiceSettings:
    """The settings of a choice among a recommender's films."""
    films, width = map(int, recommender.items.weights.films.shape)
    return ChoiceSettings(films, width, layer_scale(recommender), candidates, proposals, temperature)


def learnt_recommender(recommender: Recommender, state: Mapping[str, np.ndarray]) -> Recommender:
    """A copy of the recommender with the changes of its last layer that are in a policy's state."""
    return with_layer(recommender, state[VECTORS], state[BIAS])
