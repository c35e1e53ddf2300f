"""Sample the supervised policy's replies to human contexts at several temperatures, as examples of its own faults.

A case is one recommender turn of a human dialogue. The prompt is what the environment would show there; the policy
answers the same prompt at every temperature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from algorithms.packaged_models import best_device
from algorithms.policy.decoding import ConversationDecoder
from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.language_model import load_causal_lm, policy_dtype
from algorithms.policy.responder import PLANNER, is_conditioned
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.settings.policy import PolicySettings
from ecr_rl.labels.replies.made_replies import TEMPERATURES, Case, PolicyReply
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role
from envs.emotions import EmotionPlanner
from envs.progress import OnStep
from envs.settings import EnvSettings
from envs.turns.proposals import Recommenders, propose_films
from envs.turns.replies import read_reply
from envs.turns.state import ConversationState, Opening


@dataclass(frozen=True, slots=True)
class _Prompt:
    """The prompt of a case: int32 tokens (length,), and the films that its slots stand for."""

    case: Case
    tokens: np.ndarray
    proposal: tuple[int, ...]


class PolicyReplies:
    """Samples replies to human contexts.

    A reply is a function of the seed, its case and its temperature's index. The same cases in batches of the same size
    give exactly the same replies. Other batches change only the rounding of the logits, which seldom changes a token
    (SmolLM2, batches of 8 against 32: 2 of 240 replies).

    Args:
        model: the policy, in eval mode.
        text: its tokenizer and settings.
        catalog: names of the films.
        recommender: proposes films from the human context.
        planner: plans emotions from the human context. None for a policy that was trained without films and emotions:
            its prompt shows neither, but its slots still stand for the proposed films.
        env: how a prompt shows the context.
        temperatures: each case gets one reply at each of them.
        seed: of the sampling noise.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        text: ConversationText,
        catalog: Catalog,
        recommender: Recommenders,
        planner: EmotionPlanner | None,
        env: EnvSettings,
        temperatures: Sequence[float] = TEMPERATURES,
        seed: int = 0,
    ) -> None:
        """Sample from this policy."""
        self._model, self._text = model, text
        self._catalog, self._recommender, self._planner, self._env = catalog, recommender, planner, env
        self._temperatures, self._seed = tuple(temperatures), seed

    def batches(
        self, cases: Sequence[Case], dialogues: Sequence[Dialogue], batch: int
    ) -> Iterator[dict[Case, list[PolicyReply]]]:
        """Answer the cases, ``batch`` at a time, those with short prompts first.

        Yields:
            For each case of one batch, its replies in the order of the temperatures.

        Raises:
            ValueError: a case is not a recommender turn of the dialogues.
        """
        prompts = sorted(self._prompts(cases, dialogues), key=lambda prompt: len(prompt.tokens))
        for start in range(0, len(prompts), batch):
            yield self._answer(prompts[start : start + batch])

    def _prompts(self, cases: Sequence[Case], dialogues: Sequence[Dialogue]) -> list[_Prompt]:
        states = [state_before(case, dialogues[case[0]], self._catalog, self._env) for case in cases]
        contexts, count = [tuple(state.utterances) for state in states], self._env.proposals
        proposed = propose_films(self._recommender, [state.dialogue for state in states], contexts, count)
        proposals = [tuple(map(int, films[:count])) for films in proposed]
        plans = [()] * len(states) if self._planner is None else self._planner.plan(contexts)
        prompts = []
        for case, state, films, emotions in zip(cases, states, proposals, plans, strict=True):
            state.emotions, state.proposal = emotions, () if self._planner is None else films
            prompts.append(_Prompt(case, self._text.observation(state.observation(), first=True), films))
        return prompts

    def _answer(self, prompts: Sequence[_Prompt]) -> dict[Case, list[PolicyReply]]:
        decoder = ConversationDecoder(self._model, len(prompts))
        logits = decoder.extend([prompt.tokens for prompt in prompts])
        rows = [(row, index) for row in range(len(prompts)) for index in range(len(self._temperatures))]
        repeated = [row for row, _ in rows]
        decoder.keep(repeated)
        noise = np.stack([self._noise(prompts[row].case, index) for row, index in rows])
        temperatures = np.array([self._temperatures[index] for _, index in rows])
        replies = decoder.sample(logits[repeated], noise, end=self._text.end, temperature=temperatures, last=True)
        answered: dict[Case, list[PolicyReply]] = {prompt.case: [] for prompt in prompts}
        for (row, index), reply in zip(rows, replies, strict=True):
            answered[prompts[row].case].append(self._read(prompts[row], self._temperatures[index], reply.tokens))
        return answered

    def _noise(self, case: Case, index: int) -> np.ndarray:
        return np.random.default_rng([self._seed, *case, index]).random(self._text.settings.max_new)

    def _read(self, prompt: _Prompt, temperature: float, tokens: np.ndarray) -> PolicyReply:
        written = self._text.reply(tokens)
        reply = read_reply(written, prompt.proposal, self._catalog, self._env.max_characters)
        return PolicyReply(*prompt.case, temperature, reply.text, reply.mentions, reply.films, reply.cut)


def state_before(case: Case, dialogue: Dialogue, catalog: Catalog, env: EnvSettings) -> ConversationState:
    """The state of the human conversation just before the case's turn, as the environment would start it.

    Raises:
        ValueError: the case is not a recommender turn of the dialogue.
    """
    index, turn = case
    turns = dialogue.utterances
    if not 0 <= turn < len(turns) or turns[turn].role is not Role.RECOMMENDER:
        raise ValueError(f"turn {turn} of dialogue {index} is not a recommender turn")
    state = ConversationState(
        episode=case,
        dialogue=dialogue,
        dialogue_index=index,
        rng=np.random.default_rng(case),
        opening=Opening(turns[:turn], turns[turn].text, turn),
        catalog=catalog,
        max_characters=env.max_characters,
    )
    state.show_history(env.max_history)
    return state


def sample_replies(
    cases: Sequence[Case],
    dialogues: Sequence[Dialogue],
    catalog: Catalog,
    responder: Path,
    recommender: Recommenders,
    policy: PolicySettings,
    env: EnvSettings,
    *,
    temperatures: Sequence[float] = TEMPERATURES,
    seed: int = 0,
    batch: int = 32,
    on_step: OnStep = lambda done, total, figures: None,
) -> list[PolicyReply]:
    """Sample replies of a trained responder to human contexts.

    Args:
        cases: which turns to answer, each once.
        dialogues: the dialogues that the cases index.
        catalog: their films.
        responder: folder of the supervised policy, with its planner.
        recommender: proposes films.
        policy: how it reads and samples; its own ``temperature`` is not used.
        env: how much history and how many films the environment shows.
        temperatures: each case gets one reply at each of them.
        seed: the same seed gives the same replies.
        batch: cases in one batch; each is decoded at all temperatures side by side.
        on_step: called with the progress.

    Returns:
        One reply for each case and temperature, in the order of cases, then of temperatures; the text may be empty.

    Raises:
        ModelError: the folder holds no policy.
        ValueError: a case is not a recommender turn of the dialogues.
    """
    device = best_device()
    model = load_causal_lm(responder, dtype=policy_dtype(policy, device), device=device).eval()
    text = ConversationText(load_tokenizer(str(responder)), policy)
    planner = TrainedEmotionPlanner.load(responder / PLANNER) if is_conditioned(responder) else None
    sampler = PolicyReplies(model, text, catalog, recommender, planner, env, temperatures, seed)
    replies: dict[Case, list[PolicyReply]] = {}
    for answered in sampler.batches(cases, dialogues, batch):
        replies |= answered
        on_step(len(replies), len(cases), {})
    return [reply for case in cases for reply in replies[case]]
