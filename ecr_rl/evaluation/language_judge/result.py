"""What a language model said of a run, in the form that it has in ``RUN/judge/NAME.json``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.conversations.comparison import Section
from envs.json_record import JsonRecord

FOLDER = "judge"
"""Of a run's judgements."""
_REMEDY = "Judge again: ecr-rl judge RUN"


@dataclass(frozen=True, slots=True)
class Usage:
    """What judging took, answers kept from earlier calls included.

    Attributes:
        answers: how many questions were answered.
        new: of them those that this call asked.
        prompt_tokens: of the questions.
        answer_tokens: of the answers; of a local model those that were read to get the chances.
        uncounted: answers whose tokens are in neither sum, since the endpoint does not say them.
        seconds: that the answers took, one after the other.
        cost: by the given prices; None without prices.
    """

    answers: int
    new: int
    prompt_tokens: int
    answer_tokens: int
    uncounted: int
    seconds: float
    cost: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge said of the two conversations on one dialogue; None where it gave no answer or was not asked.

    Attributes:
        index: of the dialogue.
        first: ``rl``, ``baseline`` or ``tie``, with rl shown first.
        second: the same, with the baseline shown first.
        outcome: what both orders say alike, else ``tie``.
        points: rl's share, the mean over both orders of P(rl) + P(tie) / 2.
        overall_baseline: of the first reply, 0 to 9.
        overall_rl: the same.
    """

    index: int
    first: str | None
    second: str | None
    outcome: str | None
    points: float | None
    overall_baseline: float | None
    overall_rl: float | None


@dataclass(frozen=True, slots=True)
class Preference:
    """How often a system is preferred, over the dialogues where both orders were answered.

    Attributes:
        n: dialogues.
        same: of them those with equal texts, which count as ties and are not asked.
        wins: share in which both orders prefer rl.
        ties: share in which the orders differ, or both see none better.
        losses: share in which both orders prefer the baseline.
        win_rate: ``wins + ties / 2``.
        points: mean over dialogues and orders of P(rl) + P(tie) / 2.
        leaning: share of dialogues whose points are above .5, those at .5 half. A bias for a place moves both orders
            alike and cancels (balanced position calibration: Wang et al., ACL 2024), so that a judge who always names
            the first may still lean.
        kappa: Cohen's, of the two orders over rl, baseline and tie.
        first_shown: among answers that are no tie the share for whoever was shown first; .5 is no bias.
    """

    n: int
    same: int
    wins: Interval | None
    ties: Interval | None
    losses: Interval | None
    win_rate: Interval | None
    points: Interval | None
    leaning: Interval | None
    kappa: Interval | None
    first_shown: Interval | None


@dataclass(frozen=True, slots=True)
class PeopleFigures:
    """How the judge's overall score goes with one rating by people.

    Attributes:
        data: the set's name.
        rating: its name.
        n: rated replies with a score.
        groups: dialogues or posts that they are of.
        spearman: rank correlation with people's mean rating.
        kappa: weighted, of both brought to [0, 1] and put into five bins.
        length: rank correlation of the reply's words with people's mean rating.
    """

    data: str
    rating: str
    n: int
    groups: int
    spearman: Interval | None
    kappa: float | None
    length: Interval | None


@dataclass(frozen=True, slots=True)
class Beside:
    """How two judges of the same conversations agree.

    Attributes:
        judge: the other one's name.
        n: dialogues with an outcome of both.
        preference: Cohen's kappa of the outcomes.
        replies: replies with a score of both.
        overall: weighted kappa of the scores, in five bins.
    """

    judge: str
    n: int
    preference: Interval | None
    replies: int
    overall: float | None


@dataclass(frozen=True, slots=True)
class Judgement(JsonRecord):
    """A language model's judgement of a run.

    Attributes:
        name: of the file.
        model: the judge's name.
        version: of its weights and precision, or its endpoint.
        prompts: of each form the hash of its instructions.
        against: the folder below ``RUN/against`` that was judged; None for ``RUN/evaluation``.
        records: SHA-256 of both systems' records.
        dialogues: how many were judged.
        axes: ECR's axes and the overall score of the first reply, 0 to 9.
        preference: which conversation is better.
        verdicts: of each dialogue.
        people: agreement with people's ratings.
        beside: agreement with other judges of these conversations.
        usage: tokens, seconds and cost.
        failures: why there was no answer, and how often.
        seed: of the resamples.
    """

    name: str
    model: str
    version: str
    prompts: dict[str, str]
    against: str | None
    records: str
    dialogues: int
    axes: Section
    preference: Preference
    verdicts: list[Verdict] = field(repr=False)
    people: list[PeopleFigures]
    beside: list[Beside]
    usage: Usage
    failures: dict[str, int]
    seed: int


def judgements_of(run: Path, against: str | None = None) -> list[Judgement]:
    """The judgements of a run's conversations, by name.

    Args:
        run: the run's folder.
        against: of those with this folder below ``RUN/against``; None for those of ``RUN/evaluation``.

    Raises:
        DataError: a file is damaged.
    """
    files = sorted((run / FOLDER).glob("*.json"))
    found = [Judgement.read(file, remedy=_REMEDY) for file in files]
    return [each for each in found if each.against == against]


def current(run: Path, against: str | None = None) -> list[Judgement]:
    """The judgements of the conversations that are recorded now; those of earlier ones are left out.

    Raises:
        DataError: a file is damaged.
    """
    found = judgements_of(run, against)
    return [each for each in found if each.records == records_hash(run, against)] if found else []


def records_of(run: Path, against: str | None) -> dict[str, Path]:
    """The files of both systems' records, by system."""
    folder = run / "evaluation" if against is None else run / "against" / against
    return {system: folder / f"{system}.jsonl" for system in ("baseline", "rl")}


def records_hash(run: Path, against: str | None) -> str:
    """SHA-256 (hex) of both systems' records; of a file that is missing nothing is taken."""
    digest = hashlib.sha256()
    for file in records_of(run, against).values():
        digest.update(file.read_bytes() if file.is_file() else b"")
        digest.update(b"\n")
    return digest.hexdigest()
