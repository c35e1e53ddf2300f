"""Plan the emotions of the next reply, learnt from the replies of human recommenders.

The planner is a softmax regression. Its target is the emotions that the reader finds in the human reply, nine shares
that sum to 1. Its features are the emotions of the seeker's last two turns, the words of the last one, the position in
the conversation, and whether films were just named. Adam minimises the cross-entropy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from algorithms.readers.emotion_readers import load_reader, save_reader
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.hashed_words import bag_sums, empty_bag, gram_buckets
from algorithms.weight_hashes import read_card, write_card
from envs.dialogue import MENTION, Dialogue, Role, Utterance, without_films
from envs.emotions import NINE, named_emotions
from envs.errors import ModelError
from envs.files import write_bytes

WEIGHTS, CARD = "planner.safetensors", "planner.json"
"""The files of a planner's folder; a fitted emotion reader is saved in a sub-folder."""

_POSITIONS = 5
"""Position features: contexts of 0, 1, 2, 3, and of 4 or more turns, since an environment may show no more."""
_FEATURES = 2 * len(NINE) + _POSITIONS + 2
_EPOCHS, _STEPS, _BATCH, _RATE, _DECAY = 3, 300, 256, 5e-3, 1e-4
"""Both epochs and steps are minima: a small data set is passed over more often."""
_READ = 4096
"""The number of texts in one call of the reader."""

Case = tuple[Sequence[Utterance], str]
"""The turns before a recommender's turn, and the human text of that turn."""


class TrainedEmotionPlanner:
    """Plans the emotions of the next reply. Implements ``envs.emotions.EmotionPlanner``."""

    def __init__(self, reader: EmotionReader) -> None:
        """An unfitted planner that reads texts with ``reader``."""
        self.reader = reader
        self._network = nn.ModuleDict({"words": empty_bag(len(NINE)), "features": nn.Linear(_FEATURES, len(NINE))})

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], reader: EmotionReader, seed: int = 0) -> TrainedEmotionPlanner:
        """Learn from the recommender turns of dialogues; the same seed gives the same planner."""
        made, cases = cls(reader), _cases(dialogues)
        nine = made._nine_of(
            text for context, reply in cases for text in (*_seeker_lines(context), without_films(reply))
        )
        target_N9 = np.stack([nine[without_films(reply)] for _, reply in cases])
        linear = made._linear
        nn.init.zeros_(linear.weight)
        with torch.no_grad():
            linear.bias.copy_(torch.from_numpy(np.log(target_N9.mean(0) + 1e-4)))
        contexts = [context for context, _ in cases]
        features_NF, grams = _features(contexts, nine), [gram_buckets(_seeker_lines(turns)[0]) for turns in contexts]
        made._descend(features_NF, grams, torch.from_numpy(target_N9), torch.Generator().manual_seed(seed))
        return made

    def plan(self, contexts: Sequence[Sequence[Utterance]]) -> list[tuple[str, ...]]:
        """For each context the names of the emotions that the next reply should carry, the most probable first."""
        return named_emotions(self.probabilities(contexts))

    @torch.inference_mode()
    def probabilities(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """Shares of the nine emotions in the next reply of N contexts: (N, 9), rows sum to 1."""
        if not contexts:
            return np.zeros((0, len(NINE)), dtype=np.float32)
        lines = [_seeker_lines(context) for context in contexts]
        features_NF = _features(contexts, self._nine_of(text for pair in lines for text in pair))
        return torch.softmax(self._logits(features_NF, [gram_buckets(last) for last, _ in lines]), -1).numpy()

    def carried(self, replies: Sequence[str]) -> list[tuple[str, ...]]:
        """Names of the emotions that the reader finds in N replies, films as ``@id``."""
        nine = self._nine_of(map(without_films, replies))
        return named_emotions(np.stack([nine[without_films(reply)] for reply in replies])) if replies else []

    def figures(self, dialogues: Sequence[Dialogue]) -> dict[str, float]:
        """How well the planner predicts the emotions of the human replies in dialogues.

        Returns:
            ``cross_entropy`` (nats) of the human emotions under the plan, and ``cross_entropy_of_mean`` under the mean
            emotions of the same replies. ``top`` and ``top_of_mean``: how often the most probable emotion of each is
            right.
        """
        cases = _cases(dialogues)
        nine = self._nine_of(without_films(reply) for _, reply in cases)
        truth_N9 = np.stack([nine[without_films(reply)] for _, reply in cases])
        planned_N9, mean_9 = self.probabilities([context for context, _ in cases]), truth_N9.mean(0)
        return {
            "cross_entropy": float(-(truth_N9 * np.log(planned_N9 + 1e-9)).sum(1).mean()),
            "cross_entropy_of_mean": float(-(mean_9 * np.log(mean_9 + 1e-9)).sum()),
            "top": float((truth_N9.argmax(1) == planned_N9.argmax(1)).mean()),
            "top_of_mean": float((truth_N9.argmax(1) == mean_9.argmax()).mean()),
        }

    def save(self, folder: Path) -> None:
        """Write the regression, the reader if it is a classifier, and a card with the reader's name."""
        weights = {name: tensor.detach().contiguous() for name, tensor in self._network.state_dict().items()}
        write_bytes(folder / WEIGHTS, save(weights))
        write_card(folder / CARD, {"reader": save_reader(self.reader, folder), "emotions": list(NINE)}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> TrainedEmotionPlanner:
        """The planner of a folder.

        Raises:
            ModelError: the folder holds no planner.
        """
        try:
            card = read_card(folder / CARD)
            made = cls(load_reader(folder, card["reader"]))
            made._network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no planner of emotions: {error}. Train the responder again") from error
        return made

    @property
    def _linear(self) -> nn.Linear:
        found = self._network["features"]
        assert isinstance(found, nn.Linear)
        return found

    def _logits(self, features_NF: torch.Tensor, grams: Sequence[list[int]]) -> torch.Tensor:
        words = self._network["words"]
        assert isinstance(words, nn.EmbeddingBag)
        return self._linear(features_NF) + bag_sums(words, grams)

    def _descend(
        self, features_NF: torch.Tensor, grams: Sequence[list[int]], target_N9: torch.Tensor, order: torch.Generator
    ) -> None:
        optimizer = torch.optim.Adam(self._network.parameters(), lr=_RATE, weight_decay=_DECAY)
        batches = -(-len(grams) // _BATCH)
        epochs = max(_EPOCHS, -(-_STEPS // batches))
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
        for _ in range(epochs):
            for rows in torch.randperm(len(grams), generator=order).split(_BATCH):
                logits = self._logits(features_NF[rows], [grams[row] for row in rows.tolist()])
                loss = nn.functional.cross_entropy(logits, target_N9[rows])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()

    def _nine_of(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The nine emotions of each distinct text; zeros for an empty text."""
        found = {"": np.zeros(len(NINE), dtype=np.float32)}
        missing = [text for text in dict.fromkeys(texts) if text]
        for start in range(0, len(missing), _READ):
            part = missing[start : start + _READ]
            found |= zip(part, self.reader.read(part).nine.astype(np.float32), strict=True)
        return found


def _cases(dialogues: Sequence[Dialogue]) -> list[Case]:
    """The recommender turns that have text besides film names."""
    return [
        (dialogue.utterances[:place], turn.text)
        for dialogue in dialogues
        for place, turn in enumerate(dialogue.utterances)
        if turn.role is Role.RECOMMENDER and without_films(turn.text)
    ]


def _seeker_lines(context: Sequence[Utterance]) -> tuple[str, str]:
    """The seeker's last turn and the one before it, without films; empty where there is none."""
    said = [without_films(turn.text) for turn in context[-4:] if turn.role is Role.SEEKER]
    return said[-1] if said else "", said[-2] if len(said) > 1 else ""


def _features(contexts: Sequence[Sequence[Utterance]], nine: Mapping[str, np.ndarray]) -> torch.Tensor:
    """Float32 features of N contexts, shape (N, F)."""
    rows = []
    for context in contexts:
        last, before = _seeker_lines(context)
        position = np.zeros(_POSITIONS, dtype=np.float32)
        position[min(len(context), _POSITIONS - 1)] = 1.0
        named = [float(any(MENTION.search(turn.text) for turn in context[-1:]))]
        named.append(float(any(MENTION.search(turn.text) for turn in context[-2:-1])))
        rows.append(np.concatenate([nine[last], nine[before], position, np.array(named, dtype=np.float32)]))
    return torch.from_numpy(np.stack(rows))
