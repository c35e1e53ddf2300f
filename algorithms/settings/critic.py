"""The settings of the critic."""

from __future__ import annotations

from algorithms.settings.precision import Precision
from envs.marks import MOST_LAYERS, NOTHING, Settings, TakesPath, seed_setting, setting, size_setting


class CriticSettings(Settings):
    """The critic: an encoder, a pooled pair of context and reply, a regression in [0, 1] for each head."""

    folder: str | None = setting(
        None,
        rebuilds={"critic"},
        path=TakesPath(),
        description="a trained critic's folder, from ecr-rl critic train; unset: trained on the labels",
    )
    encoder: str = setting(
        "tiny",
        rebuilds={"critic"},
        path=TakesPath(frozenset({"tiny", "minilm"}), hub=True),
        description="tiny (from scratch) | minilm (packaged) | a folder | a hub id",
    )
    trained_layers: int = setting(
        2, rebuilds={"critic"}, ge=0, description="top encoder layers that are trained; all of them for tiny"
    )
    members: int = size_setting(
        3,
        rebuilds={"critic"},
        most=MOST_LAYERS,
        description="heads of the ensemble on the shared encoder; 1 has no spread",
    )
    max_tokens: int = size_setting(
        96,
        rebuilds={"critic"},
        above=8,
        description="tokens of context and reply together; the context is cut from the left",
    )
    steps: int = setting(400, rebuilds={"critic"}, gt=0)
    batch_size: int = size_setting(64, rebuilds={"critic"})
    learning_rate: float = setting(5e-4, rebuilds={"critic"}, gt=0)
    contrast: float = setting(
        4.0,
        rebuilds={"critic"},
        ge=0,
        description="weight of the score difference between a reply and its copy with another film, in examples",
    )
    evaluate_every: int = setting(
        50, rebuilds={"critic"}, gt=0, description="steps between validations; the best is kept"
    )
    patience: int = setting(
        10, rebuilds={"critic"}, gt=0, description="validations without a better one after which training ends"
    )
    precision: Precision = setting(
        "auto",
        rebuilds={"critic"},
        description="of the forward passes in training; auto: bfloat16 on a GPU, float32 on every CPU",
    )
    more_encoders: tuple[str, ...] = setting(
        (),
        rebuilds={"critic"},
        path=TakesPath(frozenset({"tiny", "minilm"}), hub=True),
        description="further networks of the ensemble, each with an encoder of its own",
    )
    workers: int = setting(
        0, rebuilds=NOTHING, ge=0, description="Ray Train workers that train together; 0 trains in the driver"
    )
    seed: int = seed_setting(rebuilds={"critic"})
