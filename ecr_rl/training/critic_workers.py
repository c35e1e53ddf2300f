"""Train a critic's network on Ray Train's workers, one process each, with gradients averaged over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.train import RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer, get_device, prepare_model
from ray.util.queue import Empty, Queue
from safetensors.torch import load_file

from algorithms.critic.critic import CriticNetwork, load_trunk, save_trunk, write_weights
from algorithms.critic.encoder import Encoder
from algorithms.critic.training import CriticTraining, Targets, Workers
from algorithms.readers.film_table import FilmTable
from algorithms.settings.critic import CriticSettings
from algorithms.settings.resources import ResourceSettings
from ecr_rl.ray_instance import ray_instance
from envs.errors import RunError
from envs.files import write_json
from envs.progress import OnStep

_START, _PROGRESS, _TRAINED, _FIGURES = "start", "progress.safetensors", "trained.safetensors", "trained.json"


def train_on_workers(
    network: CriticNetwork,
    encoder: Encoder,
    films: FilmTable,
    settings: CriticSettings,
    train: Targets,
    valid: Targets,
    folder: Path,
    on_step: OnStep,
) -> int:
    """Train ``network`` in place on ``settings.workers`` workers; return the step that its weights are from.

    Args:
        network: on the CPU.
        encoder: its encoder.
        films: the films that the critic will know.
        settings: each worker takes its share of ``batch_size``.
        train: the training examples.
        valid: the validation examples; they choose the step that is kept.
        folder: a folder for this training that all workers can reach; an interrupted training resumes from it.
        on_step: called with the progress.

    Raises:
        RunError: a worker failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ray_instance(ResourceSettings(env_runners=settings.workers)):
        queue = Queue()
        learnt = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
        config = {
            "start": save_trunk(network, encoder, folder / _START),
            "data": ray.put((films.to_json(), train, valid, learnt)),
            "settings": settings.model_dump(),
            "folder": str(folder.resolve()),
            "queue": queue,
        }
        trainer = TorchTrainer(
            _work,
            train_loop_config=config,
            scaling_config=ScalingConfig(num_workers=settings.workers, use_gpu=torch.cuda.is_available()),
            run_config=RunConfig(name="critic", storage_path=str((folder / "ray").resolve())),
        )
        with ThreadPoolExecutor(1) as pool:
            fitted = pool.submit(trainer.fit)
            while not fitted.done() or not queue.empty():
                try:
                    on_step(*queue.get(timeout=0.5))
                except Empty:
                    continue
        queue.shutdown()
        try:
            fitted.result()
        except TrainingFailedError as error:
            raise RunError(f"training the critic on {settings.workers} workers failed: {error}") from error
    network.load_state_dict(load_file(folder / _TRAINED))
    return int(json.loads((folder / _FIGURES).read_text(encoding="utf-8"))["step"])


def _work(config: dict[str, Any]) -> None:
    films, train, valid, learnt = ray.get(config["data"])
    settings, folder = CriticSettings(**config["settings"]), Path(config["folder"])
    trunk = load_trunk(folder / _START, config["start"])
    network = trunk.network
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in learnt)
    context = ray.train.get_context()
    rank = context.get_world_rank()
    world = Workers(rank, context.get_world_size(), prepare_model)

    def tell(done: int, total: int, figures: Mapping[str, float]) -> None:
        if rank == 0:
            config["queue"].put((done, total, dict(figures)))

    table = FilmTable.from_json(films)
    training = CriticTraining(network.to(get_device()), trunk.text, table, settings, train, valid, world)
    step = training.run(tell, folder / _PROGRESS)
    if rank == 0:
        write_weights(network, folder / _TRAINED)
        write_json(folder / _FIGURES, {"step": step})
    ray.train.report({"step": step})
