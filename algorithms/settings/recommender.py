"""The settings of the film recommender."""

from __future__ import annotations

from typing import Literal

from envs.marks import MOST_LAYERS, Settings, TakesPath, seed_setting, setting, size_setting

Part = Literal["seeker", "recommender", "felt", "knowledge", "named", "fusion", "later", "feedback", "ridge"]
"""The parts that a recommender's training can leave out, for an ablation."""


class FeedbackSettings(Settings):
    """Weights of target films, by the answer of the seeker's questionnaire (ECR's own numbers)."""

    liked: float = setting(2.0, rebuilds={"recommender"}, ge=0)
    unsaid: float = setting(1.0, rebuilds={"recommender"}, ge=0)
    disliked: float = setting(0.5, rebuilds={"recommender"}, ge=0)


class RecommenderSettings(Settings):
    """Emotion-aware item recommendation: networks over a conversation's features, and the dialogue ridge."""

    emotions: str = setting(
        "lexicon",
        rebuilds={"recommender"},
        path=TakesPath(frozenset({"lexicon", "hub"})),
        description="lexicon: phrases | hub | GoEmotions folder: a classifier is fitted to it",
    )
    members: int = size_setting(
        4,
        rebuilds={"recommender"},
        most=MOST_LAYERS,
        description="networks with different seeds, whose scores are averaged",
    )
    width: int = size_setting(128, rebuilds={"recommender"}, description="width of a network's vectors")
    rare: int = setting(
        5,
        rebuilds={"recommender"},
        gt=0,
        description="a feature counts if it occurs in at least this many conversations",
    )
    fusion_epochs: int = setting(
        3, rebuilds={"recommender"}, gt=0, description="passes over dialogues with masked films (stage 1)"
    )
    epochs: int = setting(
        2, rebuilds={"recommender"}, gt=0, description="passes over messages that name films (stage 2)"
    )
    batch_size: int = size_setting(512, rebuilds={"recommender"})
    learning_rate: float = setting(2e-3, rebuilds={"recommender"}, gt=0)
    dropout: float = setting(
        0.5, rebuilds={"recommender"}, ge=0, lt=1, description="share of the features that training leaves out"
    )
    later: float = setting(
        0.5, rebuilds={"recommender"}, ge=0, description="weight of films that the dialogue names only later"
    )
    feedback: FeedbackSettings = FeedbackSettings()
    ridge: float = setting(
        50.0, rebuilds={"recommender"}, gt=0, description="L2 penalty of the dialogue ridge, in dialogues"
    )
    ridge_words: float = setting(
        1.5, rebuilds={"recommender"}, ge=0, description="length of the row of a conversation's words; a film has 1"
    )
    ridge_weight: float = setting(
        1.5, rebuilds={"recommender"}, ge=0, description="weight of the logarithm of the ridge's evidence"
    )
    fusion_ridge_weight: float = setting(
        2.0, rebuilds={"recommender"}, ge=0, description="ridge_weight in stage 1, which reads whole dialogues"
    )
    ridge_floor: float = setting(
        0.01, rebuilds={"recommender"}, gt=0, description="added to the evidence of every film"
    )
    named_pull: float = setting(
        100.0, rebuilds={"recommender"}, gt=0, description="L2 penalty of the model of named films that come again"
    )
    sharpness: float = setting(
        0.5, rebuilds={"recommender"}, gt=0, description="power of new films' shares against named films' chances"
    )
    without: tuple[Part, ...] = setting((), rebuilds={"recommender"}, description="parts left out, for an ablation")
    refit: bool = setting(
        True, rebuilds={"recommender"}, description="learn from the validation dialogues too, once settings are chosen"
    )
    seed: int = seed_setting(rebuilds={"recommender"})
