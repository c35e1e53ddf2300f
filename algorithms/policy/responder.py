"""Supervised training of the policy on recommender turns; PPO starts from the result and uses it as reference.

``responder_rows`` makes the training rows. The loss of a reply may be weighted, so that warm replies count more than
cold ones; validation is not weighted. The policy's folder also holds the emotion planner that the policy learnt to
follow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from algorithms.finite import require_finite_loss
from algorithms.model_shapes import require_positions
from algorithms.packaged_models import SMOLLM2, best_device, packaged_smollm2
from algorithms.policy.decoding import require_exact_decoding
from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.language_model import (
    TINY,
    build_tiny,
    fit_vocabulary,
    load_causal_lm,
    merged,
    token_logits,
    with_adapters,
)
from algorithms.policy.responder_rows import Advice, ResponderRows, Row, TurnKey, training_dialogues
from algorithms.policy.text import (
    ConversationText,
    load_unmarked_tokenizer,
    train_tokenizer,
    vocabulary_size,
    with_markers,
)
from algorithms.settings.policy import PolicySettings
from algorithms.settings.supervised import SupervisedSettings
from algorithms.weight_hashes import save_model
from envs.corpora.corpus import Corpus
from envs.corpora.spread import evenly_spread
from envs.errors import ConfigError, ModelError
from envs.files import write_json
from envs.film_text.markup import plain
from envs.progress import OnStep
from envs.settings import EnvSettings
from envs.turns.proposals import Recommenders

_RATE = "supervised.learning_rate"
PLANNER, CARD, METRICS = "planner", "responder.json", "metrics.json"
"""Further files of a responder's folder: the planner's folder, the card with what it is conditioned on, figures."""


def is_conditioned(folder: Path) -> bool:
    """Whether a responder's folder holds a policy that is shown films and emotions.

    Raises:
        ModelError: the folder holds no responder.
    """
    try:
        return json.loads((folder / CARD).read_text(encoding="utf-8"))["conditioning"] == "full"
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no responder: {error}. Train it: ecr-rl respond train") from error


def train_responder(
    corpus: Corpus,
    recommender: Recommenders,
    planner: TrainedEmotionPlanner,
    policy: PolicySettings,
    settings: SupervisedSettings,
    env: EnvSettings,
    folder: Path,
    cache: Path,
    on_step: OnStep,
    weights: Mapping[TurnKey, float] | None = None,
) -> dict[str, float]:
    """Train the supervised policy and save the checkpoint of the best validation loss.

    Args:
        corpus: dialogues and films.
        recommender: completes the proposals.
        planner: reads the emotions that replies carry; saved with the policy.
        policy: which language model.
        settings: steps, rates, batches.
        env: how much history and how many films the environment will show.
        folder: where model, tokenizer, planner, card and metrics go.
        cache: where a converted packaged model goes.
        on_step: called with the progress.
        weights: of the replies' losses, by (dialogue, turn) in ``training_dialogues``; all 1 where None.

    Returns:
        ``validation_loss`` (nats a token), ``perplexity_word``, ``best_step``, ``parameters``.

    Raises:
        ModelError: the model cannot be used, or the training diverged; nothing is saved then.
        ConfigError: the model has fewer positions than ``policy.positions``, or no reply can be learned.
    """
    model, tokenizer = _start(corpus, policy, settings.seed, cache)
    if not policy.four_bit:  # bitsandbytes has already put its model on the device
        model.to(best_device())
    text = ConversationText(tokenizer, policy)
    advice = Advice(recommender, planner) if settings.conditioning == "full" else None
    drawn = training_dialogues(corpus, settings)
    training = ResponderRows(drawn, corpus.catalog, advice, text, env, settings.seed, weights)
    chosen = evenly_spread(len(corpus.valid), settings.validation_rows)
    held_out = ResponderRows([corpus.valid[index] for index in chosen], corpus.catalog, advice, text, env, 1)
    validation = [row for row in (held_out.row(0, index) for index in range(len(held_out))) if row.loss.any()]
    if not validation:
        raise _nothing_learnable(len(held_out), "validation")
    loss, step = _fit(model, training, validation, settings, on_step)
    plain_lm = merged(model) if isinstance(model, PeftModel) else model.to("cpu")
    save_model(plain_lm, tokenizer, folder)  # pyright: ignore[reportArgumentType]
    planner.save(folder / PLANNER)
    write_json(folder / CARD, {"conditioning": settings.conditioning, "emotions": planner.reader.name})
    figures = {
        "validation_loss": loss,
        "perplexity_word": word_perplexity(loss, validation, text),
        "best_step": float(step),
        "parameters": float(sum(p.numel() for p in plain_lm.parameters())),
    }
    write_json(folder / METRICS, figures)
    return figures


def _fit(
    model: torch.nn.Module,
    training: ResponderRows,
    validation: Sequence[Row],
    settings: SupervisedSettings,
    on_step: OnStep,
) -> tuple[float, int]:
    """Train, restore the weights of the best step, and return its validation loss and number.

    Raises:
        ModelError: the training diverged.
    """
    optimiser = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate, weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, settings))
    best: tuple[float, int, dict[str, torch.Tensor]] = (math.inf, 0, {})
    batches = _batches(training, settings)
    for step in range(1, settings.steps + 1):
        model.train()
        loss, count = batch_loss(model, next(batches))
        optimiser.zero_grad(set_to_none=True)
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        schedule.step()
        metrics = {"loss": loss.item() / count}
        require_finite_loss(metrics["loss"], step, _RATE)
        if step % settings.evaluate_every == 0 or step == settings.steps:
            metrics["validation_loss"] = validation_loss(model, validation, settings.batch_size)
            require_finite_loss(metrics["validation_loss"], step, _RATE)
            if metrics["validation_loss"] < best[0]:
                kept = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
                best = (metrics["validation_loss"], step, kept)
        on_step(step, settings.steps, metrics)
    model.load_state_dict(best[2], strict=False)
    return best[0], best[1]


def batch_loss(model: torch.nn.Module, rows: Sequence[Row]) -> tuple[torch.Tensor, float]:
    """The weighted sum of the negative log-likelihood, in nats, of tokens that carry loss, and the sum of weights."""
    losses = token_losses(model, rows)
    weights = torch.from_numpy(np.concatenate([row.weights[1:][row.loss[1:]] for row in rows])).to(losses.device)
    return (losses * weights).sum(), float(weights.sum())


def token_losses(model: torch.nn.Module, rows: Sequence[Row]) -> torch.Tensor:
    """Negative log-likelihood, in nats, of each token that carries loss, row after row: (tokens,)."""
    plain_lm: PreTrainedModel = model.get_base_model() if hasattr(model, "get_base_model") else model  # pyright: ignore
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    loss = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.from_numpy(row.tokens.astype(np.int64))
        loss[index, : len(row.tokens)] = torch.from_numpy(row.loss)
    device = plain_lm.device
    tokens, loss = tokens.to(device), loss.to(device)
    _, logits = token_logits(plain_lm, tokens, loss)
    return cross_entropy(logits.float(), tokens[:, 1:][loss[:, 1:]], reduction="none")


@torch.no_grad()
def row_nats(model: torch.nn.Module, rows: Sequence[Row], batch_size: int) -> np.ndarray:
    """Negative log-likelihood, in nats, of the tokens of each of N rows that carry loss, unweighted: (N,)."""
    model.eval()
    nats = np.zeros(len(rows))
    order = np.argsort([len(row.tokens) for row in rows], kind="stable")
    for start in range(0, len(rows), batch_size):
        chosen = order[start : start + batch_size]
        losses = token_losses(model, [rows[row] for row in chosen]).double().cpu().numpy()
        owner = np.repeat(chosen, [int(rows[row].loss[1:].sum()) for row in chosen])
        np.add.at(nats, owner, losses)
    return nats


def validation_loss(model: torch.nn.Module, rows: Sequence[Row], batch_size: int) -> float:
    """Mean negative log-likelihood a token, in nats, over rows, unweighted."""
    return float(row_nats(model, rows, batch_size).sum()) / max(1, sum(int(row.loss.sum()) for row in rows))


def word_perplexity(loss: float, rows: Sequence[Row], text: ConversationText) -> float:
    """Perplexity a word: exp(nats of the replies / their whitespace words); the nats include end tokens."""
    tokens = sum(int(row.loss.sum()) for row in rows)
    words = sum(len(text.reply(row.tokens[row.loss]).split()) for row in rows)
    return math.exp(min(50.0, loss * tokens / max(1, words)))


def _start(
    corpus: Corpus, policy: PolicySettings, seed: int, cache: Path
) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    if policy.model == TINY:
        lines = (plain(corpus.catalog.render(u.text)) for dialogue in corpus.train for u in dialogue.utterances)
        tokenizer = train_tokenizer(lines, policy.vocabulary)
        pad, end = int(tokenizer.pad_token_id), int(tokenizer.eos_token_id)  # pyright: ignore
        return build_tiny(policy, len(tokenizer), end, pad, seed), tokenizer
    source = str(packaged_smollm2(cache)) if policy.model == SMOLLM2 else policy.model
    tokenizer = load_unmarked_tokenizer(source)
    known, before = vocabulary_size(tokenizer), tokenizer.get_vocab()
    with_markers(tokenizer)
    added = [index for token, index in tokenizer.get_vocab().items() if token not in before]
    model = load_causal_lm(source, four_bit=policy.four_bit, device=best_device() if policy.four_bit else "cpu")
    require_positions(policy, model.config)
    require_exact_decoding(model, policy.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        new_rows = fit_vocabulary(model, known, vocabulary_size(tokenizer), added)
        if policy.lora is None:
            return model, tokenizer
        return with_adapters(model, policy.lora, new_rows), tokenizer


def _batches(rows: ResponderRows, settings: SupervisedSettings) -> Iterator[list[Row]]:
    epoch = 0
    while True:
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(rows))
        drawn = [row for row in (rows.row(epoch, int(index)) for index in order) if row.loss.any()]
        if not drawn:
            raise _nothing_learnable(len(rows), "training")
        # Rows of similar length share a batch; batches come in random order.
        chunks = []
        for start in range(0, len(drawn), settings.batch_size * 8):
            part = sorted(drawn[start : start + settings.batch_size * 8], key=lambda row: len(row.tokens))
            chunks += [part[at : at + settings.batch_size] for at in range(0, len(part), settings.batch_size)]
        for chosen in np.random.default_rng([settings.seed, epoch, 1]).permutation(len(chunks)):
            yield chunks[chosen]
        epoch += 1


def _nothing_learnable(count: int, part: str) -> ConfigError:
    return ConfigError(
        f"none of {count} {part} dialogues holds a recommender turn that can be learned: every reply is longer than "
        "policy.max_new tokens or names a film that is not proposed. Raise policy.max_new"
    )


def _rate(step: int, settings: SupervisedSettings) -> float:
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
