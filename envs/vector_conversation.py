"""N conversations at once as a Gymnasium vector environment; judge, recommender and planner each see one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.catalog import Catalog
from envs.corpora.corpus import Corpus, load_corpus
from envs.dialogue import Dialogue, Utterance
from envs.emotions import MOST, NINE, EmotionPlanner
from envs.errors import ConfigError
from envs.heads import Exchange, HeadScores, RewardModel
from envs.reward_sources import JudgedReply
from envs.rewards import HeadReference, RewardShaper
from envs.seekers.protocol import Seeker
from envs.seekers.registry import SeekerInputs, build_seeker
from envs.settings import DataSettings, EnvSettings, RewardSettings
from envs.turns.episodes import Episode, dialogue_place, episode_rng
from envs.turns.proposals import PopularFilms, Recommenders, propose_films
from envs.turns.replies import Reply, read_reply
from envs.turns.spaces import UtteranceSpace
from envs.turns.state import ConversationState, SeekerTurn, TurnOutcome

METADATA: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}
"""Gymnasium's metadata of both environments."""

_VECTOR_METADATA = {**METADATA, "autoreset_mode": AutoresetMode.DISABLED}
_MARKERS_LENGTH = 32
"""An upper bound, in characters, of the markers around one utterance."""


class ConversationVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], np.ndarray]):
    """N conversations at once; one batch judges their replies, and one batch proposes their films.

    Everything that ``ConversationEnv`` says holds for each row. Rows do not reset by themselves
    (``AutoresetMode.DISABLED``): give ``reset`` the rows. A row that is over ignores its action; it gives an empty
    observation, reward 0, None in ``infos["turn"]``, and keeps its flags.

    Args:
        dialogues: what conversations start from; the embedded corpus's train split where None.
        catalog: the films of the dialogues; None only together with ``dialogues``.
        num_envs: N.
        seeker: the name of one, such as ``"replay"``, or a seeker, such as a ``ModelSeeker``; what ``settings`` says
            where None.
        recommender: proposes films, the same for all dialogues or chosen by dialogue; None proposes the most mentioned
            films that are not yet named.
        planner: says which emotions a reply should carry; None shows none.
        reward_model: judges replies; without one (None) every head pays 0.
        settings: how a conversation runs.
        reward: weights and penalties.
        reference: normalises the heads; ``HeadReference.identity()`` where None.
        seed: at least 0; an episode is a function of it and of (stream, index).
        render_mode: ``"ansi"`` for ``render``, or None.

    Raises:
        ConfigError: there are no dialogues, dialogues come without their catalogue, or a value is out of range.
    """

    metadata = _VECTOR_METADATA

    def __init__(
        self,
        dialogues: Sequence[Dialogue] | None = None,
        catalog: Catalog | None = None,
        *,
        num_envs: int = 1,
        seeker: Seeker | str | None = None,
        recommender: Recommenders | None = None,
        planner: EmotionPlanner | None = None,
        reward_model: RewardModel | None = None,
        settings: EnvSettings | None = None,
        reward: RewardSettings | None = None,
        reference: HeadReference | None = None,
        seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        """Prepare N rows; no conversation runs before ``reset``."""
        self._dialogues, self._catalog = _world(dialogues, catalog)
        if num_envs < 1 or seed < 0:
            raise ConfigError(f"num_envs is at least 1 and seed at least 0; they are {num_envs} and {seed}")
        self._settings = settings or EnvSettings()
        self._seeker = _seeker(self._settings.seeker if seeker is None else seeker, self._settings, self._catalog, seed)
        self.recommender: Recommenders = recommender or PopularFilms(self._dialogues, self._catalog)
        """Proposes films from the next reset or step on; it may be replaced between conversations."""
        self._planner, self._reward_model = planner, reward_model
        self._shaper = RewardShaper(reward or RewardSettings(), reference)
        self._seed, self._next_index = seed, 0
        self._rows: list[ConversationState | None] = [None] * num_envs
        self._observed = [""] * num_envs
        self.num_envs, self.render_mode = num_envs, render_mode
        self.metadata = dict(type(self).metadata)  # Gymnasium's vectorisers write into it
        self.single_action_space = UtteranceSpace(self._settings.max_characters)
        self.single_observation_space = UtteranceSpace(_longest_observation(self._settings, self._catalog))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    @property
    def dialogue_count(self) -> int:
        """The dialogues that episodes start from."""
        return len(self._dialogues)

    @property
    def catalog(self) -> Catalog:
        """The films that conversations may name."""
        return self._catalog

    @property
    def conversations(self) -> list[ConversationState | None]:
        """The state of each row, live or over, for reading transcripts; None for a row that was never reset."""
        return list(self._rows)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Start conversations anew.

        Args:
            seed: replaces the environment's seed, and counts episodes from 0 again.
            options: ``reset_mask``, bool of shape (N,): the rows to reset, all where absent; ``episodes``: one
                (stream, index) for each of those rows, in order. Without it the environment counts: (0, 0), (0, 1), …

        Returns:
            N observations (those of other rows as they were) and an empty dict.

        Raises:
            ConfigError: an unknown option, a mask of another shape or type, or another number of episodes than rows.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._seed, self._next_index = seed, 0
        rows, episodes = self._requested(options or {})
        states = [self._start(episode) for episode in episodes]
        self._propose(states)
        for row, state in zip(rows, states, strict=True):
            self._rows[row], self._observed[row] = state, state.observation()
        return tuple(self._observed), {}

    def step(
        self, actions: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One reply in every conversation that is not over.

        Args:
            actions: N replies.

        Returns:
            N observations; rewards, float64 of shape (N,); terminations and truncations, bool of shape (N,); infos
            with ``turn``, an object array of shape (N,) of ``TurnOutcome`` or None, and its mask ``_turn``.

        Raises:
            ResetNeeded: no row was ever reset.
            ValueError: the number of actions is not N, or one of them is not a string.
        """
        if not any(self._rows):
            raise ResetNeeded("call reset() before step()")
        if len(actions) != self.num_envs or not all(isinstance(action, str) for action in actions):
            raise ValueError(f"step takes {self.num_envs} strings, one for each conversation")
        live = [row for row, state in enumerate(self._rows) if state is not None and not state.over]
        states = [state for state in self._rows if state is not None and not state.over]
        outcomes = self._turns(states, [actions[row] for row in live])
        self._propose([state for state in states if not state.terminated])

        rewards = np.zeros(self.num_envs)
        turns = np.full(self.num_envs, None, dtype=object)
        self._observed = [""] * self.num_envs
        for row, state, outcome in zip(live, states, outcomes, strict=True):
            self._observed[row] = state.observation()
            rewards[row] = outcome.reward
            turns[row] = outcome
        terminated = np.array([state is not None and state.terminated for state in self._rows])
        truncated = np.array([state is not None and state.truncated for state in self._rows])
        infos = {"turn": turns, "_turn": turns != None}  # noqa: E711 - elementwise
        return tuple(self._observed), rewards, terminated, truncated, infos

    def contexts(self, rows: Sequence[int]) -> list[tuple[Utterance, ...]]:
        """The contexts that recommenders read for these rows: the turns so far, films as ``@id``."""
        return [tuple(self._row(row).utterances) for row in rows]

    def show_films(self, rows: Sequence[int], films: Sequence[Sequence[int]]) -> list[str]:
        """Replace the films proposed for the next turn of these rows; return the rows' new observations."""
        for row, proposal in zip(rows, films, strict=True):
            state = self._row(row)
            state.proposal = tuple(map(int, proposal[: self._settings.proposals]))
            self._observed[row] = state.observation()
        return [self._observed[row] for row in rows]

    def truncate(self, row: int) -> None:
        """Truncate this row's conversation, for example when the policy has no room for another turn."""
        self._row(row).truncated = True

    def _row(self, row: int) -> ConversationState:
        state = self._rows[row]
        if state is None:
            raise ResetNeeded(f"conversation {row} was never reset")
        return state

    def appraise(self, actions: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """What the heads would pay for replies, without saying them.

        Args:
            actions: candidate replies for each conversation that is not over, in order.

        Returns:
            For each conversation the sum of the heads' pay, one number a reply. It does not contain what depends on the
            seeker's answer.
        """
        states = [state for state in self._rows if state is not None and not state.over]
        exchanges = [
            Exchange(tuple(state.rendered), self._read(state, action).text)
            for state, replies in zip(states, actions, strict=True)
            for action in replies
        ]
        _, paid = self._score(exchanges)
        return np.split(paid.sum(1), np.cumsum([len(replies) for replies in actions])[:-1])

    def render(self) -> tuple[str, ...] | None:
        """N transcripts in mode ``"ansi"``, else None."""
        if self.render_mode != "ansi":
            return None
        return tuple("" if state is None else state.transcript() for state in self._rows)

    def _requested(self, options: Mapping[str, Any]) -> tuple[list[int], list[Episode]]:
        """The rows to reset, and their episodes."""
        unknown = sorted(set(options) - {"reset_mask", "episodes"})
        if unknown:
            raise ConfigError(f"unknown reset options {unknown}; they are reset_mask and episodes")
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, dtype=bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise ConfigError(f"reset_mask must be bool of shape ({self.num_envs},), not {mask.dtype} of {mask.shape}")
        rows = [int(row) for row in np.flatnonzero(mask)]
        episodes = options.get("episodes")
        if episodes is None:
            first = self._next_index
            self._next_index += len(rows)
            episodes = [(0, index) for index in range(first, self._next_index)]
        if len(episodes) != len(rows):
            raise ConfigError(f"{len(episodes)} episodes for {len(rows)} rows; give one (stream, index) a row")
        return rows, [(int(stream), int(index)) for stream, index in episodes]

    def _start(self, episode: Episode) -> ConversationState:
        """The episode's first state: a function of (seed, stream, index) alone."""
        rng = episode_rng(self._seed, episode)
        index = dialogue_place(self._seed, episode, len(self._dialogues))
        dialogue = self._dialogues[index]
        state = ConversationState(
            episode=episode,
            dialogue=dialogue,
            dialogue_index=index,
            rng=rng,
            opening=self._seeker.start(dialogue, rng),
            catalog=self._catalog,
            max_characters=self._settings.max_characters,
        )
        state.show_history(self._settings.max_history)
        return state

    def _propose(self, states: Sequence[ConversationState]) -> None:
        """The films and emotions of the next turn of each conversation, in one call of each that proposes them."""
        if not states:
            return
        count = self._settings.proposals
        contexts = [tuple(state.utterances) for state in states]
        proposals = propose_films(self.recommender, [state.dialogue for state in states], contexts, count)
        plans = [()] * len(states) if self._planner is None else self._planner.plan(contexts)
        for state, films, emotions in zip(states, proposals, plans, strict=True):
            state.proposal, state.emotions = tuple(map(int, films[:count])), emotions

    def _turns(self, states: Sequence[ConversationState], actions: Sequence[str]) -> list[TurnOutcome]:
        """Say the replies, and let the reward model judge and the seeker answer them."""
        replies = [self._read(state, action) for state, action in zip(states, actions, strict=True)]
        contexts = [tuple(state.rendered) for state in states]
        exchanges = [Exchange(context, reply.text) for context, reply in zip(contexts, replies, strict=True)]
        scores, head_pay = self._score(exchanges)
        paid = self._paid(states, exchanges, scores.heads, head_pay)
        earlier = [state.replies() for state in states]
        for state, reply in zip(states, replies, strict=True):
            state.add_reply(reply)
        outcomes = []
        for row, (state, answer) in enumerate(zip(states, self._seeker.answer(states), strict=True)):
            state.add_answer(answer)
            state.terminated = answer.ended or len(state.turns) >= self._seeker.turns
            state.truncated = bool(answer.failure) and not state.terminated
            heads = dict(zip(scores.heads, map(float, scores.mean[row]), strict=True))
            outcomes.append(self._outcome(state, contexts[row], replies[row], answer, heads, paid[row], earlier[row]))
        return outcomes

    def _read(self, state: ConversationState, action: str) -> Reply:
        return read_reply(action, state.proposal, self._catalog, self._settings.max_characters)

    def _score(self, exchanges: Sequence[Exchange]) -> tuple[HeadScores, np.ndarray]:
        """The scores of N exchanges and what each head pays for them, (N, heads); no heads without a reward model."""
        if self._reward_model is None or not exchanges:
            nothing = np.zeros((len(exchanges), 0))
            return HeadScores(nothing, nothing, ()), nothing
        scores = self._reward_model.score(exchanges)
        return scores, self._shaper.heads(scores)

    def _paid(
        self,
        states: Sequence[ConversationState],
        exchanges: Sequence[Exchange],
        heads: Sequence[str],
        head_pay: np.ndarray,
    ) -> list[Mapping[str, float]]:
        """What the reward source pays for the replies that are about to be said, by name."""
        keys = [(self._seed, *state.episode, len(state.turns) + 1) for state in states]
        pays = [dict(zip(heads, map(float, row), strict=True)) for row in head_pay]
        return self._shaper.pay(
            [JudgedReply(exchange, pay, key) for exchange, pay, key in zip(exchanges, pays, keys, strict=True)]
        )

    def _outcome(
        self,
        state: ConversationState,
        context: tuple[Utterance, ...],
        reply: Reply,
        answer: SeekerTurn,
        heads: dict[str, float],
        paid: Mapping[str, float],
        earlier: Sequence[str],
    ) -> TurnOutcome:
        accepted = answer.accepted is not None
        reference = state.opening.reference if len(state.turns) == 1 else None
        return TurnOutcome(
            reply=reply.text,
            context=context,
            films=reply.films,
            heads=heads,
            parts=self._shaper.parts(
                paid,
                reply.text,
                earlier,
                cut=reply.cut,
                stripped=reply.stripped,
                accepted=accepted,
            ),
            accepted=answer.accepted,
            failure=answer.failure,
            cut=reply.cut,
            stripped=reply.stripped,
            empty_slots=reply.empty_slots,
            incoherent=answer.incoherent,
            reference=None if reference is None else state.render(reference),
            proposal=state.proposal,
            emotions=state.emotions,
        )


def _world(dialogues: Sequence[Dialogue] | None, catalog: Catalog | None) -> tuple[Sequence[Dialogue], Catalog]:
    if dialogues is None and catalog is None:
        sample = _sample()
        return sample.train, sample.catalog
    if not dialogues or catalog is None:
        raise ConfigError("a conversation needs dialogues and their catalogue; give both, or neither for the sample")
    return dialogues, catalog


@cache
def _sample() -> Corpus:
    return load_corpus(DataSettings())


def _seeker(seeker: Seeker | str, settings: EnvSettings, catalog: Catalog, seed: int) -> Seeker:
    if not isinstance(seeker, str):
        return seeker
    return build_seeker(SeekerInputs(settings.model_copy(update={"seeker": seeker}), catalog, seed))


def _longest_observation(settings: EnvSettings, catalog: Catalog) -> int:
    """An upper bound, in characters, of an observation: history or answer, emotions, proposal, markers."""
    turns = max(1, settings.max_history) * (settings.max_characters + _MARKERS_LENGTH)
    film = max((len(catalog.describe(film_id)) for film_id in catalog.ids), default=0) + len("; ")
    emotions = MOST * (max(map(len, NINE)) + len(", "))
    return turns + emotions + settings.proposals * film + _MARKERS_LENGTH
