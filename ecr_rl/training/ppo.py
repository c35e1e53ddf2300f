"""The PPO stage: calibrate the heads under the supervised policy, train, checkpoint, export the policy that is kept."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
from ray.rllib.core import COMPONENT_LEARNER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import LEARNER_RESULTS

from algorithms.critic.critic import Critic
from algorithms.packaged_models import best_device
from algorithms.people.evaluator import usable_evaluator
from algorithms.policy.film_choice import VECTORS, ChoiceSettings, choice_settings, learnt_recommender
from algorithms.policy.language_model import load_causal_lm, policy_dtype
from algorithms.policy.rollout import roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.ppo.algorithm import CONVERSATIONS, ConversationPPO
from algorithms.ppo.config import algorithm_config
from algorithms.ppo.env_spec import EnvSpec
from algorithms.ppo.module import trained_copy
from algorithms.ppo.shipped_files import ShippedFile, pack
from algorithms.recommender.cross_fitted import train_recommender
from algorithms.weight_hashes import save_model
from ecr_rl.config import RunConfig
from ecr_rl.estimate import memory_warning
from ecr_rl.ray_instance import other_machines, ray_instance
from ecr_rl.runs.artefacts import RECOMMENDER, ArtefactFolders
from ecr_rl.runs.folder import RunFolder
from ecr_rl.training.selection import FOLDER, Selection
from envs.errors import RunError
from envs.files import user_path, write_json
from envs.progress import OnStep
from envs.rewards import HeadReference

log = logging.getLogger(__name__)
CALIBRATION = 2**31 - 2
"""The stream of the conversations on which the heads' means and deviations are measured."""
CHECKPOINTS, MODEL, REFERENCE, FACTS = "checkpoints", "model", "reference.json", "ppo.json"
"""Files and folders that the stage writes into the run folder."""
_KEPT = 2
_LEARNER = (
    "policy_loss",
    "value_loss",
    "entropy",
    "approximate_kl",
    "clipped_share",
    "kl_reference",
    "kl_weight",
    "kl_penalty",
    "kl_stopped",
    "learning_rate",
    "gradient_norm",
    "sampler_gap",
    "sampler_gap_max",
    "value_mean",
    "batches",
)


def train_ppo(config: RunConfig, artefacts: ArtefactFolders, run: RunFolder, on_step: OnStep) -> dict[str, Any]:
    """Train until ``ppo.iterations``, from the run's last checkpoint if it has one.

    Args:
        config: the run's settings.
        artefacts: critic, recommender, supervised policy and, with ``ppo.select_every``, the selecting evaluator.
        run: where ``reference.json``, ``checkpoints/`` and ``model/`` go. The model (safetensors, tokenizer, config,
            and the recommender if its last layer learnt) is the policy that ``Selection`` chose, or the last one.
        on_step: called after each iteration.

    Returns:
        The facts for the report: epochs, batches, conversations, tokens, losses, rates, sizes, hashes.
    """
    critic_before = Critic.load(artefacts.critic).weights_hash()
    reference = run.path / REFERENCE
    if not reference.is_file():
        calibrate(config, artefacts, reference)
    env_spec = env_spec_of(config, artefacts, reference)
    selection = None
    if artefacts.selecting_evaluator is not None:
        people = usable_evaluator(artefacts.people_selecting)
        chosen_on = env_spec_of(config, artefacts, reference, "valid")
        selection = Selection(config, chosen_on, artefacts.selecting_evaluator, people)
    with ray_instance(config.resources):
        if not other_machines() and (warning := memory_warning(config, psutil.virtual_memory().available)):
            log.warning(warning)
        shipped_files = shipped_files_of(config, artefacts, reference)
        choice = choice_of(config, artefacts)
        settings = algorithm_config(
            env_spec,
            artefacts.responder,
            config.policy,
            config.ppo,
            config.resources,
            run.path / "dump",
            shipped_files,
            choice,
        )
        algorithm = cast(ConversationPPO, settings.build_algo())
        try:
            _restore(algorithm, selection, run)
            _iterate(algorithm, selection, config, run, on_step)
            kept = (selection and selection.weights) or trained_weights(algorithm)
            export_policy(kept, config, artefacts, run.path / MODEL)
        finally:
            algorithm.stop()
            with suppress(OSError):  # Ray makes this folder in the home folder and leaves it empty
                os.rmdir(str(algorithm.logdir))
    if Critic.load(artefacts.critic).weights_hash() != critic_before:
        raise RunError(f"the critic in {artefacts.critic} changed during training; its rewards cannot be trusted")
    facts = _facts(config, artefacts, run) | {"critic_sha256": critic_before}
    facts |= {"selected_iteration": config.ppo.iterations} if selection is None else selection.facts()
    if facts.get("selected_violates"):
        log.warning(
            "no policy of this run satisfies every constraint; the one that is kept, after iteration %s, violates %s",
            facts["selected_iteration"],
            " and ".join(facts["selected_violates"]),
        )
    write_json(run.path / FACTS, facts)
    return facts


def env_spec_of(
    config: RunConfig, artefacts: ArtefactFolders, reference: Path | None, split: Any = "train", **env: Any
) -> EnvSpec:
    """The run's environment on a split, with changed environment settings if given."""
    return EnvSpec(
        data=config.data,
        env=config.env.model_copy(update=env),
        reward=config.reward,
        critic=artefacts.critic,
        recommender=artefacts.recommender,
        responder=artefacts.responder,
        reference=reference,
        seed=config.seed,
        split=split,
        draws_films=bool(config.ppo.film_candidates),
        cache=config.cache_folder,
    )


def choice_of(config: RunConfig, artefacts: ArtefactFolders) -> ChoiceSettings | None:
    """How films are drawn as a part of the policy; None if the recommender proposes its best films."""
    ppo = config.ppo
    if not ppo.film_candidates:
        return None
    recommender = train_recommender(artefacts.recommender)
    return choice_settings(recommender, ppo.film_candidates, config.env.proposals, ppo.film_temperature)


def shipped_files_of(config: RunConfig, artefacts: ArtefactFolders, reference: Path) -> tuple[ShippedFile, ...]:
    """The files of this machine that workers on other machines need; none if there can be no such workers."""
    if not other_machines():
        return ()
    folders = [artefacts.critic, artefacts.recommender, artefacts.responder, artefacts.reporting_evaluator, reference]
    named = [config.data.source, config.data.metadata, config.data.validation.partition("#")[0]]
    if config.env.seeker == "model" and config.env.seeker_model.endpoint is None:
        named.append(config.env.seeker_model.model)
    local = [user_path(path) for path in named if path]
    chosen = [artefacts.selecting_evaluator] if artefacts.selecting_evaluator is not None else []
    return pack([*folders, *chosen, *(path for path in local if path.exists())])


def calibrate(config: RunConfig, artefacts: ArtefactFolders, path: Path) -> None:
    """Measure each head's mean and deviation on conversations of the supervised policy, and save them."""
    count = config.evaluation.calibration_conversations
    env = env_spec_of(config, artefacts, None).build(min(count, config.resources.conversations_per_runner))
    text = ConversationText(load_tokenizer(str(artefacts.responder)), config.policy)
    device = best_device()
    model = load_causal_lm(artefacts.responder, dtype=policy_dtype(config.policy, device), device=device).eval()
    played = roll_out(model, text, env, [(CALIBRATION, index) for index in range(count)], config.seed)
    outcomes = [outcome for talk in played for outcome in talk.outcomes]
    words = np.array([len(outcome.reply.split()) for outcome in outcomes])
    scores = np.array([list(outcome.heads.values()) for outcome in outcomes])
    HeadReference.measure(tuple(outcomes[0].heads), scores, words).save(path)


def weights_hash(folder: Path) -> str:
    """sha256 (hex) over a model folder's safetensors files, by name."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """A run's complete checkpoints as (iteration, folder), oldest first."""
    folders = (run / CHECKPOINTS).glob("iteration-*")
    numbered = ((re.fullmatch(r"iteration-(\d+)", folder.name), folder) for folder in folders)
    return sorted((int(match[1]), folder) for match, folder in numbered if match)


def _restore(algorithm: ConversationPPO, selection: Selection | None, run: RunFolder) -> None:
    last = checkpoints(run.path)
    if last:
        algorithm.restore_from_path(str(last[-1][1].resolve()))
        if selection is not None and (last[-1][1] / FOLDER).is_dir():
            selection.load(last[-1][1] / FOLDER)
    run.rewind("ppo", algorithm.iteration if last else -1)  # the supervised policy's scores are at step 0


def _iterate(
    algorithm: ConversationPPO, selection: Selection | None, config: RunConfig, run: RunFolder, on_step: OnStep
) -> None:
    total = config.ppo.iterations
    on_step(algorithm.iteration, total, {})
    if selection is not None and algorithm.iteration == 0:
        on_step(0, total, selection.score(0, trained_weights(algorithm), 0.0))
        run.show("ppo", 0, selection.page)
    while algorithm.iteration < total:
        started = time.perf_counter()
        result = algorithm.train()
        figures = iteration_figures(result) | {"seconds": time.perf_counter() - started}
        done = algorithm.iteration
        if selection is not None and selection.due(done):
            figures |= selection.score(done, trained_weights(algorithm), figures["kl_reference"])
            run.show("ppo", done, selection.page)
        on_step(done, total, figures)
        run.record_workers(_workers(figures, config))
        if done % config.ppo.checkpoint_every == 0 or done == total:
            _save(algorithm, selection, run.path / CHECKPOINTS, done)
            run.sync()


def iteration_figures(result: Mapping[str, Any]) -> dict[str, float]:
    """One iteration's figures from RLlib's result, by name: those of the conversations and of the learner.

    ``reward_mean`` is the sum of its parts ``reward_<part>``; together with ``kl_penalty`` it gives ``net_reward``. All
    are means a turn.
    """
    learner = result[LEARNER_RESULTS][DEFAULT_MODULE_ID]
    # RLlib gives NaN for figures that this iteration did not log, such as those of a runner that was down.
    figures = {name: float(value) for name, value in result[CONVERSATIONS].items() if not math.isnan(value)}
    figures |= {name: float(learner[name]) for name in _LEARNER}
    return figures | {"net_reward": figures["reward_mean"] + figures["kl_penalty"]}


def _workers(figures: Mapping[str, float], config: RunConfig) -> list[dict[str, Any]]:
    """The workers in the status: each env runner with the number of its conversations in the last iteration."""
    runners = [
        {"kind": "env_runner", "index": int(name.rsplit("_", 1)[1]), "conversations": int(count)}
        for name, count in sorted(figures.items())
        if name.startswith("conversations_runner_")
    ]
    return [*runners, *({"kind": "learner", "index": index} for index in range(max(1, config.resources.learner_count)))]


def _save(algorithm: ConversationPPO, selection: Selection | None, folder: Path, iteration: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, aside = folder / f"iteration-{iteration:06d}", folder / f".aside-{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    algorithm.save_to_path(str(aside.resolve()))
    if selection is not None:
        selection.save(aside / FOLDER)
    shutil.rmtree(path, ignore_errors=True)
    os.rename(aside, path)
    for _, old in checkpoints(folder.parent)[:-_KEPT]:
        shutil.rmtree(old)


def trained_weights(algorithm: ConversationPPO) -> dict[str, np.ndarray]:
    """All weights that training has changed, by name."""
    component = f"{COMPONENT_LEARNER}/{COMPONENT_RL_MODULE}"
    state = algorithm.learner_group.get_state(component)  # pyright: ignore[reportOptionalMemberAccess]
    return state[COMPONENT_LEARNER][COMPONENT_RL_MODULE][DEFAULT_MODULE_ID]


def export_policy(
    weights: Mapping[str, np.ndarray], config: RunConfig, artefacts: ArtefactFolders, folder: Path
) -> None:
    """Write the supervised policy with these weights as a model folder, atomically.

    If the choice of films learnt, the folder also holds the recommender with its changed last layer.
    """
    aside = folder.with_name(f".{folder.name}-{os.getpid()}")
    policy = trained_copy(artefacts.responder, config.policy, weights)
    save_model(policy, load_tokenizer(str(artefacts.responder)), aside)
    if VECTORS in weights:
        learnt_recommender(train_recommender(artefacts.recommender), weights).save(aside / RECOMMENDER)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(aside, folder)


def _facts(config: RunConfig, artefacts: ArtefactFolders, run: RunFolder) -> dict[str, Any]:
    lines = run.metrics("ppo")
    lines = [line for line in lines if "seconds" in line]
    model = load_causal_lm(run.path / MODEL)
    seconds = sum(line["seconds"] for line in lines)
    batches = sum(line["batches"] for line in lines)
    return {
        "iterations": config.ppo.iterations,
        "epochs": config.ppo.epochs * len(lines),
        "batches": int(batches),
        "conversations": int(sum(line["conversations"] for line in lines)),
        "tokens": int(sum(line["tokens"] for line in lines)),
        "policy_loss": lines[-1]["policy_loss"] if lines else None,
        "value_loss": lines[-1]["value_loss"] if lines else None,
        "batches_per_second": batches / seconds if seconds else None,
        "wall_time_s": seconds,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "start_weights_sha256": weights_hash(artefacts.responder),
        "final_weights_sha256": weights_hash(run.path / MODEL),
    }
