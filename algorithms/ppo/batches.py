"""Learner connectors: one turns episodes into rows of whole conversations, the other adds advantages to rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from transformers import PreTrainedModel

from algorithms.policy.film_choice import Choice
from algorithms.ppo.advantages import centred, deviation, whiten
from algorithms.ppo.estimators import Advantages, Conversations
from algorithms.ppo.loss import ADVANTAGES, OLD_LOGP, OLD_VALUES, VALUE_TARGETS
from algorithms.ppo.module import (
    ACTIONS,
    CHOICE_COLUMNS,
    CHOICE_HIDDEN,
    CHOICE_PICKS,
    CHOICE_PLACES,
    CHOICE_SCORES,
    LENGTHS,
    READ,
    TOKENS,
    ConversationModule,
)

REPLY_PAY, CONVERSATION_PAY = "reply_pay", "conversation_pay"
"""What a turn is paid for its reply, and for its conversation: the acceptance and the price of the turn."""
TURN_ENDS, BOOTSTRAPPED, SAMPLED_LOGP = "turn_ends", "bootstrapped", "sampled_logp"
CHOICES = "choices"
"""Key of an episode's custom data: one ``Choice`` a turn if films are drawn, else an empty list."""


class EpisodesToConversations(ConnectorV2):
    """Makes one row of each whole conversation: ``obs0 act0 obs1 act1 …``, right-padded.

    A truncated conversation ends with its last observation, outside the action mask; its value is bootstrapped.
    Masks are made from lengths, never from ids, so a real token with the pad's id does not count as padding.

    Args:
        proposal: the id of the marker ``<proposal>``, the position of a turn's drawn films.
    """

    def __init__(self, proposal: int) -> None:
        """Keep the marker."""
        super().__init__()
        self._proposal = proposal

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, rl_module: Any, batch: Any, episodes: list[SingleAgentEpisode], **kwargs: Any
    ) -> Any:
        """Build columns of shape (B, T) and (B,) on the module's device."""
        columns = with_choices(conversation_rows(episodes), episodes, self._proposal)
        device = next(rl_module[DEFAULT_MODULE_ID].parameters()).device
        return {DEFAULT_MODULE_ID: {name: torch.from_numpy(array).to(device) for name, array in columns.items()}}


def conversation_rows(episodes: Sequence[SingleAgentEpisode]) -> dict[str, np.ndarray]:
    """The columns of a batch: tokens, actions, both pays, turn ends, sampled logp, (B, T); lengths, (B,)."""
    rows = [_row(episode) for episode in episodes]
    longest = max(len(row[TOKENS]) for row in rows)
    columns: dict[str, np.ndarray] = {
        name: np.zeros((len(rows), longest), dtype=array.dtype) for name, array in rows[0].items()
    }
    for index, row in enumerate(rows):
        for name, array in row.items():
            columns[name][index, : len(array)] = array
    columns[LENGTHS] = np.array([len(row[TOKENS]) for row in rows], dtype=np.int64)
    columns[BOOTSTRAPPED] = np.array([episode.is_truncated for episode in episodes], dtype=bool)
    return columns


def with_choices(
    columns: dict[str, np.ndarray], episodes: Sequence[SingleAgentEpisode], proposal: int
) -> dict[str, np.ndarray]:
    """Add the columns of films drawn in B conversations of at most U turns; without drawn films add none.

    If the marker was cut off a turn's observation, nothing is learnt from that turn's draw.
    """
    choices: list[list[Choice]] = [episode.custom_data.get(CHOICES, []) for episode in episodes]
    drawn = [choice for each in choices for choice in each]
    if not drawn:
        return columns
    shape, width = (len(episodes), max(map(len, choices))), len(drawn[0].candidates.hidden)
    most, films = max(len(each.candidates.films) for each in drawn), max(len(each.picks) for each in drawn)
    added = {
        CHOICE_PLACES: np.full(shape, -1, np.int64),
        CHOICE_COLUMNS: np.zeros((*shape, most), np.int64),
        CHOICE_SCORES: np.full((*shape, most), -np.inf, np.float32),
        CHOICE_HIDDEN: np.zeros((*shape, width), np.float32),
        CHOICE_PICKS: np.full((*shape, films), -1, np.int64),
    }
    sampled = columns[SAMPLED_LOGP].copy()
    for row, (episode, each) in enumerate(zip(episodes, choices, strict=True)):
        start = 0
        for turn, choice in enumerate(each):
            observation, known = episode.get_observations(turn), choice.candidates
            markers = start + np.flatnonzero(observation == proposal)
            start += len(observation) + len(episode.get_actions(turn))
            # No position predicts the first token.
            if not len(choice.picks) or not len(markers) or markers[-1] == 0:
                continue
            added[CHOICE_PLACES][row, turn] = markers[-1]
            added[CHOICE_COLUMNS][row, turn, : len(known.columns)] = known.columns
            added[CHOICE_SCORES][row, turn, : len(known.scores)] = known.scores
            added[CHOICE_HIDDEN][row, turn] = known.hidden
            added[CHOICE_PICKS][row, turn, : len(choice.picks)] = choice.picks
            sampled[row, markers[-1]] = choice.logp
    return columns | added | {SAMPLED_LOGP: sampled}


def _row(episode: SingleAgentEpisode) -> dict[str, np.ndarray]:
    turns = range(len(episode))
    pieces = [piece for turn in turns for piece in (episode.get_observations(turn), episode.get_actions(turn))]
    if episode.is_truncated:
        pieces.append(episode.get_observations(-1))
    lengths = [len(piece) for piece in pieces]
    actions = np.repeat(np.arange(len(pieces)) % 2 == 1, lengths)
    ends = np.cumsum(lengths)[1::2] - 1
    logp, conversation_pay = (
        [episode.get_extra_model_outputs(name, turn) for turn in turns]
        for name in (Columns.ACTION_LOGP, CONVERSATION_PAY)
    )
    row = {TOKENS: np.concatenate(pieces).astype(np.int64), ACTIONS: actions, TURN_ENDS: np.zeros_like(actions)}
    row |= {name: np.zeros(len(actions), np.float32) for name in (REPLY_PAY, CONVERSATION_PAY, SAMPLED_LOGP)}
    row[TURN_ENDS][ends] = True
    row[CONVERSATION_PAY][ends] = conversation_pay
    row[REPLY_PAY][ends] = np.array([episode.get_rewards(turn) for turn in turns]) - conversation_pay
    row[SAMPLED_LOGP][actions] = np.concatenate(logp)
    return row


class TokenAdvantages(ConnectorV2):
    """Computes values, old log-probabilities, the KL to the reference and advantages, all without gradient.

    Args:
        reference: the frozen responder; None if the policy without its adapters is the reference.
        estimate: computes the advantages.
        kl_weight: returns the present weight of the KL penalty, in reward for each nat.
        micro_batch: rows of one forward pass.
    """

    def __init__(
        self,
        reference: PreTrainedModel | None,
        estimate: Callable[[Conversations], Advantages],
        kl_weight: Callable[[], float],
        micro_batch: int,
    ) -> None:
        """Keep the arguments for later calls."""
        super().__init__()
        self._reference, self._estimate = reference, estimate
        self._kl_weight, self._micro_batch = kl_weight, micro_batch

    @torch.no_grad()
    def __call__(self, *, rl_module: Any, batch: Any, metrics: Any = None, **kwargs: Any) -> Any:
        """Add ``old_logp``, ``old_values``, ``advantages`` and ``value_targets``, each (B, T)."""
        rows: dict[str, torch.Tensor] = batch[DEFAULT_MODULE_ID]
        module: ConversationModule = rl_module[DEFAULT_MODULE_ID].unwrapped()
        module.eval()
        action, logp, values, reference_logp = self._passes(module, rows)
        ends = rows[TURN_ENDS][:, 1:]
        kl = (logp - reference_logp) * action
        weight = self._kl_weight()
        rewards = centred(rows[REPLY_PAY][:, 1:] - weight * kl, ends) + rows[CONVERSATION_PAY][:, 1:]
        last_value = values.gather(1, rows[LENGTHS][:, None] - 1)[:, 0]
        bootstrap = torch.where(rows[BOOTSTRAPPED], last_value, 0.0)
        values = values[:, :-1]
        estimated = self._estimate(Conversations(values, rewards, action, ends, bootstrap))
        advantages = torch.where(action, estimated.advantages_BT, 0.0)
        gap = (rows[SAMPLED_LOGP][:, 1:] - logp).abs() * action
        whitened, sums = whiten(advantages, action, torch.stack([kl.sum(), gap.sum(), ends.sum()]))
        if metrics is not None:
            count = sums[0].item()
            metrics.log_dict(
                {
                    "kl_reference": sums[3].item() / count,
                    "kl_penalty": -weight * sums[3].item() / sums[5].item(),
                    "sampler_gap": sums[4].item() / count,
                    "sampler_gap_max": gap.max().item(),
                    "action_tokens": count,
                    "value_mean": (values * action).sum().item() / max(1, int(action.sum())),
                    "advantage_std": deviation(sums).item(),
                },
                key=DEFAULT_MODULE_ID,
                window=1,
            )
        kept = {name: rows[name] for name in READ if name in rows}
        added = {OLD_LOGP: logp, ADVANTAGES: whitened, VALUE_TARGETS: estimated.targets_BT, OLD_VALUES: values}
        return {DEFAULT_MODULE_ID: kept | {k: torch.nn.functional.pad(v, (0, 1)) for k, v in added.items()}}

    def _passes(
        self, module: ConversationModule, rows: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Action mask (B, T - 1), log-probabilities (B, T - 1), values (B, T), the reference's log-probabilities."""
        batch, time = rows[TOKENS].shape
        device = rows[TOKENS].device
        action = torch.zeros(batch, time - 1, dtype=torch.bool, device=device)
        logp, reference = torch.zeros(batch, time - 1, device=device), torch.zeros(batch, time - 1, device=device)
        values = torch.zeros(batch, time, device=device)
        for start in range(0, batch, self._micro_batch):
            part = slice(start, start + self._micro_batch)
            chunk = {name: rows[name][part] for name in READ if name in rows}
            mine = module.token_statistics(chunk, entropy=False)
            width = mine.values.shape[1]
            values[part, :width] = mine.values
            action[part, : width - 1] = mine.mask
            logp[part, : width - 1] = mine.logp
            reference[part, : width - 1] = self._reference_logp(module, chunk)
        return action, logp, values, reference

    def _reference_logp(self, module: ConversationModule, chunk: dict[str, torch.Tensor]) -> torch.Tensor:
        if self._reference is not None:
            return module.token_statistics(chunk, entropy=False, model=self._reference, learnt_choice=False).logp
        with module.reference():
            return module.token_statistics(chunk, entropy=False, learnt_choice=False).logp
