"""Evaluate a responder on human contexts: sample one reply a case, and compute the likelihood of the human reply.

A case is a recommender turn with text in a human dialogue; its context is the turns before it. The responder's prompt
is that of the environment: the last ``env.max_history`` turns, the recommender's films, the planner's emotions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.packaged_models import best_device
from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.responder import PLANNER, is_conditioned, row_nats
from algorithms.policy.responder_rows import Row, reply_with_slots
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.settings.policy import PolicySettings
from ecr_rl.labels.replies.examples import human_examples
from ecr_rl.labels.replies.made_replies import Case, PolicyReply
from ecr_rl.labels.replies.policy_replies import PolicyReplies, sample_replies, state_before
from ecr_rl.labels.replies.policy_store import stored_replies
from ecr_rl.runs.artefacts import ArtefactCache, model_version
from ecr_rl.runs.source_closure import code_version
from envs.catalog import Catalog
from envs.corpora.spread import evenly_spread
from envs.dialogue import Dialogue, Utterance, mentioned_films
from envs.marks import decided
from envs.progress import OnStep
from envs.settings import EnvSettings
from envs.turns.proposals import Recommenders, propose_films

_BATCH = 16
"""Rows of a forward pass over human replies."""
_ASKED = 32
"""Cases that are answered in one batch."""
Shown = Sequence[tuple[tuple[str, ...], tuple[int, ...]]]
"""For each case the emotions and films in its prompt."""


@dataclass(frozen=True)
class Responder:
    """A trained responder, with its run's settings of reading and sampling."""

    name: str
    folder: Path
    policy: PolicySettings
    env: EnvSettings

    @cached_property
    def planner(self) -> TrainedEmotionPlanner:
        """Its own planner of emotions."""
        return TrainedEmotionPlanner.load(self.folder / PLANNER)

    @cached_property
    def conditioned(self) -> bool:
        """Whether it was trained with emotions and films in its prompt."""
        return is_conditioned(self.folder)


@dataclass(frozen=True)
class GoldCases:
    """N cases of some dialogues."""

    dialogues: Sequence[Dialogue]
    catalog: Catalog
    cases: Sequence[Case]

    @classmethod
    def spread(cls, dialogues: Sequence[Dialogue], catalog: Catalog, count: int | None) -> GoldCases:
        """``count`` cases, spread evenly over all of the dialogues, in their order; all of them where None."""
        cases = [(example.dialogue, example.turn) for example in human_examples(dialogues, catalog)]
        chosen = evenly_spread(len(cases), len(cases) if count is None else count)
        return cls(dialogues, catalog, [cases[index] for index in chosen])

    @cached_property
    def human(self) -> list[str]:
        """What the human said in each case, films as ``@id``."""
        return [self.dialogues[index].utterances[turn].text for index, turn in self.cases]

    def contexts(self, env: EnvSettings) -> list[tuple[Utterance, ...]]:
        """The turns before each case as the environment shows them, films as ``@id``."""
        states = (state_before(case, self.dialogues[case[0]], self.catalog, env) for case in self.cases)
        return [tuple(state.utterances) for state in states]


@dataclass(frozen=True)
class AskedCases:
    """The cases that responders answer, and the cache of their replies.

    Attributes:
        gold: the cases.
        recommender: proposes the films.
        proposes: the recommender's identity, for the cache.
        cache: the cache folder.
        seed: of the sampling noise, and of the bootstrap's resamples.
    """

    gold: GoldCases
    recommender: Recommenders
    proposes: str
    cache: Path
    seed: int


def sampled_replies(responder: Responder, asked: AskedCases, on_step: OnStep) -> list[str]:
    """One reply a case, films as ``@id``; what was sampled before is read from the cache.

    Args:
        responder: who answers, at its own temperature.
        asked: the cases.
        on_step: told of progress, in cases.
    """
    gold = asked.gold
    key = {**_answered(responder, asked), "recommender": asked.proposes, "code": code_version(sampled_replies)}
    sample = partial(
        sample_replies,
        dialogues=gold.dialogues,
        catalog=gold.catalog,
        responder=responder.folder,
        recommender=asked.recommender,
        policy=responder.policy,
        env=responder.env,
        temperatures=(responder.policy.temperature,),
        seed=asked.seed,
    )
    folder = ArtefactCache(asked.cache).folder("responses", key)
    return [reply.mentions for reply in stored_replies(folder, gold.cases, sample, on_step)]


def replies_as_asked(responder: Responder, asked: AskedCases, on_step: OnStep) -> list[str]:
    """One reply a case to a prompt with the human reply's own emotions and films; it shows whether they are followed.

    The noise is that of ``sampled_replies``; what was sampled before is read from the cache.
    """
    gold = asked.gold
    shown = dict(zip(gold.cases, _shown(responder, gold, asked.recommender)["perplexity_human"], strict=True))
    key = {**_answered(responder, asked), "shown": list(shown.values()), "code": code_version(replies_as_asked)}
    model = load_causal_lm(responder.folder, device=best_device()).eval()
    text = ConversationText(load_tokenizer(str(responder.folder)), responder.policy)

    def sample(cases: Sequence[Case]) -> list[PolicyReply]:
        given = _Given([shown[case] for case in cases])
        temperatures = (responder.policy.temperature,)
        sampler = PolicyReplies(model, text, gold.catalog, given, given, responder.env, temperatures, asked.seed)
        answers: dict[Case, list[PolicyReply]] = {}
        for answered in sampler.batches(cases, gold.dialogues, _ASKED):
            answers |= answered
        return [reply for case in cases for reply in answers[case]]

    folder = ArtefactCache(asked.cache).folder("responses", key)
    return [reply.mentions for reply in stored_replies(folder, gold.cases, sample, on_step)]


@dataclass(frozen=True)
class _Given:
    """A planner and recommender that return known emotions and films, in the order of the contexts."""

    shown: Shown

    def plan(self, contexts: Sequence[Sequence[Utterance]]) -> list[tuple[str, ...]]:
        return [emotions for emotions, _ in self.shown]

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        return [list(films[:count]) for _, films in self.shown]


def _answered(responder: Responder, asked: AskedCases) -> dict[str, Any]:
    """The part of the cache key that decides a responder's replies, without prompt and code."""
    gold = asked.gold
    indices = sorted({index for index, _ in gold.cases})
    return {
        "cases": list(gold.cases),
        "dialogues": {index: [repr(turn) for turn in gold.dialogues[index].utterances] for index in indices},
        "responder": model_version(str(responder.folder)),
        "policy": responder.policy.model_dump(),
        "env": decided(responder.env, {"responder"}),
        "seed": asked.seed,
    }


@dataclass(frozen=True)
class Likelihood:
    """For N cases the human reply's nats and number of whitespace words; both are 0 for a case that is left out."""

    nats: np.ndarray
    words: np.ndarray


def human_likelihoods(responder: Responder, gold: GoldCases, recommender: Recommenders) -> dict[str, Likelihood]:
    """The likelihood of the human replies under the responder, with their films as slots.

    The text is the same whatever is proposed: the reply's first film is ``<movie>``, its second ``<movie2>``. Replies
    with more films than a proposal has, and those that do not fit the model's positions, are left out.

    Returns:
        ``perplexity``: given what the responder knows when it answers, the recommender's films and the planner's
        emotions; ``perplexity_human``: given the human reply's own films and emotions. The prompt of an unconditioned
        responder has neither, and both are the same.
    """
    model = load_causal_lm(responder.folder, device=best_device())
    text = ConversationText(load_tokenizer(str(responder.folder)), responder.policy)
    answers: dict[str, Likelihood] = {}
    for name, shown in _shown(responder, gold, recommender).items():
        rows, words = _rows(responder, gold, text, shown)
        kept = [index for index, row in enumerate(rows) if row is not None]
        nats = np.zeros(len(rows))
        nats[kept] = row_nats(model, [row for row in rows if row is not None], _BATCH)
        answers[name] = Likelihood(nats, words)
    return answers if responder.conditioned else answers | {"perplexity_human": answers["perplexity"]}


def _shown(responder: Responder, gold: GoldCases, recommender: Recommenders) -> Mapping[str, Shown]:
    if not responder.conditioned:
        return {"perplexity": [((), ())] * len(gold.cases)}
    count, contexts = responder.env.proposals, gold.contexts(responder.env)
    dialogues = [gold.dialogues[index] for index, _ in gold.cases]
    films = [tuple(map(int, films[:count])) for films in propose_films(recommender, dialogues, contexts, count)]
    own = [tuple(mentioned_films(reply)[:count]) for reply in gold.human]
    # A human reply without films counts as declining, so its prompt has the films that the recommender proposes.
    own = [mine or proposed for mine, proposed in zip(own, films, strict=True)]
    planner = responder.planner
    return {
        "perplexity": list(zip(planner.plan(contexts), films, strict=True)),
        "perplexity_human": list(zip(planner.carried(gold.human), own, strict=True)),
    }


def _rows(
    responder: Responder, gold: GoldCases, text: ConversationText, shown: Shown
) -> tuple[list[Row | None], np.ndarray]:
    """A row for each case, None where it is left out, and the words of its reply."""
    rows: list[Row | None] = []
    words = np.zeros(len(gold.cases))
    for index, (case, (emotions, films)) in enumerate(zip(gold.cases, shown, strict=True)):
        state = state_before(case, gold.dialogues[case[0]], gold.catalog, responder.env)
        state.emotions, state.proposal = emotions, films
        named = mentioned_films(gold.human[index])
        reply, whole = reply_with_slots(gold.human[index], named[: responder.env.proposals], gold.catalog)
        observation, action = text.observation(state.observation(), first=True), text.action(reply)
        tokens = np.concatenate([observation, action])
        if not whole or len(tokens) > responder.policy.positions:
            rows.append(None)
            continue
        loss = np.arange(len(tokens)) >= len(observation)
        rows.append(Row(tokens, loss, loss.astype(np.float32)))
        words[index] = len(reply.split())
    return rows, words
