"""The learner: PPO's clipped loss, a mean over the action tokens of all learners.

It stops at numbers that are not finite (RLlib would replace such gradients by zeros). Once the policy is too far from
the one that sampled, it skips the rest of the iteration's gradient steps.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from safetensors.torch import save_file

from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.text import load_tokenizer
from algorithms.ppo.advantages import adapted_kl_weight
from algorithms.ppo.batches import EpisodesToConversations, TokenAdvantages
from algorithms.ppo.distributed import global_sums, learners
from algorithms.ppo.estimators import estimator_of
from algorithms.ppo.loss import Minibatch, loss_sums, total_loss
from algorithms.ppo.module import ConversationModule
from algorithms.ppo.schedules import learning_rate_factor
from algorithms.ppo.shipped_files import deliver
from algorithms.settings.ppo import PPOSettings
from envs.errors import RunError
from envs.film_text.markup import PROPOSAL

POLICY, VALUE, FILMS = "policy", "value", "films"
STATE = "conversation_ppo"
"""The key that the learner adds to its state, for the KL weight and the number of updates."""
GAP_FLOAT32, GAP_BFLOAT16 = 1e-4, 0.05
"""The largest mean gap of sampler and learner, in nats a token, that rounding explains in each dtype."""


class ConversationPPOLearner(PPOTorchLearner):
    """Takes whole conversations; ``learner_config_dict`` holds ``ppo`` (PPOSettings as a dict) and ``dump``."""

    def build(self) -> None:
        """Set up module, reference model and connectors."""
        deliver(self.config.learner_config_dict.get("shipped_files", ()))
        self.ppo = PPOSettings(**self.config.learner_config_dict["ppo"])
        self.kl_weight, self.updates = self.ppo.kl, 0
        super().build()
        model_config: dict[str, Any] = self.config.rl_module_spec.model_config  # pyright: ignore
        reference = None
        if model_config["policy"]["lora"] is None:
            # It is kept outside the module, so that checkpoints do not contain it.
            reference = load_causal_lm(model_config["folder"], device=self._device).eval().requires_grad_(False)
        proposal = load_tokenizer(model_config["folder"]).convert_tokens_to_ids(PROPOSAL)
        self._learner_connector.append(EpisodesToConversations(proposal))  # pyright: ignore
        self._learner_connector.append(  # pyright: ignore[reportOptionalMemberAccess]
            TokenAdvantages(reference, estimator_of(self.ppo), lambda: self.kl_weight, self.ppo.micro_batch)
        )

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Make an AdamW without decay for the policy, and optimisers for the value head and the choice of films."""
        module: Any = self._module[module_id]  # pyright: ignore[reportOptionalSubscript]
        named = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
        groups = {
            POLICY: (self.ppo.learning_rate, [p for name, p in named if name.startswith("lm.")]),
            VALUE: (self.ppo.value_learning_rate, [p for name, p in named if name.startswith("value_head.")]),
            FILMS: (self.ppo.film_learning_rate, [p for name, p in named if name.startswith("choice.")]),
        }
        for name, (rate, parameters) in groups.items():
            if not parameters:
                continue
            self.register_optimizer(
                module_id=module_id,
                optimizer_name=name,
                optimizer=torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0),
                params=parameters,
                lr_or_lr_schedule=rate,
            )

    def before_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Freeze the policy during value warm-up; set its learning rate."""
        super().before_gradient_based_update(timesteps=timesteps)
        self._conversation_module.policy_frozen = self.updates < self.ppo.value_warmup
        self._means: list[dict[str, float]] = []
        self._norms: list[float] = []
        self._stopped = False
        ppo = self.ppo
        self._rate = ppo.learning_rate * learning_rate_factor(
            self.updates - ppo.value_warmup,
            ppo.iterations - ppo.value_warmup,
            ppo.learning_rate_schedule,
            ppo.learning_rate_warmup,
        )
        self._set_optimizer_lr(self.get_optimizer(DEFAULT_MODULE_ID, POLICY), self._rate)

    def compute_loss_for_module(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, module_id: str, config: Any, batch: dict[str, torch.Tensor], fwd_out: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        """Compute the loss of ``algorithms.ppo.loss``, a mean over the action tokens of all learners.

        Sums are divided by the action tokens of all learners and multiplied by the number of learners, since gradients
        are averaged over learners.

        Raises:
            RunError: a term is not finite; the batch is dumped first.
        """
        minibatch = Minibatch.of(fwd_out, batch)
        own = loss_sums(minibatch, self.ppo)
        totals = global_sums(
            torch.stack([minibatch.action_BT.sum().float(), *(term.detach() for term in own.values())]).double()
        )
        self._batch = batch
        self._require_finite([name for name, total in zip(own, totals[1:].isfinite(), strict=True) if not total])
        count = float(totals[0])
        self._means.append({name: float(total) / count for name, total in zip(own, totals[1:], strict=True)})
        # The mean is over all learners' tokens, so that they stop together.
        self._stopped = self.ppo.kl_stop is not None and self._means[-1]["approximate_kl"] > self.ppo.kl_stop
        return total_loss(own, self.ppo, self._conversation_module.policy_frozen) * (learners() / count)

    def postprocess_gradients(self, gradients_dict: dict[Any, Any]) -> dict[Any, Any]:
        """Log the gradients' norm, then clip them.

        Raises:
            RunError: a gradient is not finite; the batch is dumped first.
        """
        norm = torch.stack([gradient.norm() for gradient in gradients_dict.values()]).norm()
        if not norm.isfinite():
            names = {id(parameter): name for name, parameter in self._conversation_module.named_parameters()}
            bad = [names[id(parameter)] for parameter, g in gradients_dict.items() if not g.isfinite().all()]
            self._require_finite([f"the gradient of {name}" for name in bad] or ["the gradients' norm"])
        self._norms.append(float(norm))
        return super().postprocess_gradients(gradients_dict)

    def apply_gradients(self, gradients_dict: dict[Any, Any]) -> None:
        """Take the step, unless its minibatch stopped the iteration."""
        if not self._stopped:
            super().apply_gradients(gradients_dict)

    def _update(self, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        return ({}, {}, {}) if self._stopped else super()._update(batch)

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Log the iteration's means over its gradient steps; adapt the KL weight."""
        super().after_gradient_based_update(timesteps=timesteps)
        figures = {name: sum(step[name] for step in self._means) / len(self._means) for name in self._means[0]}
        figures |= {
            "batches": len(self._means) - self._stopped,
            "kl_stopped": float(self._stopped),
            "learning_rate": self._rate,
            "gradient_norm": sum(self._norms) / len(self._norms),
            "sampler_gap_bound": self._gap_bound(),
        }
        self.metrics.log_dict(figures, key=DEFAULT_MODULE_ID, window=1)  # pyright: ignore[reportOptionalMemberAccess]
        kl = float(self.metrics.peek((DEFAULT_MODULE_ID, "kl_reference")))  # pyright: ignore
        if self.ppo.kl_target is not None and not self._conversation_module.policy_frozen:
            self.kl_weight = adapted_kl_weight(self.kl_weight, kl, self.ppo.kl_target)
        self.updates += 1
        self.metrics.log_value((DEFAULT_MODULE_ID, "kl_weight"), self.kl_weight, window=1)  # pyright: ignore

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's state, with the KL weight and the number of updates."""
        return super().get_state(*args, **kwargs) | {STATE: {"kl_weight": self.kl_weight, "updates": self.updates}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a state that ``get_state`` returned."""
        super().set_state(state)
        if STATE in state:
            self.kl_weight, self.updates = state[STATE]["kl_weight"], state[STATE]["updates"]

    @property
    def _conversation_module(self) -> ConversationModule:
        return self._module[DEFAULT_MODULE_ID].unwrapped()  # pyright: ignore

    def _gap_bound(self) -> float:
        """The largest mean gap, in nats a token, between the env runners' and the learner's log-probabilities.

        A larger one stops the run. The setting ``ppo.sampler_gap`` decides; without it the bound is what rounding in
        the policy's dtype explains.
        """
        if self.ppo.sampler_gap is not None:
            return self.ppo.sampler_gap
        return GAP_BFLOAT16 if self._conversation_module.dtype is torch.bfloat16 else GAP_FLOAT32

    def _require_finite(self, bad: list[str]) -> None:
        """If ``bad`` names anything that is not finite, dump the batch and stop."""
        if not bad:
            return
        path = (
            Path(self.config.learner_config_dict["dump"])
            / f"not-finite-update-{self.updates}-{os.getpid()}.safetensors"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: t.contiguous() for name, t in self._batch.items() if isinstance(t, torch.Tensor)}, path)
        raise RunError(
            f"{', '.join(bad[:5])} of update {self.updates} is not finite; the batch is in {path}. "
            "Train anew with a lower ppo.learning_rate or ppo.kl"
        )
