"""Play whole conversations between a policy and the environment, for env runners and for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from algorithms.policy.decoding import ConversationDecoder, SampledReply
from algorithms.policy.film_choice import Choice, FilmChooser
from algorithms.policy.language_model import token_logits
from algorithms.policy.text import ConversationText
from envs.conversation import ConversationVectorEnv, TurnOutcome

Episode = tuple[int, int]
"""(stream, index): the number of an iteration or an evaluation, and the conversation's number in it."""


@dataclass(slots=True)
class Conversation:
    """One played conversation.

    Attributes:
        episode: which one it is.
        observations: int32 tokens of each observation; one more than replies.
        replies: the sampled replies, one a turn.
        rewards: of each turn.
        outcomes: what the environment made of each turn.
        answers: each turn's next observation, as text.
        choices: the draw of each turn's films; one more if it was truncated after a draw; empty if films are not drawn.
        terminated: the conversation ended by itself.
        truncated: the conversation was cut; the value of its last observation is bootstrapped.
    """

    episode: Episode
    observations: list[np.ndarray] = field(default_factory=list)
    replies: list[SampledReply] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    outcomes: list[TurnOutcome] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    terminated: bool = False
    truncated: bool = False


def roll_out(
    model: PreTrainedModel,
    text: ConversationText,
    env: ConversationVectorEnv,
    episodes: Sequence[Episode],
    seed: int,
    candidates: int = 1,
    chooser: FilmChooser | None = None,
) -> list[Conversation]:
    """Play episodes to their end, as many at once as the environment has rows.

    Every random number comes from (seed, stream, index, turn): the same call gives the same conversations.

    Args:
        model: the policy, in eval mode.
        text: its tokenizer and sampling settings.
        env: the conversations.
        episodes: which ones to play.
        seed: of the sampling noise.
        candidates: number of replies sampled for a turn; the one for which the reward's heads pay most is said.
        chooser: draws the films of each turn; with None the environment's recommender proposes its best.

    Returns:
        One conversation an episode, in the same order.
    """
    played: list[Conversation] = []
    for start in range(0, len(episodes), env.num_envs):
        played += _play(model, text, env, episodes[start : start + env.num_envs], seed, candidates, chooser)
    return played


def _play(
    model: PreTrainedModel,
    text: ConversationText,
    env: ConversationVectorEnv,
    episodes: Sequence[Episode],
    seed: int,
    candidates: int,
    chooser: FilmChooser | None,
) -> list[Conversation]:
    settings = text.settings
    mask = np.arange(env.num_envs) < len(episodes)
    observed, _ = env.reset(options={"reset_mask": mask, "episodes": list(episodes)})
    played = [Conversation(episode) for episode in episodes]
    decoder = ConversationDecoder(model, len(episodes))
    live = list(range(len(episodes)))
    observed = _with_drawn_films(observed, chooser, env, played, live, 0, seed)
    for row, conversation in enumerate(played):
        conversation.observations.append(text.observation(observed[row], first=True))
    turn = 0
    while live:
        logits = decoder.extend([played[row].observations[-1] for row in live])
        if candidates > 1:
            copies = [index for index in range(len(live)) for _ in range(candidates)]
            decoder.keep(copies)
            logits = logits[copies]
        noise = np.stack(
            [
                np.random.default_rng([seed, *episodes[row], turn, 1 + number]).random(settings.max_new)
                for row in live
                for number in range(candidates)
            ]
        )
        replies = decoder.sample(logits, noise, end=text.end, temperature=settings.temperature)
        if candidates > 1:
            best = _best(replies, text, env, candidates)
            decoder.keep(best)
            replies = [replies[index] for index in best]
        actions = [""] * env.num_envs
        for row, reply in zip(live, replies, strict=True):
            played[row].replies.append(reply)
            actions[row] = text.reply(reply.tokens)
        observed, rewards, terminations, truncations, infos = env.step(actions)
        turn += 1
        goes_on = [row for row in live if not (terminations[row] or truncations[row])]
        observed = _with_drawn_films(observed, chooser, env, played, goes_on, turn, seed)
        result = observed, rewards, terminations, truncations, infos
        room = settings.positions - settings.max_new - settings.max_observation
        for row, used in zip(live, decoder.used, strict=True):
            _record(played[row], row, result, text)
            if not played[row].terminated and used + len(played[row].observations[-1]) > room:
                played[row].truncated = True
                env.truncate(row)
        kept = [index for index, row in enumerate(live) if not (played[row].terminated or played[row].truncated)]
        live = [live[index] for index in kept]
        if live and len(kept) < len(replies):
            decoder.keep(kept)
    return played


def _with_drawn_films(
    observed: Sequence[str],
    chooser: FilmChooser | None,
    env: ConversationVectorEnv,
    played: Sequence[Conversation],
    rows: Sequence[int],
    turn: int,
    seed: int,
) -> Sequence[str]:
    """Draw the films of these rows' next turn and return the changed observations; without a chooser, unchanged."""
    if chooser is None or not rows:
        return observed
    count = chooser.choice.settings.proposals
    # The 0 keeps these generators apart from those of the replies.
    uniforms = [np.random.default_rng([seed, *played[row].episode, turn, 0]).random(count) for row in rows]
    choices = chooser.choose(env.contexts(rows), uniforms)
    for row, choice in zip(rows, choices, strict=True):
        played[row].choices.append(choice)
    films = [choice.candidates.films[choice.picks].tolist() for choice in choices]
    shown = dict(zip(rows, env.show_films(rows, films), strict=True))
    return [shown.get(row, said) for row, said in enumerate(observed)]


def _best(
    replies: Sequence[SampledReply], text: ConversationText, env: ConversationVectorEnv, candidates: int
) -> list[int]:
    """For each conversation the index of the reply for which the heads pay most; the first among equals."""
    said = [text.reply(reply.tokens) for reply in replies]
    groups = [said[start : start + candidates] for start in range(0, len(said), candidates)]
    return [index * candidates + int(paid.argmax()) for index, paid in enumerate(env.appraise(groups))]


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
    indices = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    ids = torch.from_numpy(np.concatenate(pieces).astype(np.int64))[None].to(model.device)
    replied = torch.from_numpy(indices % 2 == 1)[None].to(model.device)
    _, logits = token_logits(model, ids, replied)
    logp = torch.log_softmax(logits.float() / temperature, -1).gather(1, ids[replied][:, None])[:, 0].cpu().numpy()
    return np.split(logp, np.cumsum([len(reply.tokens) for reply in conversation.replies])[:-1])
