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
_EMOTIONS = (
    "algorithms.emotion_classifier",
    "algorithms.emotions",
    "algorithms.hashed_words",
    "algorithms.sentences",
    "algorithms.text_classifier",
    "envs.emotions",
    "envs.goemotions",
    "envs.words",
)
CODE = {
    "instruments": (*_EMOTIONS, "algorithms.act_classifier", "algorithms.acts", "envs.iard"),
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
    "selector": (*_JUDGE, "algorithms.selecting_evaluator", "ecr_rl.training.selector"),
    "recommender": (
        *_TEXT,
        *_EMOTIONS,
        "algorithms.emotion_reading",
        *(
            f"algorithms.recommender.{name}"
            for name in (
                "dialogue_ridge",
                "fused",
                "liking",
                "named_again",
                "network",
                "reading",
                "recommender",
                "scorer",
                "sparse_rows",
                "training",
                "vocabulary",
            )
        ),
        "algorithms.seeker_words",
        "ecr_rl.training.parts",
        "envs.cases",
    ),
    "responder": (
        *_JUDGE,
        *_EMOTIONS,
        "algorithms.answer_emotions",
        "algorithms.emotion_reading",
        "algorithms.language_model",
        "algorithms.responder",
        "algorithms.responder_rows",
        "algorithms.text",
        "ecr_rl.training.responder",
        "envs.observations",
        "envs.proposals",
    ),
}
"""The modules whose code decides an artefact, by its kind."""
