"""The settings of the policy's supervised training."""

from __future__ import annotations

from typing import Literal

from envs.marks import Settings, TakesPath, seed_setting, setting, size_setting


class SupervisedSettings(Settings):
    """Supervised training of the policy on recommender turns."""

    steps: int = setting(600, rebuilds={"responder"}, gt=0)
    batch_size: int = size_setting(32, rebuilds={"responder"})
    learning_rate: float = setting(1e-3, rebuilds={"responder"}, gt=0)
    warmup: int = setting(40, rebuilds={"responder"}, ge=0)
    evaluate_every: int = setting(
        100, rebuilds={"responder"}, gt=0, description="steps between validations; the best checkpoint is kept"
    )
    validation_rows: int = setting(
        128,
        rebuilds={"responder"},
        gt=0,
        description="validation dialogues whose loss chooses the step, spread evenly over the split",
    )
    conditioning: Literal["full", "none"] = setting(
        "full",
        rebuilds={"responder"},
        description="full: shown films and emotions | none: neither, a twin for respond evaluate",
    )
    emotions: str = setting(
        "lexicon",
        rebuilds={"responder"},
        path=TakesPath(frozenset({"lexicon", "hub"})),
        description="reads emotions; lexicon: phrases | hub | GoEmotions folder: a classifier",
    )
    empathy_weight: float = setting(
        1.0,
        rebuilds={"responder"},
        ge=0,
        description="a reply's weight is .5 + this x its empathy label, over the mean; 0: all equal",
    )
    seed: int = seed_setting(rebuilds={"responder"})
