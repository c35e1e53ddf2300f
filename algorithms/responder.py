"""Supervised training of the policy on recommender turns; its result is PPO's start and its reference.

A row is one dialogue from one of its recommender turns on: the human history before it, then observation and reply
in turn, exactly the token stream that the environment makes of a conversation. The loss is on replies. Half the
proposals hold the human's own films, half the recommender's top films; a reply whose films are not proposed is
context without loss, and a reply without films declines what is proposed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from algorithms.language_model import (
    SMOLLM2,
    TINY,
    best_device,
    build_tiny,
    load_causal_lm,
    packaged_smollm2,
    trunk,
    with_adapters,
)
from algorithms.settings import PolicySettings, SupervisedSettings
from algorithms.text import ConversationText, load_tokenizer, train_tokenizer
from envs.catalog import Catalog
from envs.corpus import Corpus
from envs.dialogue import MENTION, Dialogue, Role, Utterance, mentioned_films
from envs.errors import ConfigError
from envs.markup import SLOTS, plain
from envs.observations import marked, prompt
from envs.progress import OnStep
from envs.proposals import FilmRecommender
from envs.settings import EnvSettings

_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;:'])")


@dataclass(frozen=True, slots=True)
class Row:
    """One training row: tokens and which of them carry loss, both (length,)."""

    tokens: np.ndarray
    loss: np.ndarray


class ResponderRows:
    """Draws training rows from dialogues; row ``(epoch, index)`` is a pure function of the seed."""

    def __init__(
        self,
        dialogues: Sequence[Dialogue],
        catalog: Catalog,
        recommender: FilmRecommender,
        text: ConversationText,
        env: EnvSettings,
        seed: int,
    ) -> None:
        """Work out the recommender's proposals for every recommender turn once."""
        self._dialogues = [d for d in dialogues if any(u.role is Role.RECOMMENDER for u in d.utterances)]
        self._catalog, self._text, self._env, self._seed = catalog, text, env, seed
        self._free_turns = env.horizon if env.seeker == "replay" else env.max_turns
        places = [
            (index, turn)
            for index, dialogue in enumerate(self._dialogues)
            for turn, utterance in enumerate(dialogue.utterances)
            if utterance.role is Role.RECOMMENDER
        ]
        contexts = [self._dialogues[index].utterances[:turn] for index, turn in places]
        proposals = recommender.propose(contexts, env.proposals)
        self._proposals = dict(zip(places, proposals, strict=True))

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self._dialogues)

    def row(self, epoch: int, index: int) -> Row:
        """The row of a dialogue in an epoch: its start, and whose films are proposed, vary with the epoch."""
        rng = np.random.default_rng([self._seed, epoch, index])
        turns = self._dialogues[index].utterances
        starts = [turn for turn, utterance in enumerate(turns) if utterance.role is Role.RECOMMENDER]
        start = starts[0] if rng.random() < 0.5 else starts[int(rng.integers(len(starts)))]
        tokens: list[np.ndarray] = []
        loss: list[np.ndarray] = []
        length = 0
        for turn in [turn for turn in starts if turn >= start][: self._free_turns]:
            own = mentioned_films(turns[turn].text)[: self._env.proposals]
            proposal = own if own and rng.random() < 0.5 else self._proposals[index, turn]
            observation = self._observation(turns, turn, proposal, first=turn == start)
            reply, usable = reply_with_slots(turns[turn].text, proposal, self._catalog)
            action = self._text.action(reply)
            usable = usable and len(action) <= self._text.settings.max_new
            length += len(observation) + len(action)
            if length > self._text.settings.positions:
                break
            tokens += [observation, action]
            loss += [np.zeros(len(observation), bool), np.full(len(action), usable)]
        if not tokens:
            return Row(np.zeros(0, np.int32), np.zeros(0, bool))
        return Row(np.concatenate(tokens), np.concatenate(loss))

    def _observation(self, turns: Sequence[Utterance], turn: int, proposal: Sequence[int], first: bool) -> np.ndarray:
        before = turns[max(0, turn - self._env.max_history) : turn] if first else turns[turn - 1 : turn]
        rendered = [Utterance(said.role, plain(self._catalog.render(said.text))) for said in before]
        return self._text.observation(marked(rendered) + prompt(proposal, self._catalog), first=first)


def reply_with_slots(text: str, proposal: Sequence[int], catalog: Catalog) -> tuple[str, bool]:
    """A human reply with slots for the proposed films, titles for the others, and whether it may be learned.

    It may when every film in it is proposed, and something is said.
    """
    slots = dict(zip(proposal, SLOTS, strict=False))
    pieces, end = [], 0
    for found in MENTION.finditer(text):
        title = slots.get(int(found[1])) or plain(catalog.render(found.group()))
        pieces += [plain(text[end : found.start()]), title]
        end = found.end()
    pieces.append(plain(text[end:]))
    reply = _BEFORE_PUNCTUATION.sub(r"\1", " ".join(piece for piece in pieces if piece))
    return reply, bool(reply) and all(film in slots for film in mentioned_films(text))


def train_responder(
    corpus: Corpus,
    recommender: FilmRecommender,
    policy: PolicySettings,
    settings: SupervisedSettings,
    env: EnvSettings,
    folder: Path,
    cache: Path,
    on_step: OnStep,
) -> dict[str, float]:
    """Train the supervised policy and save the checkpoint of the best validation loss.

    Args:
        corpus: dialogues and films.
        recommender: fills half the proposals.
        policy: which language model.
        settings: steps, rates, batches.
        env: history and proposals, as the environment will show them.
        folder: where model, tokenizer and metrics go.
        cache: where a packaged model is converted to.
        on_step: told of progress.

    Returns:
        ``validation_loss`` (nats a token), ``perplexity_word``, ``best_step``, ``parameters``.
    """
    model, tokenizer = _start(corpus, policy, settings.seed, cache)
    if not policy.four_bit:  # bitsandbytes has placed its model already
        model.to(best_device())
    text = ConversationText(tokenizer, policy)
    training = ResponderRows(corpus.train, corpus.catalog, recommender, text, env, settings.seed)
    held_out = ResponderRows(corpus.valid[: settings.validation_rows], corpus.catalog, recommender, text, env, 1)
    validation = [row for row in (held_out.row(0, index) for index in range(len(held_out))) if row.loss.any()]
    loss, step = _fit(model, training, validation, settings, on_step)
    merged = model.merge_and_unload() if policy.lora else model  # pyright: ignore[reportCallIssue]
    merged.to("cpu").save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    figures = {
        "validation_loss": loss,
        "perplexity_word": word_perplexity(loss, validation, text),
        "best_step": float(step),
        "parameters": float(sum(p.numel() for p in merged.parameters())),
    }
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2))
    return figures


def _fit(
    model: torch.nn.Module,
    training: ResponderRows,
    validation: Sequence[Row],
    settings: SupervisedSettings,
    on_step: OnStep,
) -> tuple[float, int]:
    """Train, put the best step's weights back, and give its validation loss and its number."""
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
        if step % settings.evaluate_every == 0 or step == settings.steps:
            metrics["validation_loss"] = validation_loss(model, validation, settings.batch_size)
            if metrics["validation_loss"] < best[0]:
                kept = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
                best = (metrics["validation_loss"], step, kept)
        on_step(step, settings.steps, metrics)
    model.load_state_dict(best[2], strict=False)
    return best[0], best[1]


def batch_loss(model: torch.nn.Module, rows: Sequence[Row]) -> tuple[torch.Tensor, int]:
    """Summed negative log-likelihood, in nats, of the tokens that carry loss, and their number."""
    plain_lm: PreTrainedModel = model.get_base_model() if hasattr(model, "get_base_model") else model  # pyright: ignore
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    loss = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.from_numpy(row.tokens.astype(np.int64))
        loss[index, : len(row.tokens)] = torch.from_numpy(row.loss)
    device = plain_lm.device
    tokens, loss = tokens.to(device), loss.to(device)
    # No mask: padding stands on the right, where a causal model's real tokens never look.
    hidden = trunk(plain_lm)(input_ids=tokens, use_cache=False).last_hidden_state
    target = loss[:, 1:]
    logits = plain_lm.get_output_embeddings()(hidden[:, :-1][target]).float()
    return cross_entropy(logits, tokens[:, 1:][target], reduction="sum"), int(target.sum())


@torch.no_grad()
def validation_loss(model: torch.nn.Module, rows: Sequence[Row], batch_size: int) -> float:
    """Mean negative log-likelihood a token, in nats, over rows."""
    model.eval()
    total, count = 0.0, 0
    for start in range(0, len(rows), batch_size):
        loss, tokens = batch_loss(model, rows[start : start + batch_size])
        total, count = total + float(loss), count + tokens
    return total / max(1, count)


def word_perplexity(loss: float, rows: Sequence[Row], text: ConversationText) -> float:
    """Perplexity a word: exp(nats of the replies / their whitespace words), end tokens counted in the nats."""
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
    tokenizer = load_tokenizer(source)
    model = load_causal_lm(source, four_bit=policy.four_bit, device=best_device() if policy.four_bit else "cpu")
    old = int(model.get_input_embeddings().weight.shape[0])  # pyright: ignore
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if len(tokenizer) > old:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=True)
        if policy.lora is None:
            return model, tokenizer
        return with_adapters(model, policy.lora, list(range(old, len(tokenizer)))), tokenizer


def _batches(rows: ResponderRows, settings: SupervisedSettings) -> Iterator[list[Row]]:
    epoch = 0
    while True:
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(rows))
        drawn = [row for row in (rows.row(epoch, int(index)) for index in order) if row.loss.any()]
        if not drawn:
            raise ConfigError(
                f"none of {len(rows)} dialogues holds a recommender turn that can be learned: every reply is longer "
                "than policy.max_new tokens or names a film that is not proposed. Raise policy.max_new"
            )
        # Rows of like length share a batch; batches come in random order.
        chunks = []
        for start in range(0, len(drawn), settings.batch_size * 8):
            part = sorted(drawn[start : start + settings.batch_size * 8], key=lambda row: len(row.tokens))
            chunks += [part[at : at + settings.batch_size] for at in range(0, len(part), settings.batch_size)]
        for place in np.random.default_rng([settings.seed, epoch, 1]).permutation(len(chunks)):
            yield chunks[place]
        epoch += 1


def _rate(step: int, settings: SupervisedSettings) -> float:
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
