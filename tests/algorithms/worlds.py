"""A world small enough for a test: six films, a rule or a folder's critic as judge, a policy that speaks a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch

from algorithms.critic.critic import Critic
from algorithms.policy.film_choice import choice_settings
from algorithms.ppo.config import algorithm_config
from algorithms.ppo.env_spec import EnvSpec
from algorithms.recommender.recommender import Recommender
from algorithms.recommender.training import fit_recommender
from algorithms.settings.policy import PolicySettings
from algorithms.settings.ppo import PPOSettings
from algorithms.settings.recommender import RecommenderSettings
from algorithms.settings.resources import ResourceSettings
from envs.conversation import ConversationVectorEnv
from envs.dialogue import Utterance
from envs.heads import Exchange, HeadScores, RewardModel
from envs.rewards import HeadReference
from envs.settings import EnvSettings, RewardSettings
from envs.turns.observations import marked, prompt
from tests.algorithms.doubles import POLICY, tiny_policy_folder
from tests.envs.doubles import ALIEN, CONJURING, TOY_STORY, six_films, three_dialogues
from tests.known_heads import HEADS

REPLIES = ("How about <movie>?", "I love <movie>!", "Thanks, enjoy the film.", "That sounds great!")
"""What ``speaking_policy`` learns to say; one in four asks."""


class QuestionJudge:
    """Every head is 1 for a reply with a question mark, else 0."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Shape (N, heads)."""
        asks = np.array([[float("?" in exchange.reply)] for exchange in exchanges])
        return HeadScores(np.repeat(asks, len(HEADS), 1), np.zeros((len(exchanges), len(HEADS))), HEADS)


class BrokenJudge:
    """Its scores are no numbers."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Shape (N, heads)."""
        return HeadScores(np.full((len(exchanges), len(HEADS)), np.nan), np.zeros((len(exchanges), len(HEADS))), HEADS)


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """Stands for ``EnvSpec``: the same ``seed`` and ``build``; ``judge`` may be the folder of a critic."""

    judge: Literal["question", "broken"] | Path = "question"
    seed: int = 0
    max_turns: int = 3
    penalties: float = 0.0
    seeker: Literal["profile", "replay"] = "profile"
    recommends: bool = False
    acceptance: float = 0.0
    judged: float = 1.0
    copies: int = 1

    def build(self, conversations: int) -> ConversationVectorEnv:
        """The environment, paying for the judge's overall score alone."""
        rules: dict[str, RewardModel] = {"question": QuestionJudge(), "broken": BrokenJudge()}
        return ConversationVectorEnv(
            three_dialogues() * self.copies,
            six_films(),
            num_envs=conversations,
            recommender=small_recommender() if self.recommends else None,
            reward_model=Critic.load(self.judge) if isinstance(self.judge, Path) else rules[self.judge],
            settings=EnvSettings(seeker=self.seeker, max_turns=self.max_turns, horizon=self.max_turns),
            reward=RewardSettings(
                weights={"overall": self.judged},
                missing_end=self.penalties,
                repetition=self.penalties,
                markup=self.penalties,
                acceptance=self.acceptance,
            ),
            reference=HeadReference.identity(HEADS),
            seed=self.seed,
        )


@cache
def small_recommender() -> Recommender:
    """Fitted to the three dialogues: it knows six films, and next to nothing of them."""
    settings = RecommenderSettings(members=1, width=4, rare=1, fusion_epochs=1, epochs=1, named_pull=1.0)
    return fit_recommender(three_dialogues(), six_films(), settings)


def small_algorithm(
    folder: Path,
    dump: Path,
    world: SmallWorld | None = None,
    policy: PolicySettings = POLICY,
    resources: ResourceSettings | None = None,
    candidates: int = 0,
    **ppo: Any,
) -> Any:
    """A ConversationPPO of sixteen conversations an iteration, eight a gradient step; ``candidates`` films compete."""
    settings: dict[str, Any] = {
        "conversations_per_iteration": 16,
        "minibatch_conversations": 8,
        "epochs": 1,
        "value_warmup": 0,
    } | ppo
    choice = choice_settings(small_recommender(), candidates, 2, 1.0) if candidates else None
    return algorithm_config(
        cast(EnvSpec, world or SmallWorld()),
        folder,
        policy,
        PPOSettings(**settings),
        resources or ResourceSettings(conversations_per_runner=16, driver_threads=1),
        dump,
        choice=choice,
    ).build_algo()


def speaking_policy(folder: Path, steps: int = 60, replies: Sequence[str] = REPLIES) -> Path:
    """A tiny policy that says each of these replies about equally often, saved as a supervised one would be."""
    from transformers import AutoModelForCausalLM

    from algorithms.policy.text import ConversationText, load_tokenizer

    tiny_policy_folder(folder)
    text = ConversationText(load_tokenizer(str(folder)), POLICY)
    model = AutoModelForCausalLM.from_pretrained(folder)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = [_row(text, replies[int(rng.integers(len(replies)))], rng) for _ in range(16)]
        longest = max(len(tokens) for tokens, _ in rows)
        ids, labels = torch.zeros(16, longest, dtype=torch.long), torch.full((16, longest), -100)
        for place, (tokens, prompted) in enumerate(rows):
            ids[place, : len(tokens)] = torch.from_numpy(tokens)
            labels[place, prompted : len(tokens)] = ids[place, prompted : len(tokens)]
        optimiser.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    return folder


def _row(text: Any, reply: str, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    dialogue = three_dialogues()[int(rng.integers(3))]
    said: list[Utterance] = [turn for turn in dialogue.utterances if "@" not in turn.text][: int(rng.integers(3))]
    proposal = rng.permutation([CONJURING, TOY_STORY, ALIEN])[: 1 + int(rng.integers(2))]
    observation = text.observation(marked(said) + prompt((), [int(film) for film in proposal], six_films()), first=True)
    return np.concatenate([observation, text.action(reply)]).astype(np.int64), len(observation)
