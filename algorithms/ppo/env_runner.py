"""The env runner plays whole conversations and returns them as RLlib episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from algorithms.policy.film_choice import FilmChoice, FilmChooser
from algorithms.policy.rollout import Conversation, Episode, roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.ppo.batches import CHOICES, CONVERSATION_PAY
from algorithms.ppo.env_spec import EnvSpec
from algorithms.ppo.shipped_files import deliver
from algorithms.ppo.spaces import TokenSequence
from algorithms.settings.policy import PolicySettings

EPISODE, RUNNER, OUTCOMES = "episode", "runner", "outcomes"
"""Further keys of an episode's custom data: (stream, index), the runner's number, one TurnOutcome a turn."""


class ConversationEnvRunner(SingleAgentEnvRunner):
    """Rolls out conversations with the module's language model; ``env_config`` holds ``env_spec`` and ``threads``."""

    def make_env(self) -> None:
        """Build the environment and the tokenizer."""
        if self.env is not None:
            self.env.close()
        deliver(self.config.env_config.get("shipped_files", ()))
        if self.config.env_config.get("threads"):
            # Two torch processes with two threads each on two cores slow each other down many times over.
            torch.set_num_threads(int(self.config.env_config["threads"]))
        model_config: dict[str, Any] = self.config.rl_module_spec.model_config  # pyright: ignore
        settings = PolicySettings(**model_config["policy"])
        self._text = ConversationText(load_tokenizer(model_config["folder"]), settings)
        self._env_spec: EnvSpec = self.config.env_config["env_spec"]
        self.env = self._env_spec.build(int(self.config.num_envs_per_env_runner))  # pyright: ignore
        self.num_envs = self.env.num_envs
        self._plan: list[Episode] | None = None
        self._played = 0

    def get_spaces(self) -> dict[str, Any]:
        """The spaces of observations and actions, both of token sequences."""
        if self.env is None:
            return self.spaces
        spaces = token_spaces(self._text.settings, self._text.size)
        return {INPUT_ENV_SPACES: spaces, INPUT_ENV_SINGLE_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def sample_episodes(self, episodes: Sequence[Episode]) -> tuple[list[SingleAgentEpisode], Any]:
        """Play exactly these episodes; return them with the runner's metrics."""
        self._plan = list(episodes)
        return self.sample(num_episodes=len(self._plan)), self.get_metrics()

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool = True,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[SingleAgentEpisode]:
        count = num_episodes or self.num_envs
        plan = self._plan or [(0, self._played + index) for index in range(count)]
        self._plan = None
        self._played += len(plan)
        self.module.eval()  # pyright: ignore
        choice: FilmChoice | None = self.module.choice  # pyright: ignore
        chooser = None if choice is None else FilmChooser(self.env.recommender, choice)  # pyright: ignore
        conversations = roll_out(self.module.lm, self._text, self.env, plan, self._env_spec.seed, chooser=chooser)  # pyright: ignore
        version, runner = self._weights_seq_no, int(self.worker_index or 0)
        done = [recorded_episode(conversation, runner, version) for conversation in conversations]
        self._done_episodes_for_metrics.extend(done)
        self._increase_sampled_metrics(sum(map(len, done)), len(done))
        return done


def recorded_episode(conversation: Conversation, runner: int, weights_version: int) -> SingleAgentEpisode:
    """A played conversation as RLlib's episode; custom data and a turn's further outputs say what else is known of it.

    Args:
        conversation: over, with as many turns as it has replies.
        runner: the number of the env runner that played it.
        weights_version: of the weights that it was sampled with.
    """
    episode = SingleAgentEpisode()
    episode.add_env_reset(observation=conversation.observations[0])
    last = len(conversation.replies) - 1
    for turn, reply in enumerate(conversation.replies):
        episode.add_env_step(
            observation=conversation.observations[turn + 1],
            action=reply.tokens,
            reward=conversation.rewards[turn],
            terminated=conversation.terminated and turn == last,
            truncated=conversation.truncated and turn == last,
            extra_model_outputs={
                Columns.ACTION_LOGP: reply.logp,
                CONVERSATION_PAY: conversation.outcomes[turn].conversation_pay,
                WEIGHTS_SEQ_NO: weights_version,
            },
        )
    episode.custom_data[EPISODE] = conversation.episode
    episode.custom_data[RUNNER] = runner
    episode.custom_data[OUTCOMES] = conversation.outcomes
    episode.custom_data[CHOICES] = conversation.choices[: last + 1]
    return episode


def token_spaces(settings: PolicySettings, vocabulary: int) -> tuple[TokenSequence, TokenSequence]:
    """Observation and action space of a policy with this many token ids."""
    longest = max(settings.max_history, settings.max_observation)
    return TokenSequence(vocabulary, longest), TokenSequence(vocabulary, settings.max_new)
