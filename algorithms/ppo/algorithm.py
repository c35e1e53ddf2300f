"""The algorithm: one iteration samples a fixed set of conversations and takes a fixed number of gradient steps."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
from ray.rllib.algorithms.ppo import PPO
from ray.rllib.core import COMPONENT_LEARNER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
    WEIGHTS_SEQ_NO,
)

from algorithms.policy.rollout import Episode
from algorithms.ppo.env_runner import EPISODE, OUTCOMES, RUNNER
from algorithms.settings.ppo import PPOSettings
from envs.errors import RunError

CONVERSATIONS = "conversations"
"""The key of an iteration's own figures in RLlib's result: plain numbers, not smoothed."""
_ATTEMPTS = 3


class ConversationPPO(PPO):
    """PPO with ``conversations_per_iteration`` whole conversations an iteration, however many turns they have."""

    def training_step(self) -> None:
        """Send the weights to the env runners, sample, update.

        Raises:
            RunError: conversations are missing after three attempts on the healthy env runners, or env runners and
                learner give different log-probabilities.
        """
        settings = PPOSettings(**self.config.learner_config_dict["ppo"])  # pyright: ignore
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):  # pyright: ignore
            weights, version = self._weights()
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):  # pyright: ignore
            episodes, lost = self._sample(settings.conversations_per_iteration, weights)
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):  # pyright: ignore
            self._update(episodes, settings)
        lag = version - min(int(episode.get_extra_model_outputs(WEIGHTS_SEQ_NO, 0)) for episode in episodes)
        more = {"resampled": lost, "weights_version": version, "weights_lag": lag}
        for name, value in (conversation_figures(episodes) | more).items():
            self.metrics.log_value((CONVERSATIONS, name), value, window=1)  # pyright: ignore
        learner = (LEARNER_RESULTS, DEFAULT_MODULE_ID)
        gap, most, bound = (
            float(self.metrics.peek((*learner, name)))  # pyright: ignore
            for name in ("sampler_gap", "sampler_gap_max", "sampler_gap_bound")
        )
        require_agreement(gap, most, bound, version, lag)

    def _weights(self) -> tuple[ray.ObjectRef, int]:
        """The learner's weights with their version, for an env runner's ``set_state``; and the version by itself."""
        module = f"{COMPONENT_LEARNER}/{COMPONENT_RL_MODULE}/{DEFAULT_MODULE_ID}"
        state = self.learner_group.get_state([module], inference_only=True)[COMPONENT_LEARNER]  # pyright: ignore
        sent = {name: state[name] for name in (COMPONENT_RL_MODULE, WEIGHTS_SEQ_NO)}
        return ray.put(sent), int(state[WEIGHTS_SEQ_NO])

    def _sample(self, count: int, weights: ray.ObjectRef) -> tuple[list[SingleAgentEpisode], int]:
        """The iteration's conversations in order, and how many had to be sampled again."""
        wanted: list[Episode] = [(self.iteration + 1, index) for index in range(count)]
        sampled: dict[Episode, SingleAgentEpisode] = {}
        lost = 0
        for attempt in range(_ATTEMPTS):
            missing = [episode for episode in wanted if episode not in sampled]
            if not missing:
                break
            lost += len(missing) if attempt else 0
            results = self._play(missing, weights)
            self.metrics.aggregate([metrics for _, metrics in results], key=ENV_RUNNER_RESULTS)  # pyright: ignore
            sampled |= {episode.custom_data[EPISODE]: episode for episodes, _ in results for episode in episodes}
            if len(sampled) < count and self.env_runner_group.num_remote_env_runners():  # pyright: ignore
                self.restore_env_runners(self.env_runner_group)  # pyright: ignore
        if len(sampled) < count:
            raise RunError(
                f"{count - len(sampled)} of {count} conversations are missing after {_ATTEMPTS} attempts: env runners "
                "keep failing. Look into their logs (ray logs) and resume from the last checkpoint"
            )
        return [sampled[episode] for episode in wanted], lost

    def _play(self, episodes: list[Episode], weights: ray.ObjectRef) -> list[tuple[list[SingleAgentEpisode], Any]]:
        group = self.env_runner_group
        if group.num_remote_env_runners() == 0:  # pyright: ignore[reportOptionalMemberAccess]
            return [_sample_episodes(group.local_env_runner, episodes, weights)]  # pyright: ignore
        runners = group.healthy_env_runner_ids()  # pyright: ignore[reportOptionalMemberAccess]
        shares = [episodes[index :: len(runners)] for index in range(len(runners))]
        busy = [(runner, share) for runner, share in zip(runners, shares, strict=True) if share]
        return group.foreach_env_runner(  # pyright: ignore[reportOptionalMemberAccess]
            [functools.partial(_sample_episodes, episodes=share, weights=weights) for _, share in busy],
            remote_worker_ids=[runner for runner, _ in busy],
            local_env_runner=False,
            timeout_seconds=self.config.sample_timeout_s,  # pyright: ignore[reportOptionalMemberAccess]
        )

    def _update(self, episodes: list[SingleAgentEpisode], settings: PPOSettings) -> None:
        learners = max(1, self.config.num_learners)  # pyright: ignore
        order = np.random.default_rng([self.config.seed or 0, self.iteration + 1]).permutation(len(episodes))  # pyright: ignore
        shards = shard_conversations([episodes[index] for index in order], learners)
        # Each learner gets whole conversations; RLlib's own sharding would cut them in the middle.
        remote = self.config.num_learners > 0  # pyright: ignore
        data: dict[str, Any] = (
            {"episodes_refs": [ray.put(shard) for shard in shards]} if remote else {"episodes": shards[0]}
        )
        steps = self.metrics.peek((ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME), default=0)  # pyright: ignore
        rows = settings.minibatch_conversations // learners
        results = self.learner_group.update(  # pyright: ignore[reportOptionalMemberAccess]
            **data,
            timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: steps},
            num_epochs=settings.epochs,
            minibatch_size=rows,
            # The size counts rows; RLlib would count turns. The order above is the same for any number of learners.
            num_total_minibatches=settings.epochs * -(-len(shards[0]) // rows),
            shuffle_batch_per_epoch=False,
        )
        self.metrics.aggregate(results, key=LEARNER_RESULTS)  # pyright: ignore[reportOptionalMemberAccess]


def require_agreement(gap: float, most: float, bound: float, version: int, lag: int) -> None:
    """Stop if the env runners' log-probabilities differ from the learner's, since PPO's ratios are then meaningless.

    Args:
        gap: mean absolute gap over action tokens, in nats.
        most: the largest absolute gap.
        bound: the largest mean gap that rounding explains.
        version: of the weights that were sent to the env runners.
        lag: how many versions behind it the oldest weights were that sampled.

    Raises:
        RunError: the gap is above the bound.
    """
    if gap <= bound:
        return
    raise RunError(
        f"env runners and learner differ by {gap:.3g} nats a token in their log-probabilities, {most:.3g} at most; the "
        f"bound is {bound:.3g}. The weights sent were version {version}, the oldest that sampled {version - lag}. With "
        "other versions an env runner kept old weights: look into its log (ray logs). With the same, look at "
        "policy.dtype (float32 makes the gap small), at policy.temperature and at changes of the model on one side "
        "alone. Where rounding of a large model explains it, raise ppo.sampler_gap"
    )


def shard_conversations(episodes: Sequence[SingleAgentEpisode], learners: int) -> list[list[SingleAgentEpisode]]:
    """Deal whole conversations to the learners in turn, an equal number to each.

    The learners' minibatches j together are minibatch j of a single learner.
    """
    return [list(episodes[index::learners]) for index in range(learners)]


def conversation_figures(episodes: Sequence[SingleAgentEpisode]) -> dict[str, float]:
    """An iteration's means: reward a turn and its parts by name, head scores, lengths, counts."""
    outcomes = [outcome for episode in episodes for outcome in episode.custom_data[OUTCOMES]]
    turns = len(outcomes)
    figures: dict[str, float] = {
        "conversations": len(episodes),
        "turns": turns,
        "tokens": sum(len(episode.get_actions(turn)) for episode in episodes for turn in range(len(episode))),
        "reward_mean": sum(episode.get_return() for episode in episodes) / turns,
        "length_words": sum(len(outcome.reply.split()) for outcome in outcomes) / turns,
        "cut": sum(outcome.cut for outcome in outcomes) / turns,
        "stripped": sum(outcome.stripped for outcome in outcomes) / turns,
        "empty_slots": sum(outcome.empty_slots for outcome in outcomes) / turns,
        "films": sum(len(outcome.films) for outcome in outcomes) / turns,
        "accepted": sum(outcome.accepted is not None for outcome in outcomes) / len(episodes),
        "seeker_failures": sum(bool(outcome.failure) for outcome in outcomes) / len(episodes),
        "incoherent": sum(outcome.incoherent for outcome in outcomes) / turns,
    }
    for head in outcomes[0].heads:
        figures[f"head_{head}"] = float(np.mean([outcome.heads[head] for outcome in outcomes]))
    for part in outcomes[0].parts:
        figures[f"reward_{part}"] = float(np.mean([outcome.parts[part] for outcome in outcomes]))
    for episode in episodes:
        name = f"conversations_runner_{episode.custom_data[RUNNER]}"
        figures[name] = figures.get(name, 0) + 1
    return figures


def _sample_episodes(
    runner: Any, episodes: list[Episode], weights: ray.ObjectRef
) -> tuple[list[SingleAgentEpisode], Any]:
    # Weights are set in the same call as the sampling. RLlib's own sync is dropped while an earlier one is in flight,
    # and misses a runner that Ray restarts after it; either runner would sample with old weights unnoticed.
    runner.set_state(ray.get(weights))
    return runner.sample_episodes(episodes)
