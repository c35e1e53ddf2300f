"""Checkpoints of a critic network's training (weights, optimiser, best step), to resume from after an interruption."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from algorithms.critic.critic import CriticNetwork
from algorithms.settings.critic import CriticSettings
from envs.errors import ModelError
from envs.files import write_bytes

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""The tensors that AdamW keeps for each parameter."""


@dataclass
class Progress:
    """The state of a training.

    Attributes:
        network: as trained so far.
        optimizer: AdamW over its trained parameters.
        settings: saved in a checkpoint; a checkpoint with other settings is refused.
        step: steps done.
        best: quality of the best validation; it was at ``best_step`` and had the weights ``kept``.
        fruitless: number of validations since the best one.
    """

    network: CriticNetwork
    optimizer: torch.optim.AdamW
    settings: str
    kept: dict[str, torch.Tensor]
    step: int = 0
    best: float = -float("inf")
    best_step: int = 0
    fruitless: int = 0

    @classmethod
    def begin(cls, network: CriticNetwork, settings: CriticSettings) -> Progress:
        """The state before the first step."""
        learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learnt, lr=settings.learning_rate, weight_decay=0.01)
        digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
        return cls(network, optimizer, digest, _copy(network))

    def note(self, quality: float) -> None:
        """Record the validation quality of the present weights."""
        if quality > self.best:
            self.best, self.best_step, self.kept, self.fruitless = quality, self.step, _copy(self.network), 0
        else:
            self.fruitless += 1

    def keep_best(self) -> None:
        """Give the network the weights of the best validation."""
        self.network.load_state_dict(self.kept)

    def save(self, file: Path) -> None:
        """Write a checkpoint as safetensors, atomically."""
        tensors = {f"network.{name}": tensor for name, tensor in _copy(self.network).items()}
        tensors |= {f"kept.{name}": tensor for name, tensor in self.kept.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": state[name] for name in _MOMENTS}
        numbers = {"step": self.step, "best": self.best, "best_step": self.best_step, "fruitless": self.fruitless}
        metadata = {"settings": self.settings, "numbers": json.dumps(numbers)}
        write_bytes(file, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, metadata))

    def restore(self, file: Path) -> None:
        """Restore the state from a checkpoint.

        Raises:
            ModelError: the checkpoint is damaged, or is from a training with other settings.
        """
        try:
            with safe_open(file, "pt") as opened:
                metadata = opened.metadata()
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no mapping)
            if metadata["settings"] != self.settings:
                raise ModelError(f"{file} is of a training under other settings. Delete it to begin anew")
            numbers = json.loads(metadata["numbers"])
            self.network.load_state_dict(_part(tensors, "network."))
            self._restore_optimizer(_part(tensors, "optimizer."))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{file} cannot be read: {error}. Delete it to begin anew") from error
        self.kept = {name: tensor.to(self._device) for name, tensor in _part(tensors, "kept.").items()}
        self.step, self.best = int(numbers["step"]), float(numbers["best"])
        self.best_step, self.fruitless = int(numbers["best_step"]), int(numbers["fruitless"])

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _restore_optimizer(self, tensors: dict[str, torch.Tensor]) -> None:
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = tensor
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})


def _copy(network: CriticNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
