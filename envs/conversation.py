"""One conversation about films as a Gymnasium environment; ``ConversationVectorEnv`` runs N at once.

Actions and observations are text, so a language model or a person can play it::

    import gymnasium
    env = gymnasium.make("envs.conversation:ecr/ReDial-v1")
    observation, info = env.reset(seed=0)
    print(observation)
    observation, reward, terminated, truncated, info = env.step("How about <movie>?")

Importing this module registers ``ecr/ReDial-v1`` for ``gymnasium.make`` and ``gymnasium.make_vec``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
from gymnasium.error import ResetNeeded

from envs.catalog import Catalog
from envs.dialogue import Dialogue
from envs.turns.episodes import EVALUATION
from envs.turns.state import ConversationState, TurnOutcome
from envs.vector_conversation import METADATA, ConversationVectorEnv

__all__ = ["ENV_ID", "EVALUATION", "ConversationEnv", "ConversationVectorEnv", "TurnOutcome"]

ENV_ID = "ecr/ReDial-v1"


class ConversationEnv(gymnasium.Env[str, str]):
    """One conversation between a seeker, who wants a film, and a recommender, who is the agent.

    ## Description
    An episode starts from one human dialogue; a step is one whole utterance of the recommender. Before each step a
    film recommender proposes up to two films and a planner names up to three emotions that the reply should carry.
    Both read the conversation so far and nothing else. What the seeker likes never reaches the recommender's side.

    ## Action Space
    ``UtteranceSpace(max_characters)``: the reply. ``<movie>`` and ``<movie2>`` stand for the proposed films; a slot
    without a film is left out and counted. ``<cut>`` at the end says that the reply stopped at a limit; a reply that
    is longer than the space allows counts as cut, too. Before the seeker and the reward model read a reply, the
    environment strips role markers with all that follows them, special tokens, film ids and titles outside slots. What
    it strips is counted and penalised.

    ## Observation Space
    ``UtteranceSpace``, never empty. The first observation starts with the human history, a later one with the seeker's
    answer; emotions and proposal follow:
    ``<seeker>Something scary?<emotion>curious<proposal>The Conjuring (2013), horror<recommender>``. Without a planner
    no emotion is named. When the recommender opens there is no ``<seeker>``. A history shows recommender turns as
    ``<recommender>text<end>``.

    ## Starting State
    The replay seeker starts at a recommender turn drawn at random, with the human turns before it; the others
    with the human seeker's first lines. An episode is a function of (seed, stream, index): ``reset(seed=...)`` starts
    at (0, 0) and each later ``reset()`` adds 1 to the index; ``reset(options={"episodes": [(stream, index)]})``
    chooses. A stream uses every dialogue once before it uses one again; the stream ``EVALUATION`` takes them in order.

    ## Rewards
    The sum of ``info["turn"].parts``: each of the reward model's heads, normalised, capped and weighted; less
    ``missing_end`` for a cut reply, ``repetition`` for repeated word bigrams, ``markup`` for anything stripped and
    ``turns`` for the turn; plus ``acceptance`` on the turn whose answer accepts a film. A control (``reward.source``)
    pays ``random`` or ``length`` in place of the heads.

    ## Episode End
    Terminated: the seeker accepts a film, says goodbye or leaves, the replayed dialogue ends, or ``horizon`` (replay)
    or ``max_turns`` (others) turns are over; the last observation is the seeker's line alone, and nothing is worth
    anything after it. The turn limit is part of the task: an evaluation stops there, too. Truncated: the seeker's model
    fails before that (``info["turn"].failure``), or the caller has no room for another turn (``truncate``). A truncated
    episode ends with a complete observation, so that its value can be bootstrapped.

    ## Arguments
    As for ``ConversationVectorEnv``, without ``num_envs``: ``dialogues``, ``catalog``, ``seeker``, ``recommender``,
    ``planner``, ``reward_model``, ``settings``, ``reward``, ``reference``, ``seed``, ``render_mode``.

    ## Version History
    * v1: replay, profile and model seekers.
    """

    metadata = METADATA

    def __init__(
        self,
        dialogues: Sequence[Dialogue] | None = None,
        catalog: Catalog | None = None,
        *,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        """Prepare one conversation; the arguments are those of ``ConversationVectorEnv``."""
        self._one = ConversationVectorEnv(dialogues, catalog, num_envs=1, render_mode=render_mode, **arguments)
        self.render_mode = render_mode
        self.metadata = dict(type(self).metadata)  # Gymnasium's vectorisers write into it
        self.observation_space = self._one.single_observation_space
        self.action_space = self._one.single_action_space

    @property
    def conversation(self) -> ConversationState:
        """The state, for reading the transcript.

        Raises:
            ResetNeeded: there was no reset yet.
        """
        state = self._one.conversations[0]
        if state is None:
            raise ResetNeeded("the conversation has not begun; call reset()")
        return state

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start a conversation; ``options`` may hold ``episodes``, a list of one (stream, index).

        Raises:
            ConfigError: an unknown option.
        """
        super().reset(seed=seed)
        observations, _ = self._one.reset(seed=seed, options=options)
        return observations[0], {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Say ``action``; ``info["turn"]`` is the ``TurnOutcome``.

        Raises:
            ResetNeeded: the conversation is over or has not begun.
            ValueError: the action is not a string.
        """
        if self.conversation.over:
            raise ResetNeeded("this conversation is over; call reset()")
        observations, rewards, terminated, truncated, infos = self._one.step((action,))
        info = {"turn": infos["turn"][0]}
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info

    def render(self) -> str | None:
        """The transcript in mode ``"ansi"``, else None."""
        transcripts = self._one.render()
        return None if transcripts is None else transcripts[0]


if ENV_ID not in gymnasium.registry:
    gymnasium.register(
        ENV_ID,
        entry_point="envs.conversation:ConversationEnv",
        vector_entry_point="envs.conversation:ConversationVectorEnv",
    )
