"""All that an env runner needs to build its environment, in a form that can be sent between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from algorithms.chat.seekers import SEEKERS
from algorithms.critic.critic import Critic
from algorithms.packaged_models import best_device
from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.responder import PLANNER, is_conditioned
from algorithms.recommender.cross_fitted import CrossFittedRecommender, train_recommender
from envs.conversation import ConversationVectorEnv
from envs.corpora.corpus import Corpus, load_corpus
from envs.errors import ModelError
from envs.rewards import HeadReference
from envs.seekers.registry import SeekerInputs, build_seeker
from envs.settings import DataSettings, EnvSettings, RewardSettings
from envs.turns.proposals import Recommenders


@dataclass(frozen=True, slots=True)
class EnvParts:
    """What an environment is made of, loaded once; environments of other splits and seekers share it."""

    corpus: Corpus
    recommender: Recommenders
    planner: TrainedEmotionPlanner
    critic: Critic


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """A description of an environment: settings and folders, no models.

    Attributes:
        data: the corpus.
        env: how conversations run.
        reward: how heads become a reward.
        critic: folder of the trained critic.
        recommender: folder of the trained recommender.
        responder: folder of the supervised policy; its planner picks the emotions of replies.
        reference: JSON of the heads' mean and deviation under the reference policy; None before it is measured.
        seed: of all random draws.
        split: the split of the corpus whose dialogues are played.
        draws_films: whether films are drawn as a part of the policy. Then one recommender proposes on every dialogue,
            the one that learnt from train; else one that has not seen the dialogue does.
        cache: where downloads are kept.
    """

    data: DataSettings
    env: EnvSettings
    reward: RewardSettings
    critic: Path
    recommender: Path
    responder: Path
    reference: Path | None
    seed: int
    split: Literal["train", "valid", "test"] = "train"
    draws_films: bool = False
    cache: Path | None = None

    def load(self) -> EnvParts:
        """The corpus and the trained parts, from their folders.

        Raises:
            ModelError: a folder does not hold its part, the responder was trained without films and emotions, or the
                reward pays for a head that the critic does not score.
        """
        if not is_conditioned(self.responder):
            raise ModelError(
                f"{self.responder} was trained without films and emotions, which every conversation shows: it is there "
                "for respond evaluate alone. Set supervised.conditioning=full"
            )
        paid = [head for head, weight in self.reward.weights.items() if weight]
        return EnvParts(
            load_corpus(self.data, self.cache),
            train_recommender(self.recommender) if self.draws_films else CrossFittedRecommender(self.recommender),
            TrainedEmotionPlanner.load(self.responder / PLANNER),
            Critic.load(self.critic, best_device(), paid),
        )

    def build(self, conversations: int, parts: EnvParts | None = None) -> ConversationVectorEnv:
        """Build the environment, which plays this many conversations at once.

        Args:
            conversations: played at once.
            parts: what ``load`` gave, to share it among environments; loaded here where None.

        Raises:
            ModelError: a part cannot be loaded, see ``load``, or the seeker's model cannot.
            ConfigError: there is no such seeker, or it speaks through an endpoint whose packages are missing.
        """
        parts = parts or self.load()
        corpus = parts.corpus
        return ConversationVectorEnv(
            corpus.splits[self.split],
            corpus.catalog,
            num_envs=conversations,
            seeker=build_seeker(SeekerInputs(self.env, corpus.catalog, self.seed, self.cache), SEEKERS),
            recommender=parts.recommender,
            planner=parts.planner,
            reward_model=parts.critic,
            settings=self.env,
            reward=self.reward,
            reference=None if self.reference is None else HeadReference.load(self.reference),
            seed=self.seed,
        )
