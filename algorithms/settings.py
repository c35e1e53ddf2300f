"""The settings of critic, recommender, policy, supervised training, PPO and resources.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from typing import Literal

from envs.marks import LEAST_TEMPERATURE, MOST_LAYERS, NOTHING, Settings, TakesPath, seed_setting, setting, size_setting

Precision = Literal["auto", "float32", "bfloat16"]
"""The dtype in which a model computes; ``computes_in_bfloat16`` resolves ``auto``."""


def computes_in_bfloat16(precision: Precision, device: str) -> bool:
    """Whether a model computes in bfloat16 rather than float32.

    ``auto`` is bfloat16 on a GPU and float32 on every CPU, also on one with bfloat16 instructions, so that a command
    does not give another policy on another CPU for that reason.

    Args:
        precision: the setting.
        device: the type of the device, ``cpu`` or ``cuda``.
    """
    return precision == "bfloat16" or (precision == "auto" and device == "cuda")


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


class LoraSettings(Settings):
    """Low-rank adapters (Hu et al., arXiv 2106.09685)."""

    rank: int = size_setting(16, rebuilds={"responder"})
    alpha: int = setting(32, rebuilds={"responder"}, gt=0)


class PolicySettings(Settings):
    """The language model that speaks for the recommender, and how it samples."""

    model: str = setting(
        "tiny",
        rebuilds={"responder"},
        path=TakesPath(frozenset({"tiny", "smollm2"}), hub=True),
        description="tiny (from scratch) | smollm2 (packaged) | a folder | a hub id",
    )
    lora: LoraSettings | None = setting(
        None, rebuilds={"responder"}, description="train adapters instead of all weights"
    )
    four_bit: bool = setting(False, rebuilds={"responder"}, description="hold the base model in nf4 (needs lora)")
    dtype: Precision = setting(
        "auto",
        rebuilds={"policy_replies", "ppo"},
        description="of weights that sample and of PPO's forward passes; auto: bfloat16 on a GPU, float32 on every CPU",
    )
    layers: int = size_setting(4, rebuilds={"responder"}, most=MOST_LAYERS, description="tiny: transformer layers")
    width: int = size_setting(192, rebuilds={"responder"}, description="tiny: hidden width")
    heads: int = size_setting(6, rebuilds={"responder"}, description="tiny: attention heads")
    vocabulary: int = size_setting(3000, rebuilds={"responder"}, above=300, description="tiny: size of its own BPE")
    positions: int = size_setting(
        512, rebuilds={"responder"}, description="longest conversation in tokens; never above the model's own"
    )
    max_new: int = size_setting(28, rebuilds={"responder"}, description="the most tokens of a reply")
    max_observation: int = size_setting(
        96, rebuilds={"responder"}, above=8, description="the most tokens of an observation after the first"
    )
    max_history: int = size_setting(
        192, rebuilds={"responder"}, above=8, description="the most tokens of the first observation, cut from the left"
    )
    temperature: float = setting(
        1.0, rebuilds={"ppo"}, ge=LEAST_TEMPERATURE, description="sampling temperature; nothing else shapes the draw"
    )


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


class PPOSettings(Settings):
    """PPO on conversations (Schulman et al., arXiv 1707.06347), one row a conversation."""

    iterations: int = setting(40, rebuilds={"ppo"}, resume={"run"}, ge=0)
    conversations_per_iteration: int = size_setting(64, rebuilds={"ppo"})
    epochs: int = setting(2, rebuilds={"ppo"}, gt=0)
    minibatch_conversations: int = size_setting(
        32, rebuilds={"ppo"}, description="rows of a gradient step over all learners"
    )
    learning_rate: float = setting(1e-4, rebuilds={"ppo"}, gt=0)
    learning_rate_schedule: Literal["constant", "linear", "cosine"] = setting(
        "constant",
        rebuilds={"ppo"},
        description="of the policy, by iteration, to 0 after the last; the value head's rate stays",
    )
    learning_rate_warmup: int = setting(
        0, rebuilds={"ppo"}, ge=0, description="iterations, after the value warm-up, over which the policy's rate rises"
    )
    clip: float = setting(0.2, rebuilds={"ppo"}, gt=0)
    kl_stop: float | None = setting(
        None,
        rebuilds={"ppo"},
        gt=0,
        description="an iteration's gradient steps end at this KL a token of a minibatch to the policy that sampled it",
    )
    value_learning_rate: float = setting(1e-3, rebuilds={"ppo"}, gt=0)
    value_clip: float = setting(0.5, rebuilds={"ppo"}, gt=0)
    value_coefficient: float = setting(0.5, rebuilds={"ppo"}, ge=0)
    value_into_trunk: bool = setting(
        True, rebuilds={"ppo"}, description="let value gradients reach the language model; off with lora"
    )
    value_warmup: int = setting(2, rebuilds={"ppo"}, ge=0, description="iterations that train the value head alone")
    entropy: float = setting(0.0, rebuilds={"ppo"}, ge=0)
    gradient_clip: float = setting(1.0, rebuilds={"ppo"}, gt=0)
    kl: float = setting(
        0.05, rebuilds={"ppo"}, ge=0, description="first weight of the KL to the reference policy, a token"
    )
    kl_target: float | None = setting(
        None, rebuilds={"ppo"}, gt=0, description="adapt the weight to this KL a token (Ziegler et al., 1909.08593)"
    )
    advantage: str = setting(
        "gae",
        rebuilds={"ppo"},
        description="estimates the advantages; gae: by the four numbers below | module:function",
    )
    token_discount: float = setting(1.0, rebuilds={"ppo"}, gt=0, le=1)
    turn_discount: float = setting(0.99, rebuilds={"ppo"}, gt=0, le=1)
    token_lambda: float = setting(1.0, rebuilds={"ppo"}, ge=0, le=1)
    turn_lambda: float = setting(0.95, rebuilds={"ppo"}, ge=0, le=1)
    micro_batch: int = size_setting(32, rebuilds={"ppo"}, description="rows of a no-grad pass")
    film_candidates: int = size_setting(
        0,
        rebuilds={"ppo"},
        above=-1,
        description="draw each turn's films from this many of the recommender's best, and train its last layer; "
        "0: the recommender's best films are proposed",
    )
    film_temperature: float = setting(
        0.25,
        rebuilds={"ppo"},
        ge=LEAST_TEMPERATURE,
        idle={"ppo.film_candidates": (0,)},
        description="temperature of that draw, which divides the scores",
    )
    film_learning_rate: float = setting(
        1e-3,
        rebuilds={"ppo"},
        gt=0,
        idle={"ppo.film_candidates": (0,)},
        description="rate of the recommender's last layer",
    )
    sampler_gap: float | None = setting(
        None,
        rebuilds={"ppo"},
        resume={"run"},
        gt=0,
        description="mean gap of env runners' and learner's log-probabilities above which a run stops; unset: 1e-4 in "
        "float32, .05 in bfloat16 (policy.dtype)",
    )
    checkpoint_every: int = setting(5, rebuilds=NOTHING, resume={"run"}, gt=0)
    select_every: int = setting(
        5, rebuilds={"ppo"}, ge=0, description="iterations between choices of the policy to keep; 0 keeps the last one"
    )
    selecting: str = setting(
        "characters",
        rebuilds={"selecting_evaluator"},
        description="the evaluator that chooses: characters, words (ridge regressions) | module:Class",
    )
    select_dialogues: int = setting(64, rebuilds={"ppo"}, gt=0, description="validation dialogues that score a policy")
    select_variety: float = setting(
        0.0,
        rebuilds={"ppo"},
        ge=0,
        description="a kept policy needs this share of the supervised policy's DIST-2, if any policy reaches it",
    )


LEARNER_SHARE, RUNNER_SHARE = 0.6, 0.4
"""The shares of one GPU for a learner and an env runner. Two learners never fit on one GPU, which NCCL would refuse."""


class ResourceSettings(Settings):
    """Resources: env runners, learners, and their CPUs and GPUs."""

    gpus: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="spread over so many GPUs, a learner and an env runner on each",
    )
    env_runners: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="remote env runners without GPUs; 0 samples in the driver",
    )
    conversations_per_runner: int = size_setting(
        32, rebuilds=NOTHING, resume={"run", "sweep"}, description="conversations that a runner holds at once"
    )
    learners: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="remote learners without GPUs; 0 learns in the driver",
    )
    cpus_per_env_runner: int = setting(
        1, rebuilds=NOTHING, resume={"run", "sweep"}, gt=0, description="also its torch threads"
    )
    cpus_per_learner: int = setting(
        1, rebuilds=NOTHING, resume={"run", "sweep"}, gt=0, description="also its torch threads"
    )
    driver_threads: int = setting(
        2,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        gt=0,
        description="torch threads of the driver, and of a learner in it",
    )

    @property
    def runner_count(self) -> int:
        """Remote env runners: one a GPU, or as set."""
        return self.gpus or self.env_runners

    @property
    def learner_count(self) -> int:
        """Remote learners: one a GPU, or as set."""
        return self.gpus or self.learners
