"""The evaluation stage: two policies converse on the same held-out dialogues, and their figures are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from algorithms.people.evaluator import origin_of
from algorithms.policy.responder import CARD
from ecr_rl.config import RunConfig
from ecr_rl.evaluation.conversations import figures
from ecr_rl.evaluation.conversations.comparison import Evaluation
from ecr_rl.evaluation.conversations.definitions import own_figures
from ecr_rl.evaluation.conversations.held_out import HeldOutConversations
from ecr_rl.evaluation.conversations.records import write_records
from ecr_rl.runs.artefacts import ArtefactFolders
from ecr_rl.runs.folder import RunFolder
from ecr_rl.training.ppo import FACTS, MODEL, REFERENCE
from envs.errors import ModelError, RunError
from envs.files import write_json
from envs.progress import OnStep

FOLDER, SUMMARY = "evaluation", "summary.json"


def compare(config: RunConfig, artefacts: ArtefactFolders, run: RunFolder, on_step: OnStep) -> Evaluation:
    """Let both policies of a run converse, write ``evaluation/{baseline,rl}.jsonl`` and ``summary.json``.

    Args:
        config: the run's settings.
        artefacts: the trained parts; the responder is the baseline.
        run: holds the trained policy and the heads' reference.
        on_step: called with the conversations done by both systems.

    Returns:
        The figures of both systems with paired intervals.
    """
    compared = _play(config, artefacts, run, artefacts.responder, run.path / FOLDER, on_step)
    facts = json.loads((run.path / FACTS).read_text(encoding="utf-8"))
    facts |= {"split": "test", "seeker": config.env.seeker, "seeker_failures": compared.seeker_failures}
    facts["people_score_learnt_from"] = origin_of(artefacts.people_reporting)
    write_json(run.path / FOLDER / SUMMARY, facts)
    return compared


def compare_with(
    config: RunConfig,
    artefacts: ArtefactFolders,
    run: RunFolder,
    baseline: Path | None,
    best_of: int,
    seeker: str | None,
    on_step: OnStep,
) -> Evaluation:
    """Let a run's policy and another one converse; records go to ``against/NAME/{baseline,rl}.jsonl`` of the run.

    Args:
        config: the run's settings: seekers, judges and sampling of both; the seeker may be another.
        artefacts: the run's trained parts.
        run: the run.
        baseline: a run folder (its trained policy is used) or a responder's folder; None takes the run's responder.
        best_of: number of replies that the baseline samples a turn; the training critic chooses the one that is said.
        seeker: the seeker's part of NAME; None for the run's own seeker, which NAME does not mention.
        on_step: told of conversations done, of both systems.

    Returns:
        The figures of both systems.

    Raises:
        RunError: the folder is neither of the two, or its policy uses another tokenizer.
    """
    policy = artefacts.responder if baseline is None else policy_of(baseline)
    if (policy / "tokenizer.json").read_bytes() != (artefacts.responder / "tokenizer.json").read_bytes():
        raise RunError(f"{policy} has another tokenizer than {run.path}: the two cannot sit in one conversation")
    name = ("supervised" if baseline is None else baseline.name) + (f"-best-of-{best_of}" if best_of > 1 else "")
    name += "" if seeker is None else f"-seeker-{seeker.replace(':', '.')}"
    return _play(config, artefacts, run, policy, run.path / "against" / name, on_step, best_of)


def policy_of(folder: Path) -> Path:
    """The folder of the policy in a run folder or a responder's folder.

    Raises:
        RunError: there is no policy in it.
    """
    if (folder / MODEL / "config.json").is_file():
        return folder / MODEL
    if (folder / CARD).is_file() and (folder / "config.json").is_file():
        return folder
    raise RunError(f"{folder} holds no policy: give a run folder whose training has ended, or a responder's folder")


def _play(
    config: RunConfig,
    artefacts: ArtefactFolders,
    run: RunFolder,
    baseline: Path,
    out: Path,
    on_step: OnStep,
    best_of: int = 1,
) -> Evaluation:
    conversations = HeldOutConversations(config, artefacts, run.path / REFERENCE)
    total, played = len(conversations.episodes), {}
    for index, (name, policy) in enumerate({"baseline": baseline, "rl": run.path / MODEL}.items()):
        told, candidates = partial(_of_both, on_step, index * total, 2 * total), best_of if name == "baseline" else 1
        played[name] = conversations.play(policy, told, candidates)
    failed = {index for each in played.values() for index in each.failed}
    if len(failed) == total:
        raise ModelError(f"the seeker failed in every one of {total} conversations, once at least; the log says why")
    # If the seeker could not answer, the result is unknown; the conversation is left out of both systems' figures.
    kept = {name: [record for record in each.records if record.key not in failed] for name, each in played.items()}
    for name, records in kept.items():
        write_records(out / f"{name}.jsonl", records)
    resamples, seed, heads = config.evaluation.resamples, config.seed, config.head_definitions
    own = own_figures(config.evaluation.figures, heads)
    compared = figures.compare(kept["baseline"], kept["rl"], heads, own, resamples=resamples, seed=seed)
    return Evaluation.extending(compared, seeker_failures=len(failed))


def _of_both(on_step: OnStep, before: int, total: int, done: int, _: int, figures: Mapping[str, float]) -> None:
    on_step(before + done, total, figures)
