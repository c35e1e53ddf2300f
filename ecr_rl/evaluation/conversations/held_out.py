"""Play a policy's conversations with held-out seekers, and let all judges score them.

Every policy meets the same seekers with the same seeds and the same sampling noise. Free conversations use the run's
own seeker. For BLEU the policy also gives one reply to each human context (replay, horizon 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from algorithms.evaluators.pmi import ContextInformation
from algorithms.evaluators.registry import evaluator_of
from algorithms.packaged_models import best_device
from algorithms.people.evaluator import usable_evaluator
from algorithms.policy.language_model import load_causal_lm, policy_dtype
from algorithms.policy.rollout import Conversation, Episode, roll_out, score_tokens
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.recommender.recommender import Recommender
from ecr_rl.config import RunConfig
from ecr_rl.evaluation.conversations.held_out_judges import TurnJudgement, TurnJudges
from ecr_rl.evaluation.conversations.records import ConversationRecord, GoldRecord, TurnRecord
from ecr_rl.runs.artefacts import RECOMMENDER, ArtefactFolders
from ecr_rl.settings import EvaluationSettings
from ecr_rl.training.ppo import env_spec_of
from envs.conversation import EVALUATION
from envs.corpora.spread import evenly_spread
from envs.dialogue import SeekerProfile
from envs.film_text.markup import EMOTION, plain
from envs.progress import OnStep

_BATCH = 50
"""The most conversations that are played at the same time."""


@dataclass(frozen=True)
class Played:
    """A policy's records in the order of the episodes, and the indices of those in which the seeker failed."""

    records: list[ConversationRecord]
    failed: set[tuple[int, int]]


def dialogues_of(available: int, asked: EvaluationSettings) -> tuple[list[int], set[int], set[int]]:
    """The indices of an evaluation's dialogues, spread evenly over a split.

    Args:
        available: dialogues of the split.
        asked: the numbers of dialogues.

    Returns:
        The dialogues that policies converse on; of these, spread evenly again, those with replies to human contexts,
        and those whose PMI is measured.
    """
    played = evenly_spread(available, asked.dialogues)
    answered, informed = (
        {played[index] for index in evenly_spread(len(played), count)}
        for count in (asked.gold_replies, asked.pmi_dialogues)
    )
    return played, answered, informed


class HeldOutConversations:
    """The test dialogues of a run's evaluation (``dialogues_of``), for one policy after the other."""

    def __init__(self, config: RunConfig, artefacts: ArtefactFolders, reference: Path) -> None:
        """Set up seekers and judges.

        Args:
            config: the run's settings.
            artefacts: the trained parts; the responder is the reference of the KL.
            reference: the heads' means and deviations.
        """
        spec, asked = env_spec_of(config, artefacts, reference, "test"), config.evaluation
        parts = spec.load()
        corpus = parts.corpus
        self._config, self._dialogues = config, corpus.test
        self._played, self._answered, self._informed = dialogues_of(len(corpus.test), asked)
        self._free = spec.build(min(len(self._played), _BATCH), parts)
        self._gold = env_spec_of(config, artefacts, reference, "test", seeker="replay", horizon=1).build(_BATCH, parts)
        self._recommender = self._free.recommender
        self._text = ConversationText(load_tokenizer(str(artefacts.responder)), config.policy)
        self._supervised = artefacts.responder
        self._reference = load_causal_lm(self._supervised, device=best_device()).eval()
        information = None
        if asked.pmi_dialogues:
            information = ContextInformation.load(asked.language_model, config.cache_folder)
        reporting = evaluator_of(asked.reporting).load(artefacts.reporting_evaluator)
        people = usable_evaluator(artefacts.people_reporting)
        self._judges = TurnJudges(corpus.catalog, reporting, people, artefacts.critic, information)

    @property
    def episodes(self) -> list[Episode]:
        """The free conversations, on dialogues that are spread evenly over the split.

        Repeats of a dialogue have indices one number of dialogues apart, and other noise.
        """
        apart, repeats = len(self._dialogues), self._config.evaluation.repeats
        return [(EVALUATION, index + apart * repeat) for repeat in range(repeats) for index in self._played]

    def play(self, folder: Path, on_step: OnStep, candidates: int = 1) -> Played:
        """Let the policy of a folder converse.

        Args:
            folder: model and tokenizer, with the responder's tokens. Films come from the folder's recommender if it has
                one, else from the run's.
            on_step: called with the conversations done.
            candidates: number of replies sampled a turn, from which the training critic chooses. With more than 1 there
                are no gold replies, and no KL, since the probability of the chosen reply is unknown.
        """
        device, wanted = best_device(), self._config.policy
        policy = load_causal_lm(folder, dtype=policy_dtype(wanted, device), device=device).eval()
        moved = folder != self._supervised
        # Log-probabilities from sampling in float32 are exact; in another dtype they are computed again.
        anew = moved and policy.dtype != self._reference.dtype
        exact = load_causal_lm(folder, device=device).eval() if anew else None
        own = folder / RECOMMENDER
        self._free.recommender = self._gold.recommender = Recommender.load(own) if own.is_dir() else self._recommender
        episodes, seed, records, failed = self.episodes, self._config.seed, [], set()
        for start in range(0, len(episodes), _BATCH):
            batch = episodes[start : start + _BATCH]
            talks = roll_out(policy, self._text, self._free, batch, seed, candidates)
            answered = [episode for episode in batch if episode[1] in self._answered and candidates == 1]
            gold = _gold(roll_out(policy, self._text, self._gold, answered, seed), self._judges)
            for talk in talks:
                kl = self._kl(exact, talk, moved) if candidates == 1 else [None] * len(talk.replies)
                records.append(self._record(talk, gold.get(talk.episode, []), kl))
                if talk.outcomes[-1].failure:
                    failed.add(records[-1].key)
            on_step(len(records), len(episodes), {})
        return Played(records, failed)

    def _kl(self, exact: PreTrainedModel | None, talk: Conversation, moved: bool) -> list[float]:
        """For each turn log p_policy - log p_reference, summed over the reply's tokens, in nats."""
        if not moved:
            return [0.0] * len(talk.replies)
        temperature = self._config.policy.temperature
        said = [reply.logp for reply in talk.replies] if exact is None else score_tokens(exact, talk, temperature)
        theirs = score_tokens(self._reference, talk, temperature)
        return [float((mine.astype(np.float64) - other).sum()) for mine, other in zip(said, theirs, strict=True)]

    def _record(self, talk: Conversation, gold: list[GoldRecord], kl: Sequence[float | None]) -> ConversationRecord:
        repeat, dialogue_index = divmod(talk.episode[1], len(self._dialogues))
        dialogue = self._dialogues[dialogue_index]
        judged = self._judges.judge(talk, dialogue.profile, dialogue_index in self._informed)
        return ConversationRecord(
            index=dialogue_index,
            repeat=repeat,
            conversation_id=dialogue.conversation_id,
            history=[{"role": turn.role, "text": turn.text} for turn in talk.outcomes[0].context],
            turns=_turns(talk, judged, kl, dialogue.profile),
            gold=gold,
            seed=self._config.seed,
        )


def _gold(talks: Sequence[Conversation], judges: TurnJudges) -> dict[Episode, list[GoldRecord]]:
    """For each conversation that begins in place of a human reply, its first reply and the human one."""
    pairs = [(talk.episode, talk.outcomes[0].reply, talk.outcomes[0].reference) for talk in talks]
    known = [(episode, reply, human) for episode, reply, human in pairs if human is not None]
    matches = judges.emotion_match([reply for _, reply, _ in known], [human for _, _, human in known]) if known else []
    judgement = zip(known, matches, strict=True)
    return {episode: [GoldRecord(reply, human, match)] for (episode, reply, human), match in judgement}


def _turns(
    talk: Conversation, judged: Sequence[TurnJudgement], kl: Sequence[float | None], profile: SeekerProfile
) -> list[TurnRecord]:
    return [
        TurnRecord(
            reply=outcome.reply,
            answer=_said(answer),
            films=list(outcome.films),
            heads=outcome.heads,
            parts=outcome.parts,
            held_out=judgement.reported,
            people=judgement.people,
            rubric=judgement.rubric,
            pmi=judgement.pmi,
            tokens=len(reply.tokens),
            cut=outcome.cut,
            stripped=outcome.stripped,
            accepted=outcome.accepted is not None,
            kl=moved,
            found=first_film_found(outcome.films, profile),
        )
        for outcome, answer, judgement, reply, moved in zip(
            talk.outcomes, talk.answers, judged, talk.replies, kl, strict=True
        )
    ]


def first_film_found(films: Sequence[int], profile: SeekerProfile) -> float:
    """The questionnaire's value of a reply's first film: 1 if liked + 0.5 if seen; 0 without a film."""
    return (films[0] in profile.liked) + 0.5 * (films[0] in profile.seen) if films else 0.0


def _said(observation: str) -> str:
    """The seeker's line of an observation."""
    return plain(observation.split(EMOTION)[0])
