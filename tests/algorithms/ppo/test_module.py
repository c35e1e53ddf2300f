"""The module: what it sends and saves, and that unchanged weights give unchanged probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from transformers import GPT2Config, GPT2LMHeadModel

from algorithms.policy.language_model import load_causal_lm
from algorithms.ppo.env_runner import token_spaces
from algorithms.ppo.learner import GAP_BFLOAT16, GAP_FLOAT32
from algorithms.ppo.module import ACTIONS, LENGTHS, TOKENS, ConversationModule, trained_copy
from algorithms.settings.policy import LoraSettings, PolicySettings
from envs.errors import ModelError
from tests.algorithms.doubles import POLICY, tiny_policy_folder, tiny_text
from tests.algorithms.families import family

LORA = POLICY.model_copy(update={"lora": LoraSettings(rank=4, alpha=8), "dtype": "float32"})
PLAIN = POLICY.model_copy(update={"dtype": "float32"})
DTYPES = {"float32": GAP_FLOAT32, "bfloat16": GAP_BFLOAT16}
"""Mean difference of two log-probabilities of one token that rounding explains."""
VOCABULARY = tiny_text().size


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy_folder(tmp_path_factory.mktemp("policy"))


def build(
    folder: Path, policy: PolicySettings, inference_only: bool = False, into_trunk: bool = False
) -> ConversationModule:
    observation, action = token_spaces(policy, VOCABULARY)
    return ConversationModule(
        observation_space=observation,
        action_space=action,
        inference_only=inference_only,
        model_config={
            "folder": str(folder),
            "policy": policy.model_dump(),
            "device": "cpu",
            "value_into_trunk": into_trunk,
            "seed": 0,
        },
    )


def test_values_and_probabilities_of_a_projected_model(tmp_path: Path) -> None:
    family("opt_projected").save_pretrained(tmp_path)
    module = build(tmp_path, PLAIN)
    tokens = torch.arange(20).reshape(1, 20) % 30
    columns = {TOKENS: tokens, LENGTHS: torch.tensor([20]), ACTIONS: torch.arange(20)[None] % 4 == 3}
    statistics = module.token_statistics(columns)
    statistics.values.sum().backward()
    assert statistics.values.shape == (1, 20)
    assert module.value_head.weight.grad is not None


def batch() -> dict[str, Any]:
    """Three conversations of unequal lengths, right-padded."""
    lengths = torch.tensor([30, 17, 9])
    tokens = torch.randint(0, VOCABULARY, (3, 30), generator=torch.Generator().manual_seed(0))
    steps = torch.arange(30)[None]
    actions = (steps % 6 > 2) & (steps < lengths[:, None])
    return {TOKENS: torch.where(steps < lengths[:, None], tokens, 0), LENGTHS: lengths, ACTIONS: actions}


def change(module: ConversationModule, size: float = 0.1) -> None:
    """Stands for training."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * size)


def test_state_holds_adapters_and_value_head_only_with_lora(folder: Path) -> None:
    module = build(folder, LORA)
    state = module.get_state()
    assert all("lora_" in name or name.startswith("value_head.") for name in state)
    assert not any(name.startswith("value_head.") for name in module.get_state(inference_only=True))
    size = sum(array.nbytes for array in state.values())
    assert size < 0.5 * sum(p.numel() * 4 for p in module.parameters())


def test_tied_head_is_sent_once(folder: Path) -> None:
    state = build(folder, PLAIN).get_state()
    shapes = [name for name, array in state.items() if array.shape == (VOCABULARY, POLICY.width)]
    assert shapes == ["lm.transformer.wte.weight"]
    assert all(array.dtype == np.float32 for array in state.values())


@pytest.mark.parametrize("policy", [PLAIN, LORA], ids=["full", "lora"])
def test_env_runner_speaks_as_the_learner_after_a_sync(folder: Path, policy: PolicySettings) -> None:
    learner, runner = build(folder, policy), build(folder, policy, inference_only=True)
    change(learner)
    before = runner.lm(input_ids=batch()[TOKENS]).logits
    runner.set_state(learner.get_state(inference_only=True))
    with torch.no_grad():
        mine, theirs = (module.plain(input_ids=batch()[TOKENS]).logits for module in (runner, learner))
    assert (mine - before).abs().max() > 0.01
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)
    assert runner.get_state() == {}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("policy", [PLAIN, LORA], ids=["full", "lora"])
def test_probabilities_of_env_runner_and_learner_differ_by_rounding_alone(
    folder: Path, policy: PolicySettings, dtype: str
) -> None:
    policy = policy.model_copy(update={"dtype": dtype})
    learner, runner = build(folder, policy), build(folder, policy, inference_only=True)
    change(learner)
    runner.set_state(learner.get_state(inference_only=True))
    assert {parameter.dtype for parameter in learner.parameters()} == {torch.float32}
    assert {parameter.dtype for parameter in runner.lm.parameters()} == {getattr(torch, dtype)}
    with torch.no_grad():
        mine = learner.token_statistics(batch()).logp
        sampled = torch.log_softmax(runner.lm(input_ids=batch()[TOKENS]).logits.float()[:, :-1], -1)
    chosen = sampled.gather(2, batch()[TOKENS][:, 1:, None])[..., 0]
    gap = (mine - chosen)[batch()[ACTIONS][:, 1:]].abs().mean()
    assert gap < DTYPES[dtype]
    assert (gap > GAP_FLOAT32) == (dtype == "bfloat16"), "the two dtypes are one: nothing was tested"


@pytest.mark.parametrize("policy", [PLAIN, LORA], ids=["full", "lora"])
def test_state_restores_every_figure_and_refuses_missing_names(folder: Path, policy: PolicySettings) -> None:
    trained, fresh = build(folder, policy), build(folder, policy)
    change(trained)
    state = trained.get_state()
    fresh.set_state(state)
    left, right = trained.token_statistics(batch()), fresh.token_statistics(batch())
    for name in ("logp", "entropy", "values"):
        torch.testing.assert_close(getattr(left, name), getattr(right, name), atol=0, rtol=0)
    missing = sorted(state)[0]
    with pytest.raises(ModelError, match=missing):
        fresh.set_state({name: array for name, array in state.items() if name != missing})
    with pytest.raises(ModelError, match="odd_one"):
        fresh.set_state(state | {"odd_one": np.zeros(1)})


def test_exported_model_is_the_trained_one(folder: Path, tmp_path: Path) -> None:
    for policy in (PLAIN, LORA):
        module = build(folder, policy)
        change(module)
        trained_copy(folder, policy, module.get_state()).save_pretrained(tmp_path)
        with torch.no_grad():
            saved = load_causal_lm(tmp_path).eval()(input_ids=batch()[TOKENS]).logits
            theirs = module.plain(input_ids=batch()[TOKENS]).logits
        torch.testing.assert_close(saved, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_unchanged_weights_give_ratio_one_in_train_mode(tmp_path: Path, dtype: str) -> None:
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=256, n_embd=32, n_layer=2, n_head=2)  # dropout .1
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    module = build(tmp_path, PLAIN.model_copy(update={"dtype": dtype}))
    outputs = [module.forward_train(batch()) for _ in range(2)]
    ratio = (outputs[0]["logp"] - outputs[1]["logp"]).exp()
    assert module.training
    assert ratio.std() == 0 and (ratio == 1).all()


@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-5), ("bfloat16", GAP_BFLOAT16)])
def test_forward_says_of_each_reply_token_what_a_plain_forward_says(folder: Path, dtype: str, near: float) -> None:
    warm = PLAIN.model_copy(update={"temperature": 0.7, "dtype": dtype})
    module, columns = build(folder, warm), batch()
    change(module)
    spoken = module.forward_train(columns)
    for row, length in enumerate(columns[LENGTHS].tolist()):
        ids = columns[TOKENS][row : row + 1, :length]  # no padding at all
        logp = torch.log_softmax(module.plain(input_ids=ids).logits[0, :-1] / 0.7, -1)
        mask = columns[ACTIONS][row, 1:length]
        chosen = logp.gather(1, ids[0, 1:, None])[:, 0]
        torch.testing.assert_close(spoken["logp"][row, : length - 1][mask], chosen[mask], atol=near, rtol=1e-4)
        entropy = -(logp.exp() * logp).sum(-1)
        torch.testing.assert_close(spoken["entropy"][row, : length - 1][mask], entropy[mask], atol=near, rtol=1e-4)
    assert not spoken["logp"][~spoken["mask"]].any()
    assert Columns.ACTION_DIST_INPUTS not in spoken, "logits of every position would not fit"


def test_reference_is_the_supervised_policy_at_the_start_and_stays_it(folder: Path) -> None:
    module = build(folder, LORA)
    supervised = load_causal_lm(folder).eval()

    def kl() -> torch.Tensor:
        with torch.no_grad(), module.reference():
            reference = module.token_statistics(batch()).logp
        return (module.token_statistics(batch()).logp - reference).abs().sum().detach()

    assert kl() == 0
    change(module)
    assert kl() > 0.1
    with torch.no_grad(), module.reference():
        off = module.plain(input_ids=batch()[TOKENS]).logits
        torch.testing.assert_close(off, supervised(input_ids=batch()[TOKENS]).logits)
    with pytest.raises(ModelError, match="reference"):
        build(folder, PLAIN).reference()


@pytest.mark.parametrize("into_trunk", [False, True])
def test_value_gradients_reach_the_trunk_only_where_wanted(folder: Path, into_trunk: bool) -> None:
    module = build(folder, PLAIN, into_trunk=into_trunk)
    torch.nn.init.ones_(module.value_head.weight)
    module.forward_train(batch())["values"].sum().backward()
    trunk_moves = any(p.grad is not None and p.grad.abs().max() > 0 for p in module.lm.parameters())
    assert trunk_moves == into_trunk
    assert module.value_head.weight.grad is not None


def test_values_are_zero_before_training(folder: Path) -> None:
    assert not build(folder, PLAIN).compute_values(batch()).any()


def test_the_value_at_a_token_is_of_the_state_after_it(folder: Path) -> None:
    module, columns = build(folder, PLAIN), batch()
    change(module)
    with torch.no_grad():
        values = module.token_statistics(columns).values
        for row, length in enumerate(columns[LENGTHS].tolist()):
            ids = columns[TOKENS][row : row + 1, :length]  # no padding at all
            hidden = module.plain(input_ids=ids, output_hidden_states=True).hidden_states[-1]
            alone = module.value_head(hidden)[0, :, 0]
            assert alone.std() > 0.01, "all values are alike: nothing was tested"
            torch.testing.assert_close(values[row, :length], alone, atol=1e-4, rtol=1e-4)
