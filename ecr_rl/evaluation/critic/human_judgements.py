"""Compare a critic's scores with human judgements, by the area under the ROC curve; the rubric takes no part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from ecr_rl.evaluation.critic.results import HumanAgreement
from ecr_rl.labels.replies.examples import Example
from envs.corpora.goemotions import GoEmotions
from envs.heads import Exchange, RewardModel

_WARM = frozenset({"caring", "gratitude", "love", "admiration"})
_HARSH = frozenset({"anger", "annoyance", "disgust", "disapproval"})


def auc(high: np.ndarray, low: np.ndarray) -> float | None:
    """The probability that one of ``high`` scores above one of ``low``, ties counting half; None if either is empty."""
    if not len(high) or not len(low):
        return None
    return float(roc_auc_score(np.repeat([1, 0], [len(high), len(low)]), np.concatenate([high, low])))


def questionnaire_figures(critic: RewardModel, cases: Sequence[Example]) -> HumanAgreement:
    """The recommendation head: replies whose new films the seeker liked, against those whose films it disliked."""
    liked, disliked = [], []
    for case in cases:
        piece = case.evidence
        new = [film for film in piece.films if film not in piece.named]
        if new and all(film in piece.profile.liked for film in new):
            liked.append(piece.exchange)
        elif new and all(film in piece.profile.disliked for film in new):
            disliked.append(piece.exchange)
    return _agreement(critic, "recommendation", liked, disliked)


def emotion_figures(critic: RewardModel, data: GoEmotions) -> HumanAgreement:
    """The empathy head: test comments that people call warm against those that they call harsh, without a context."""
    warm = [Exchange((), text) for text, labels in data.test if labels & _WARM and not labels & _HARSH]
    harsh = [Exchange((), text) for text, labels in data.test if labels & _HARSH and not labels & _WARM]
    return _agreement(critic, "empathy", warm, harsh)


def _agreement(critic: RewardModel, head: str, high: Sequence[Exchange], low: Sequence[Exchange]) -> HumanAgreement:
    scores = critic.score([*high, *low])
    values = scores.mean[:, scores.heads.index(head)]
    return HumanAgreement(head, auc(values[: len(high)], values[len(high) :]), (len(high), len(low)))
