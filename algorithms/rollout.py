"""Whole conversations between a policy and the environment: what env runners sample and what evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from algorithms.decoding import ConversationDecoder, SampledReply
from algorithms.text import ConversationText
from envs.conversation import ConversationVectorEnv, TurnOutcome

Episode = tuple[int, int]
"""(stream, index): an iteration's number, or an evaluation's, and the conversation's number in it."""


@dataclass(slots=True)
class Conversation:
    """One rolled-out conversation.

    Attributes:
        episode: which one it is.
        observations: int32 tokens of each observation; one more than replies.
        replies: the sampled replies, one a turn.
        rewards: of each turn.
        outcomes: what the environment made of each turn.
        answers: each turn's next observation, as text.
        terminated: the conversation ended by itself.
        truncated: it was cut; the value of its last observation is bootstrapped.
    """

    episode: Episode
    observations: list[np.ndarray] = field(default_factory=list)
    replies: list[SampledReply] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    outcomes: list[TurnOutcome] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    terminated: bool = False
    truncated: bool = False


def roll_out(
    model: PreTrainedModel,
    text: ConversationText,
    env: ConversationVectorEnv,
    episodes: Sequence[Episode],
    seed: int,
    candidates: int = 1,
) -> list[Conversation]:
    """Play episodes to their end, as many at once as the environment has rows.

    Every random number comes from (seed, stream, index, turn): the same call gives the same conversations.

    Args:
        model: the policy, in eval mode.
        text: its tokenizer and sampling settings.
        env: the conversations.
        episodes: which ones to play.
        seed: of the sampling noise.
        candidates: replies that are sampled a turn; the one is said for which the reward's heads pay most.

    Returns:
        One conversation an episode, in the same order.
    """
    played: list[Conversation] = []
    for start in range(0, len(episodes), env.num_envs):
        played += _play(model, text, env, episodes[start : start + env.num_envs], seed, candidates)
    return played


def _play(
    model: PreTrainedModel,
    text: ConversationText,
    env: ConversationVectorEnv,
    episodes: Sequence[Episode],
    seed: int,
    candidates: int,
) -> list[Conversation]:
    settings = text.settings
    mask = np.arange(env.num_envs) < len(episodes)
    observed, _ = env.reset(options={"reset_mask": mask, "episodes": list(episodes)})
    played = [Conversation(episode) for episode in episodes]
    for row, conversation in enumerate(played):
        conversation.observations.append(text.observation(observed[row], first=True))
    decoder = ConversationDecoder(model, len(episodes))
    live = list(range(len(episodes)))
    turn = 0
    while live:
        hidden = decoder.extend([played[row].observations[-1] for row in live])
        if candidates > 1:
            copies = [place for place in range(len(live)) for _ in range(candidates)]
            decoder.keep(copies)
            hidden = hidden[copies]
        noise = np.stack(
            [
                np.random.default_rng([seed, *episodes[row], turn, 1 + number]).random(settings.max_new)
                for row in live
                for number in range(candidates)
            ]
        )
        replies = decoder.sample(hidden, noise, end=text.end, temperature=settings.temperature)
        if candidates > 1:
            best = _best(replies, text, env, candidates)
            decoder.keep(best)
            replies = [replies[place] for place in best]
        actions = [""] * env.num_envs
        for row, reply in zip(live, replies, strict=True):
            played[row].replies.append(reply)
            actions[row] = text.reply(reply.tokens)
        result = env.step(actions)
        room = settings.positions - settings.max_new - settings.max_observation
        for row, used in zip(live, decoder.used, strict=True):
            _record(played[row], row, result, text)
            if not played[row].terminated and used + len(played[row].observations[-1]) > room:
                played[row].truncated = True
        kept = [place for place, row in enumerate(live) if not (played[row].terminated or played[row].truncated)]
        live = [live[place] for place in kept]
        if live and len(kept) < len(replies):
            decoder.keep(kept)
        turn += 1
    return played


def _best(
    replies: Sequence[SampledReply], text: ConversationText, env: ConversationVectorEnv, candidates: int
) -> list[int]:
    """Of each conversation the place of the reply for which the heads pay most, the first where several do."""
    said = [text.reply(reply.tokens) for reply in replies]
    groups = [said[start : start + candidates] for start in range(0, len(said), candidates)]
    return [place * candidates + int(paid.argmax()) for place, paid in enumerate(env.appraise(groups))]


def _record(conversation: Conversation, row: int, result: tuple, text: ConversationText) -> None:
    observed, rewards, terminations, truncations, infos = result
    last = conversation.replies[-1].tokens
    conversation.rewards.append(float(rewards[row]))
    conversation.outcomes.append(infos["turn"][row])
    conversation.answers.append(observed[row])
    conversation.terminated, conversation.truncated = bool(terminations[row]), bool(truncations[row])
    cut = len(last) == 0 or int(last[-1]) != text.end
    conversation.observations.append(text.observation(observed[row], after_cut=cut))


@torch.inference_mode()
def score_tokens(model: PreTrainedModel, conversation: Conversation, temperature: float) -> list[np.ndarray]:
    """Log-probabilities that a model gives a conversation's replies.

    Returns:
        One float32 array a turn, shape (tokens of the reply,).
    """
    pieces: list[np.ndarray] = []
    for observation, reply in zip(conversation.observations, conversation.replies, strict=False):
        pieces += [observation, reply.tokens]
    ids = torch.from_numpy(np.concatenate(pieces).astype(np.int64))[None].to(model.device)
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float() / temperature
    logp = torch.log_softmax(logits, -1).gather(1, ids[0, 1:, None])[:, 0].cpu().numpy()
    scores, start = [], 0
    for observation, reply in zip(conversation.observations, conversation.replies, strict=False):
        start += len(observation)
        scores.append(logp[start - 1 : start - 1 + len(reply.tokens)])
        start += len(reply.tokens)
    return scores
