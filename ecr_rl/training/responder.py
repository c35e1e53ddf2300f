"""The stage of the supervised policy: fit the emotion planner, weigh the replies, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.responder import train_responder
from algorithms.policy.responder_rows import TurnKey, training_dialogues
from algorithms.readers.acts import RuleActs
from algorithms.readers.emotion_readers import emotion_reader
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.sentences import WordSentences
from algorithms.recommender.cross_fitted import CrossFittedRecommender
from ecr_rl.config import RunConfig
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.labels.judging.text_readers import TextReaders
from ecr_rl.labels.replies.examples import human_examples
from ecr_rl.settings import ContextForm
from envs.builtin_heads import heads_of
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.dialogue import Dialogue
from envs.progress import OnStep


def build_responder(
    corpus: Corpus, recommender: Path, config: RunConfig, folder: Path, on_step: OnStep
) -> dict[str, Any]:
    """Train the supervised policy with its planner.

    Args:
        corpus: dialogues and films; only train and validation are read.
        recommender: folder of the film recommender.
        config: sections ``supervised``, ``policy`` and ``env``.
        folder: where the policy goes.
        on_step: called with the progress.

    Returns:
        The figures of ``train_responder``, and ``planner``: how well it predicts the emotions of validation replies.
    """
    settings = config.supervised
    on_step(0, settings.steps, {})
    reader = emotion_reader(settings.emotions)
    planner = TrainedEmotionPlanner.fit(corpus.train, reader)
    dialogues = training_dialogues(corpus, settings)
    figures = train_responder(
        corpus,
        CrossFittedRecommender(recommender),
        planner,
        config.policy,
        settings,
        config.env,
        folder,
        config.cache_folder,
        on_step,
        empathy_weights(dialogues, corpus.catalog, reader, settings.empathy_weight),
    )
    return figures | {"planner": planner.figures(corpus.valid)}


def empathy_weights(
    dialogues: Sequence[Dialogue], catalog: Catalog, reader: EmotionReader, strength: float
) -> dict[TurnKey, float]:
    """The loss weight of each human reply: ``.5 + strength x empathy``, divided by the mean of these values.

    Args:
        dialogues: the dialogues with the recommender turns to weigh.
        catalog: their films.
        reader: reads emotions for the rubric's formula of empathy (``ecr_rl.labels.judging.rubric.empathy``).
        strength: 0 gives all replies the same weight.
    """
    if not strength:
        return {}
    examples = human_examples(dialogues, catalog)
    instruments = TextReaders(reader, RuleActs(), WordSentences())
    judge = RubricJudge(catalog, instruments, ContextForm.RICH, heads=heads_of(["empathy"]))
    empathy = judge.judge([example.evidence for example in examples]).values[:, 0]
    raw = 0.5 + strength * empathy.astype(np.float64)
    weights = (raw / raw.mean()).tolist()
    return {(example.dialogue, example.turn): weight for example, weight in zip(examples, weights, strict=True)}
