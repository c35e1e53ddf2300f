"""The evaluation stage: the supervised and the trained policy converse on the same held-out dialogues.

Both systems meet the same seekers with the same seeds and the same sampling noise. Free conversations use the run's
own seeker; replies to human contexts, for BLEU, are one reply a context (replay, horizon 1).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from algorithms.language_model import best_device, load_causal_lm, sampling_dtype
from algorithms.rollout import Conversation, roll_out, score_tokens
from algorithms.second_evaluator import SecondEvaluator
from algorithms.text import ConversationText, load_tokenizer
from ecr_rl.artefacts import ArtefactFolders
from ecr_rl.config import RunConfig
from ecr_rl.evaluation import figures
from ecr_rl.evaluation.records import ConversationRecord, GoldRecord, Line, TurnRecord, write_records
from ecr_rl.runs import RunFolder
from ecr_rl.training.ppo import FACTS, MODEL, REFERENCE, world_of
from envs.conversation import EVALUATION
from envs.corpus import load_corpus
from envs.errors import ModelError
from envs.files import write_json
from envs.heads import HEADS, Exchange
from envs.markup import EMOTION, plain
from envs.progress import OnStep

FOLDER, SUMMARY = "evaluation", "summary.json"
_BATCH = 50
"""Conversations at once, at most."""


def compare(config: RunConfig, artefacts: ArtefactFolders, run: RunFolder, on_step: OnStep) -> dict[str, Any]:
    """Let both policies converse, write ``evaluation/{baseline,rl}.jsonl`` and ``summary.json``.

    Args:
        config: the run's settings.
        artefacts: the trained parts; the responder is the baseline.
        run: holds the trained policy and the heads' reference.
        on_step: told of conversations done, of both systems.

    Returns:
        The figures of both systems with paired intervals, in the report's form.
    """
    dialogues = load_corpus(config.data, config.cache_folder).test
    count = min(config.evaluation.dialogues, len(dialogues))
    replies = min(config.evaluation.gold_replies, count)
    free = world_of(config, artefacts, run.path / REFERENCE, "test").build(min(count, _BATCH))
    gold = world_of(config, artefacts, run.path / REFERENCE, "test", seeker="replay", horizon=1).build(_BATCH)
    text = ConversationText(load_tokenizer(str(artefacts.responder)), config.policy)
    device = best_device()
    reference = load_causal_lm(artefacts.responder, device=device).eval()
    judge = SecondEvaluator.load(artefacts.second_evaluator)
    records: dict[str, list[ConversationRecord]] = {}
    failed: set[int] = set()
    for name, folder in {"baseline": artefacts.responder, "rl": run.path / MODEL}.items():
        policy = load_causal_lm(folder, dtype=sampling_dtype(config.policy, device), device=device).eval()
        # Log-probabilities for the KL are taken in float32, whatever the sampling dtype.
        exact = policy if policy.dtype == reference.dtype else load_causal_lm(folder, device=device).eval()
        records[name] = []
        for start in range(0, count, _BATCH):
            batch = [(EVALUATION, index) for index in range(start, min(count, start + _BATCH))]
            talks = roll_out(policy, text, free, batch, config.seed)
            answered = [episode for episode in batch if episode[1] < replies]
            golden = {talk.episode: _gold(talk) for talk in roll_out(policy, text, gold, answered, config.seed)}
            failed |= {talk.episode[1] for talk in talks if talk.outcomes[-1].failure}
            for talk in talks:
                kl = _kl(exact, reference, talk, config.policy.temperature)
                number = dialogues[talk.episode[1]].conversation_id
                records[name].append(_record(talk, number, golden.get(talk.episode, []), judge, kl))
            on_step(sum(map(len, records.values())), 2 * count, {})
    if len(failed) == count:
        raise ModelError(f"the seeker failed in every one of {count} conversations, once at least; the log says why")
    for name, talked in records.items():
        # Where the seeker could not answer, what would have come of it is not known: out of both systems' figures.
        records[name] = [record for record in talked if record.index not in failed]
        write_records(run.path / FOLDER / f"{name}.jsonl", records[name])
    facts = json.loads((run.path / FACTS).read_text(encoding="utf-8"))
    facts |= {"split": "test", "seeker": config.env.seeker, "seeker_failures": len(failed)}
    write_json(run.path / FOLDER / SUMMARY, facts)
    return figures.compare(records["baseline"], records["rl"], resamples=config.evaluation.resamples, seed=config.seed)


def _gold(talk: Conversation) -> list[GoldRecord]:
    first = talk.outcomes[0]
    return [] if first.reference is None else [GoldRecord(first.reply, first.reference)]


def _kl(policy: PreTrainedModel, reference: PreTrainedModel, talk: Conversation, temperature: float) -> list[float]:
    """Of each turn, log p_policy - log p_reference summed over the reply's tokens, in nats."""
    mine, theirs = (score_tokens(model, talk, temperature) for model in (policy, reference))
    return [float((a.astype(np.float64) - b).sum()) for a, b in zip(mine, theirs, strict=True)]


def _record(
    talk: Conversation, number: int | None, gold: list[GoldRecord], judge: SecondEvaluator, kl: list[float]
) -> ConversationRecord:
    held_out = judge.overall([Exchange(outcome.context, outcome.reply) for outcome in talk.outcomes])
    turns = [
        TurnRecord(
            reply=outcome.reply,
            answer=_said(answer),
            films=list(outcome.films),
            heads={head: float(score) for head, score in zip(HEADS, outcome.heads, strict=True)},
            parts=outcome.parts,
            held_out=float(judged),
            tokens=len(reply.tokens),
            cut=outcome.cut,
            stripped=outcome.stripped,
            accepted=outcome.accepted is not None,
            kl=moved,
        )
        for outcome, answer, judged, reply, moved in zip(
            talk.outcomes, talk.answers, held_out, talk.replies, kl, strict=True
        )
    ]
    history: list[Line] = [{"role": u.role.value, "text": u.text} for u in talk.outcomes[0].context]
    return ConversationRecord(talk.episode[1], number, history, turns, gold)


def _said(observation: str) -> str:
    """The seeker's line of an observation."""
    return plain(observation.split(EMOTION)[0])
