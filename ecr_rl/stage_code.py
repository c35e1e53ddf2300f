"""Which code decides what a stage makes: a change of it makes the stage run again."""

from __future__ import annotations

_TEXT = ("envs.catalog", "envs.title_finder", "envs.dialogue", "envs.markup")
_JUDGE = (
    *_TEXT,
    "algorithms.acts",
    "algorithms.emotions",
    "algorithms.film_affinity",
    "algorithms.seeker_words",
    "algorithms.sentences",
    "algorithms.sentiment",
    "envs.emotions",
    "envs.genres",
    "envs.words",
    *(
        f"ecr_rl.labels.{name}"
        for name in ("examples", "injection", "instruments", "kinds", "lexicon", "phrases", "reading", "rubric")
    ),
)
CODE = {
    "instruments": (
        "algorithms.act_classifier",
        "algorithms.acts",
        "algorithms.emotion_classifier",
        "algorithms.emotions",
        "algorithms.hashed_words",
        "algorithms.sentences",
        "algorithms.text_classifier",
        "envs.emotions",
        "envs.goemotions",
        "envs.iard",
        "envs.words",
    ),
    "labels": (*_JUDGE, "ecr_rl.labels.labelling", "ecr_rl.labels.nearest"),
    "critic": (
        "algorithms.blend",
        "algorithms.critic",
        "algorithms.critic_training",
        "algorithms.encoder",
        "algorithms.film_affinity",
        "algorithms.film_table",
        "algorithms.pair_text",
        "algorithms.ridge",
        "algorithms.seeker_words",
        "algorithms.surface",
        "ecr_rl.training.critic",
    ),
    "evaluator": (*_JUDGE, "algorithms.ngrams", "algorithms.second_evaluator", "ecr_rl.training.parts"),
    "recommender": (
        *_TEXT,
        "algorithms.recommender.cooccurrence",
        "algorithms.recommender.scorer",
        "algorithms.seeker_words",
    ),
    "responder": (
        *_JUDGE,
        "algorithms.answer_emotions",
        "algorithms.emotion_classifier",
        "algorithms.hashed_words",
        "algorithms.language_model",
        "algorithms.responder",
        "algorithms.responder_rows",
        "algorithms.text",
        "algorithms.text_classifier",
        "ecr_rl.training.responder",
        "envs.goemotions",
        "envs.observations",
        "envs.proposals",
    ),
}
"""The modules whose code decides an artefact, by its kind."""
