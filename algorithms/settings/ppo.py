"""The settings of PPO, and of which policy a run keeps."""

from __future__ import annotations

from typing import Literal

from envs.marks import LEAST_TEMPERATURE, NOTHING, Settings, TakesPath, setting, size_setting


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
    select_success: float | None = setting(
        0.05,
        rebuilds={"ppo"},
        ge=0,
        le=1,
        description="a kept policy's share of conversations with an accepted film may be this much lower than the "
        "supervised policy's; null: no constraint",
    )
    select_pmi: float | None = setting(
        None,
        rebuilds={"ppo"},
        ge=0,
        description="its PMI with titles as slots may be so many nats a token lower; null: not measured",
    )
    select_pmi_dialogues: int = setting(
        16,
        rebuilds={"ppo"},
        gt=0,
        idle={"ppo.select_pmi": (None,)},
        description="of the selecting dialogues, those whose replies' PMI is measured; spread evenly",
    )
    select_language_model: str = setting(
        "smollm2",
        rebuilds={"ppo"},
        path=TakesPath(frozenset({"smollm2"}), hub=True),
        idle={"ppo.select_pmi": (None,)},
        description="measures that PMI: smollm2 (packaged), a folder, a hub id",
    )
    select_people: float | None = setting(
        0.1,
        rebuilds={"ppo"},
        ge=0,
        description="its people's score may be so many standard deviations of the supervised policy's turns lower; "
        "null: no constraint",
    )
    select_variety: float = setting(
        0.0,
        rebuilds={"ppo"},
        ge=0,
        le=1,
        description="its DIST-2 may fall to this share of the supervised policy's; 0: no constraint",
    )
