"""The RLModule: a causal language model with a value head; it reads a whole conversation in one forward."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI, ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from ray.rllib.utils.numpy import convert_to_numpy
from torch import nn
from transformers import PreTrainedModel

from algorithms.policy.film_choice import ChoiceSettings, FilmChoice
from algorithms.policy.language_model import (
    AdapterMerger,
    hidden_width,
    load_causal_lm,
    policy_dtype,
    token_logits,
    with_adapters,
)
from algorithms.settings.policy import PolicySettings
from envs.errors import ModelError

TOKENS, LENGTHS, ACTIONS = "tokens", "lengths", "actions"
"""Batch columns: ids (B, T); tokens of each row (B,); bool, which tokens are actions (B, T)."""
CHOICE_PLACES, CHOICE_COLUMNS, CHOICE_SCORES, CHOICE_HIDDEN, CHOICE_PICKS = (
    f"choice_{name}" for name in ("places", "columns", "scores", "hidden", "picks")
)
"""Columns of drawn films, U turns a row: the position of ``<proposal>`` (B, U), -1 where there is none; the candidates'
columns and scores (B, U, K); the input of the last layer (B, U, width); the indices drawn (B, U, films)."""
READ = (TOKENS, LENGTHS, ACTIONS, CHOICE_PLACES, CHOICE_COLUMNS, CHOICE_SCORES, CHOICE_HIDDEN, CHOICE_PICKS)
"""The columns that a forward reads; those of the choices exist only if films are drawn."""


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """The results of a forward: at each position t, statistics of token t + 1.

    Attributes:
        mask: bool (B, T - 1), token t + 1 is an action or the marker of drawn films.
        logp: (B, T - 1), log-probability of that token at the sampling temperature, or of the draw; 0 outside the mask.
        entropy: (B, T - 1), of the token's or the draw's distribution, in nats; 0 outside the mask.
        values: (B, T), value of the state after token t.
    """

    mask: torch.Tensor
    logp: torch.Tensor
    entropy: torch.Tensor
    values: torch.Tensor


class ConversationModule(TorchRLModule, ValueFunctionAPI, InferenceOnlyAPI):
    """Language model, value head and, if films are drawn, the choice of films.

    ``model_config``: ``folder`` (the supervised policy), ``policy`` (PolicySettings as a dict), ``device`` (``cpu`` or
    ``cuda``, where env runners and learners compute), ``value_into_trunk`` and ``choice`` (ChoiceSettings as a dict,
    or None). A learner holds float32 weights, with new adapters if LoRA is set, and computes in ``dtype`` by autocast.
    An env runner (inference only) holds a model of that dtype without adapters; it merges synced adapters into the
    weights.
    """

    def setup(self) -> None:
        """Load the supervised policy."""
        config: dict[str, Any] = self.model_config  # pyright: ignore[reportAssignmentType]
        self.settings = PolicySettings(**config["policy"])
        self.dtype = policy_dtype(self.settings, config["device"])
        self.policy_frozen = False
        lora, choice = self.settings.lora, config.get("choice")
        self.choice = None if choice is None else FilmChoice(ChoiceSettings(**choice))
        if self.inference_only:
            self.lm = load_causal_lm(config["folder"], dtype=self.dtype).eval()
            self._merger = AdapterMerger(self.lm, lora) if lora else None
            return
        base = load_causal_lm(config["folder"], four_bit=self.settings.four_bit)
        # The seed makes adapters start equal on every learner and after every restart.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(config.get("seed", 0)))
            self.lm = with_adapters(base, lora) if lora else base
        self.value_head = nn.Linear(hidden_width(base), 1)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)

    def get_non_inference_attributes(self) -> list[str]:
        """The value head stays with the learner."""
        return ["value_head"]

    @property
    def plain(self) -> PreTrainedModel:
        """The language model without peft's wrapper; its adapters, if any, stay active."""
        return self.lm.get_base_model() if hasattr(self.lm, "get_base_model") else self.lm  # pyright: ignore

    def reference(self) -> contextlib.AbstractContextManager[None]:
        """A context in which the adapters are off, so the language model is the reference.

        Raises:
            ModelError: the policy has no adapters; its reference is then a separate model.
        """
        if self.settings.lora is None:
            raise ModelError("a fully trained policy needs a reference model of its own")
        return self.lm.disable_adapter()  # pyright: ignore[reportCallIssue]

    def token_statistics(
        self,
        batch: dict[str, torch.Tensor],
        *,
        entropy: bool = True,
        model: PreTrainedModel | None = None,
        learnt_choice: bool = True,
    ) -> TokenStatistics:
        """Run one forward over whole conversations; logits are computed at action positions only.

        Args:
            batch: the columns ``READ``; those of the choices may be missing.
            entropy: whether to compute the entropy; otherwise it is 0.
            model: a language model to use in place of this module's; the values are then 0.
            learnt_choice: whether the learnt changes of the choice count; otherwise the recommender's own layer does.

        Returns:
            Statistics trimmed to the batch's longest conversation.
        """
        longest = int(batch[LENGTHS].max())
        tokens_BT, actions_BT = batch[TOKENS][:, :longest], batch[ACTIONS][:, :longest].bool()
        lm = self.plain if model is None else model
        # The weights stay float32: bfloat16 would round an optimiser's step away.
        with torch.autocast(tokens_BT.device.type, dtype=torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            hidden_BT, logits = token_logits(lm, tokens_BT, actions_BT)
        mask = actions_BT[:, 1:]
        logits = logits.float() / self.settings.temperature
        normaliser = torch.logsumexp(logits, -1)
        chosen = logits.gather(1, tokens_BT[:, 1:][mask][:, None])[:, 0] - normaliser
        spent = normaliser - (torch.softmax(logits, -1) * logits).sum(-1) if entropy else torch.zeros_like(chosen)
        logp, spent = _scatter(chosen, mask), _scatter(spent, mask)
        if self.choice is not None and CHOICE_PLACES in batch:
            drawn, drawn_logp, drawn_spent = self._draws(batch, mask.shape, learnt_choice)
            mask, logp = mask | drawn, logp + drawn_logp
            spent = spent + drawn_spent if entropy else spent
        return TokenStatistics(
            mask=mask,
            logp=logp,
            entropy=spent,
            values=self._values(hidden_BT) if model is None else torch.zeros_like(tokens_BT, dtype=torch.float),
        )

    def compute_values(self, batch: dict[str, Any], embeddings: Any | None = None) -> torch.Tensor:
        """Value after each token, (B, T), without gradient."""
        with torch.no_grad():
            return self.token_statistics(batch, entropy=False).values

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        inference_only: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """All trained weights as float32 arrays: adapters or full model (a tied head once), value head, choice."""
        if self.inference_only:
            return {}
        state = {name: tensor for name, tensor in self.named_parameters() if tensor.requires_grad}
        if inference_only:
            state = {name: tensor for name, tensor in state.items() if not name.startswith("value_head.")}
        return convert_to_numpy({name: t.detach().float() for name, t in state.items()})  # pyright: ignore

    def set_state(self, state: dict[str, Any]) -> None:
        """Load a state that ``get_state`` returned.

        Raises:
            ModelError: a name is missing or unknown.
        """
        if not state:  # an env runner's checkpoint: its weights come from the learner
            return
        # Arrays from Ray's object store are read-only, and torch warns of them; hence the copy.
        tensors = {name: torch.as_tensor(np.array(value)) for name, value in state.items()}
        if self.inference_only:
            weights = {name.removeprefix("lm."): t for name, t in tensors.items() if name.startswith("lm.")}
            put_weights(self.lm, weights, self._merger)  # pyright: ignore[reportArgumentType]
            if self.choice is not None:
                _copy_into(
                    dict(self.choice.named_parameters()),
                    {name.removeprefix("choice."): t for name, t in tensors.items() if name.startswith("choice.")},
                )
            return
        _copy_into({name: p for name, p in self.named_parameters() if p.requires_grad}, tensors)

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        statistics = self.token_statistics(batch)
        return {
            "mask": statistics.mask,
            "logp": statistics.logp,
            "entropy": statistics.entropy,
            "values": statistics.values,
        }

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("conversations are sampled by ConversationEnvRunner, not by a module's forward")

    def _draws(
        self, batch: dict[str, torch.Tensor], shape: torch.Size, learnt: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The positions of draws, bool (B, T - 1), with the draws' log-probability and entropy, (B, T - 1)."""
        rows, turns = (batch[CHOICE_PLACES] >= 0).nonzero(as_tuple=True)
        logp, entropy = self.choice(  # pyright: ignore[reportOptionalCall]
            *(batch[name][rows, turns] for name in (CHOICE_COLUMNS, CHOICE_SCORES, CHOICE_HIDDEN, CHOICE_PICKS)),
            learnt=learnt,
        )
        # As for any token, the statistics are at the position before it.
        at = (rows, batch[CHOICE_PLACES][rows, turns] - 1)
        nothing = torch.zeros(shape, dtype=logp.dtype, device=logp.device)
        drawn = nothing.bool().index_put(at, torch.ones_like(rows, dtype=torch.bool))
        return drawn, nothing.index_put(at, logp), nothing.index_put(at, entropy)

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        into_trunk = bool(self.model_config["value_into_trunk"]) and not self.policy_frozen  # pyright: ignore
        return self.value_head((hidden if into_trunk else hidden.detach()).float())[..., 0]


def trained_copy(folder: str | Path, policy: PolicySettings, state: Mapping[str, Any]) -> PreTrainedModel:
    """The supervised policy as a plain float32 model, with the changes of a training.

    Args:
        folder: the supervised policy.
        policy: its settings.
        state: returned by ``ConversationModule.get_state``; value head and choice of films are ignored.

    Raises:
        ModelError: a name is missing or unknown.
    """
    model = load_causal_lm(folder).eval()
    weights = {name.removeprefix("lm."): torch.as_tensor(v) for name, v in state.items() if name.startswith("lm.")}
    put_weights(model, weights, AdapterMerger(model, policy.lora) if policy.lora else None)
    return model


@torch.no_grad()
def put_weights(model: PreTrainedModel, weights: Mapping[str, torch.Tensor], merger: AdapterMerger | None) -> None:
    """Load synced weights into a plain model; the merger adds adapters.

    Raises:
        ModelError: a name is missing or unknown.
    """
    if merger is not None:
        merger.merge(weights)
        return
    _copy_into(dict(model.named_parameters()), weights)


@torch.no_grad()
def _copy_into(parameters: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> None:
    if parameters.keys() != weights.keys():
        odd = sorted(parameters.keys() ^ weights.keys())[:5]
        raise ModelError(f"weights do not fit the policy; names on one side only: {odd}")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])


def _scatter(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.zeros(mask.shape, dtype=values.dtype, device=mask.device).masked_scatter(mask, values)
