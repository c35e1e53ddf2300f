"""A finished run made up from a seed, for the tests of records, figures and report."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ecr_rl.config import RunConfig, config_yaml
from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.conversations.records import ConversationRecord, GoldRecord, Line, TurnRecord, write_records
from envs.dialogue import Role
from envs.files import write_json, write_text
from tests.known_heads import HEADS, JUDGED

FILMS = ("The Conjuring (2013)", "Paddington 2 (2017)", "Heat (1995)", "Arrival (2016)", "Clue (1985)", "Up (2009)")
OPENERS = ("I see", "That sounds tough", "Great choice", "Happy to help", "Oh nice", "Let me think", "Sure thing")
BODIES = (
    "if you enjoy slow tension you may like {film}",
    "have you ever seen {film}",
    "{film} is funny and warm and it never gets loud",
    "people who feel tired after work often love {film}",
    "my pick for tonight would be {film} because the story keeps moving",
)
ANSWERS = (
    "I have not seen that one, what is it about?",
    "Yes, I liked it a lot!",
    "Hmm, not in the mood for that.",
    "Thanks!",
)
OPENING = (
    Line(role=Role.SEEKER, text="Hi! I had a long week and want something that cheers me up."),
    Line(role=Role.RECOMMENDER, text="Hello! Do you prefer comedies, or something adventurous?"),
)
START_HASH = "9f2c" * 16


def turn(reply: str = "Try Heat (1995)", answer: str = "", reward: float = 0.0, **changes: Any) -> TurnRecord:
    """A turn with every value set; ``changes`` replaces some."""
    values: dict[str, Any] = {
        "reply": reply,
        "answer": answer,
        "films": [1],
        "heads": dict.fromkeys(HEADS, 0.5),
        "parts": {"overall": reward},
        "held_out": dict.fromkeys(JUDGED, 0.5),
        "rubric": dict.fromkeys(JUDGED, 0.5),
        "pmi": 0.1,
        "tokens": 5,
        "cut": False,
        "stripped": 0,
        "accepted": False,
        "kl": 0.0,
        "found": 0.0,
    }
    return TurnRecord(**(values | changes))


def conversation(
    index: int, *turns: TurnRecord, gold: list[GoldRecord] | None = None, repeat: int = 0
) -> ConversationRecord:
    """A dialogue without history."""
    return ConversationRecord(index, repeat, None, [], list(turns), gold or [])


def known(value: Interval | None) -> Interval:
    """A figure that has data."""
    assert value is not None
    return value


def example_records(gain: float, dialogues: int = 80, seed: int = 0) -> list[ConversationRecord]:
    """Conversations whose heads stand ``gain`` above the supervised policy's; the openings do not depend on it."""
    rng = np.random.default_rng([seed, round(gain * 1000)])
    return [_conversation(index, gain, rng) for index in range(dialogues)]


def _conversation(index: int, gain: float, rng: np.random.Generator) -> ConversationRecord:
    turns = [_turn(gain, rng, last=place == 3) for place in range(int(rng.integers(2, 5)))]
    references = [f"Have you seen {FILMS[index % len(FILMS)]} ? It is a good one"]
    gold = [GoldRecord(_reply(rng), reference, float(rng.uniform(0.2, 0.9))) for reference in references]
    return ConversationRecord(index, 0, 20000 + index, list(OPENING[: index % 3]), turns, gold)


def _turn(gain: float, rng: np.random.Generator, last: bool) -> TurnRecord:
    heads = {head: float(np.clip(rng.normal(0.45 + gain, 0.12), 0, 1)) for head in HEADS}
    parts = {head: (score - 0.45) * 2 for head, score in heads.items()} | {"missing_end": -float(rng.random() < 0.05)}
    record = TurnRecord(
        reply=_reply(rng),
        answer="" if last else str(rng.choice(ANSWERS)),
        films=[int(rng.integers(1000))],
        heads=heads,
        parts=parts,
        held_out={head: float(np.clip(rng.normal(0.5 + gain / 3, 0.1), 0, 1)) for head in JUDGED},
        rubric={head: float(np.clip(rng.normal(0.5 + gain / 3, 0.1), 0, 1)) for head in JUDGED},
        pmi=float(rng.normal(0.2 + gain, 0.2)),
        tokens=int(rng.integers(8, 24)),
        cut=bool(rng.random() < 0.05),
        stripped=int(rng.random() < 0.03),
        accepted=bool(rng.random() < 0.15),
        kl=float(rng.normal(12 * gain, 0.5)) if gain else 0.0,
    )
    return replace(record, people={head: record.held_out[head] for head in ("overall", "empathy")})


def _reply(rng: np.random.Generator) -> str:
    return f"{rng.choice(OPENERS)}, {rng.choice(BODIES).format(film=rng.choice(FILMS))}."


def metric_lines(iterations: int = 40) -> list[dict[str, Any]]:
    """Lines of a PPO run that learns; iteration 1 has no losses."""
    rng = np.random.default_rng(1)
    lines: list[dict[str, Any]] = [{"time": 1.0, "stage": "critic", "step": 1, "total": 1, "loss": 0.1}]
    for step in range(1, iterations + 1):
        rise = 1 - math.exp(-step / 15)
        noisy: dict[str, float | None] = {name: float(value + rng.normal(0, size)) for name, value, size in (
            ("reward_mean", 0.9 * rise, 0.08),
            *((f"head_{head}", 0.4 + 0.03 * place + 0.1 * rise, 0.012) for place, head in enumerate(HEADS)),
            ("kl_reference", 0.05 * rise, 0.002),
            ("value_loss", 0.4 * math.exp(-step / 10) + 0.1, 0.02),
            ("policy_loss", -0.01, 0.004),
            ("entropy", 3.1 - 0.3 * rise, 0.02),
            ("sampler_gap", 3e-6, 5e-7),
        )}  # fmt: skip
        if step == 1:
            noisy |= {"policy_loss": None, "value_loss": None}
        lines.append(
            {"time": 100.0 + step, "stage": "ppo", "step": step, "total": iterations, **noisy, "tokens": 3900 + step}
        )
    return lines


def write_example_run(folder: Path, gain: float = 0.1, dialogues: int = 80, iterations: int = 40) -> Path:
    """A run folder as training and evaluation leave it."""
    settings = {"name": "example", "evaluation": {"dialogues": dialogues}}
    write_text(folder / "config.yaml", config_yaml(RunConfig.model_validate(settings)))
    write_records(folder / "evaluation" / "baseline.jsonl", example_records(0.0, dialogues))
    write_records(folder / "evaluation" / "rl.jsonl", example_records(gain, dialogues))
    write_text(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in metric_lines(iterations)))
    facts = {
        "epochs": 2,
        "batches": 160,
        "conversations": 2560,
        "tokens": 158240,
        "policy_loss": -0.0112,
        "value_loss": 0.1034,
        "batches_per_second": 1.7342,
        "wall_time_s": 412.7,
        "parameters": 2_431_617,
        "start_weights_sha256": START_HASH,
        "selected_iteration": 20,
        "selected_violates": [],
        "constraints": [{"name": "success", "start": 0.4, "margin": 0.05}],
        "selection": [
            {"iteration": i, "kl": i / 800, "reward": i / 40, "score": 0.5 + i / 200, "success": 0.4 - i / 400}
            | {"violates": ["success"] if i == 40 else [], "people": None}
            for i in (0, 20, 40)
        ],
        "command": "ecr-rl demo --out runs/demo",
    }
    write_json(folder / "evaluation" / "summary.json", facts)
    return folder
