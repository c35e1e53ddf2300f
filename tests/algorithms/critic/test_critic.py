"""The critic: shapes, frozen weights, its folder, encoders with frozen layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from algorithms.critic.blend import Blend
from algorithms.critic.critic import Critic, CriticNetwork, Trunk, save_critic
from algorithms.critic.encoder import Encoder, load_encoder
from algorithms.critic.pair_text import BREAK, PAD, START, UNKNOWN, train_tokenizer
from algorithms.critic.training import CriticTraining, Targets
from algorithms.readers.film_table import FilmEntry, FilmTable
from algorithms.settings.critic import CriticSettings
from algorithms.weight_hashes import write_card
from envs.dialogue import Role, Utterance
from envs.errors import ModelError
from envs.heads import Exchange, RewardModel
from tests.known_heads import HEADS

LINES = [
    "I want a scary film",
    "How about The Conjuring (2013)?",
    "Whatever, just pick one.",
    "I'm sorry to hear that!",
]
FILMS = FilmTable({"The Conjuring (2013)": FilmEntry(frozenset({"horror"}), frozenset())})
SETTINGS = CriticSettings(max_tokens=32, steps=12, batch_size=8, evaluate_every=4)
BLEND = Blend.even(1, len(HEADS))
NONE = np.full(24, -1)


def exchanges(count: int = 24) -> list[Exchange]:
    return [
        Exchange((Utterance(Role.SEEKER, LINES[i % 3] * (i % 5)),), f"{LINES[(i + 1) % 4]} {i}") for i in range(count)
    ]


def network(settings: CriticSettings = SETTINGS, seed: int = 0) -> tuple[CriticNetwork, Encoder]:
    torch.manual_seed(seed)
    encoder = load_encoder(settings, LINES * 10, ["The Conjuring (2013)"])
    return CriticNetwork(encoder.model, encoder.width, len(HEADS), settings.members, encoder.frozen_layers), encoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made, encoder = network()
    save_critic(
        [(made, encoder)],
        FILMS,
        BLEND,
        HEADS,
        {"settings": SETTINGS.model_dump()},
        tmp_path / "critic",
    )
    return tmp_path / "critic"


def test_scores_are_in_range_in_order_and_members_differ(folder: Path) -> None:
    critic: RewardModel = Critic.load(folder)
    given = exchanges(150)
    scores = critic.score(given)
    assert scores.mean.shape == scores.spread.shape == (150, len(HEADS))
    assert (scores.mean > 0).all()
    assert (scores.mean < 1).all()
    assert (scores.spread > 0).all()
    alone = np.concatenate([critic.score([exchange]).mean for exchange in given[:10]])
    np.testing.assert_allclose(scores.mean[:10], alone, atol=1e-5)
    assert critic.score([]).mean.shape == (0, len(HEADS))


def test_one_member_has_no_spread(tmp_path: Path) -> None:
    made, encoder = network(SETTINGS.model_copy(update={"members": 1}))
    assert not Critic([Trunk(made, encoder.text)], FILMS, BLEND, HEADS).score(exchanges()).spread.any()


def test_a_reply_that_is_too_long_is_flagged(folder: Path) -> None:
    critic = Critic.load(folder)
    assert critic.cut([Exchange((), "Hi"), Exchange((), "word " * 10_000)]).tolist() == [False, True]


def test_a_loaded_critic_scores_as_the_network_that_was_saved(tmp_path: Path) -> None:
    made, encoder = network(seed=3)
    save_critic([(made, encoder)], FILMS, BLEND, HEADS, {}, tmp_path)
    expected = Critic([Trunk(made, encoder.text)], FILMS, BLEND, HEADS)
    loaded = Critic.load(tmp_path)
    np.testing.assert_array_equal(loaded.score(exchanges()).mean, expected.score(exchanges()).mean)
    assert loaded.weights_hash() == expected.weights_hash()
    assert json.loads((tmp_path / "critic.json").read_text())["weights_sha256"] == loaded.weights_hash()
    written = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {".json", ".safetensors"}


def test_swapped_weights_change_the_scores(folder: Path) -> None:
    before = Critic.load(folder)
    weights = load_file(folder / "trunk-0" / "weights.safetensors")
    save_file({name: tensor + 0.05 for name, tensor in weights.items()}, folder / "trunk-0" / "weights.safetensors")
    with pytest.raises(
        ModelError, match=r"trunk-0/weights\.safetensors is not what critic\.json says.*Train the critic"
    ):
        Critic.load(folder)
    write_card(folder / "critic.json", json.loads((folder / "critic.json").read_text()), "trunk-0/weights.safetensors")
    after = Critic.load(folder)
    assert before.weights_hash() != after.weights_hash()
    assert not np.allclose(before.score(exchanges()).mean, after.score(exchanges()).mean)


def test_a_critic_never_learns(folder: Path) -> None:
    critic = Critic.load(folder)
    before = critic.weights_hash()
    critic.score(exchanges())
    assert critic.weights_hash() == before
    assert not any(parameter.requires_grad for parameter in critic.parameters())


def test_any_text_gets_scores(folder: Path) -> None:
    strange = [Exchange((), ""), Exchange((), "\ud800"), Exchange((), "word " * 10_000), Exchange((), "日本語 🎬")]
    assert np.isfinite(Critic.load(folder).score(strange).mean).all()


def test_a_folder_without_a_critic_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no critic"):
        Critic.load(tmp_path / "nothing")
    (folder / "trunk-0" / "weights.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="holds no critic"):
        Critic.load(folder)


def bert_folder(folder: Path, dropout: float = 0.1) -> Path:
    """A BERT of three layers as a hub folder holds it, dropout included."""
    tokenizer = train_tokenizer(LINES * 10, 300, [])
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        hidden_dropout_prob=dropout,
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=START, sep_token=BREAK, pad_token=PAD, unk_token=UNKNOWN
    ).save_pretrained(folder)
    return folder


def test_only_the_top_layers_of_a_loaded_encoder_learn(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"encoder": str(bert_folder(tmp_path / "bert")), "trained_layers": 1})
    made, encoder = network(settings)
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    given, values = exchanges(), np.random.default_rng(0).random((24, len(HEADS)))
    targets = Targets(given, HEADS, values, np.ones_like(values, dtype=bool), NONE)
    training = CriticTraining(made, encoder.text, FILMS, settings, targets, targets)
    assert training.run(lambda done, total, figures: None) > 0
    changed = {name for name, tensor in made.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith(("encoder.encoder.layer.2.", "heads.", "ridge.")) for name in changed)
    assert all(module.p == 0.0 for module in made.modules() if isinstance(module, torch.nn.Dropout))
    save_critic([(made, encoder)], FILMS, BLEND, HEADS, {}, tmp_path / "critic")
    expected = Critic([Trunk(made, encoder.text)], FILMS, BLEND, HEADS).score(given).mean
    np.testing.assert_array_equal(Critic.load(tmp_path / "critic").score(given).mean, expected)


def test_masked_labels_do_not_move_their_head() -> None:
    given, values = exchanges(), np.full((24, len(HEADS)), 0.3)
    known = np.ones_like(values, dtype=bool)
    known[::2, -1] = False
    results = []
    for hidden in (0.0, 1.0):  # what stands under the mask must not matter
        made, encoder = network()
        masked = np.where(known, values, hidden)
        targets = Targets(given, HEADS, masked, known, NONE)
        CriticTraining(made, encoder.text, FILMS, SETTINGS, targets, targets).run(lambda done, total, figures: None)
        results.append(Critic([Trunk(made, encoder.text)], FILMS, BLEND, HEADS).weights_hash())
    assert results[0] == results[1]


def test_training_that_diverges_stops_at_its_step_and_is_not_saved(tmp_path: Path) -> None:
    given, values = exchanges(), np.full((24, len(HEADS)), 0.3)
    targets = Targets(given, HEADS, values, np.ones_like(values, dtype=bool), NONE)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30})
    made, encoder = network(settings)
    training = CriticTraining(made, encoder.text, FILMS, settings, targets, targets)
    with pytest.raises(ModelError, match=r"diverged at step \d+: .*Lower critic\.learning_rate"):
        training.run(lambda done, total, figures: None)
    with pytest.raises(ModelError, match="are not finite, so nothing is saved"):
        save_critic([(made, encoder)], FILMS, BLEND, HEADS, {}, tmp_path / "critic")


def test_contrast_teaches_what_another_film_changes() -> None:
    """Labels that scatter widely hide a small fall from each reply to the same with another film."""
    given, rng = exchanges(), np.random.default_rng(3)
    originals = np.where(np.arange(24) % 2, np.arange(24) - 1, -1)
    values = np.repeat(rng.uniform(0.3, 0.9, (12, len(HEADS))), 2, axis=0)
    values[1::2] -= 0.2
    known = np.ones_like(values, dtype=bool)
    errors = []
    for contrast in (0.0, 20.0):
        settings = SETTINGS.model_copy(update={"contrast": contrast, "steps": 60, "learning_rate": 2e-3})
        made, encoder = network(settings)
        training = CriticTraining(
            made,
            encoder.text,
            FILMS,
            settings,
            Targets(given, HEADS, values, known, originals),
            Targets(given, HEADS, values, known, NONE),
        )
        training.run(lambda done, total, figures: None)
        scores = training.predict()[:, :-1].mean(1)
        errors.append(float(np.abs(scores[1::2] - scores[::2] + 0.2).mean()))
    assert errors[1] < 0.8 * errors[0]


def test_an_encoder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = bert_folder(tmp_path / "bert")
    with pytest.raises(ModelError, match="too few for max_tokens 96"):
        load_encoder(CriticSettings(encoder=str(folder), max_tokens=96), [])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(CriticSettings(encoder=str(tmp_path / "missing")), [])
