"""Train the film recommender on dialogues alone, with the films' facts if the catalogue has them.

Stage 1 (emotional semantic fusion): for each message that names films, recover them from the rest of the dialogue.
Stage 2 (emotion-aware recommendation): for each message that names films, predict them from the messages before it,
and at a lower weight also the films that are named later. The seeker's questionnaire decides the weight of a film.
Every member of the ensemble goes through both stages with its own seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from scipy.sparse import csr_matrix

from algorithms.readers.emotion_readers import emotion_reader
from algorithms.readers.seeker_words import seeker_words
from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.features import ContextFeatures, ContextReader, facts
from algorithms.recommender.fused import joined
from algorithms.recommender.liking import fit_liking
from algorithms.recommender.network import Examples, NetworkWeights, SoftmaxNetwork, batches, train
from algorithms.recommender.recommender import Recommender
from algorithms.recommender.repeat_chance import RepeatChance
from algorithms.recommender.vocabulary import Vocabulary
from algorithms.settings.recommender import FeedbackSettings, Part, RecommenderSettings
from envs.catalog import Catalog, Film
from envs.corpora.cases import cases, context
from envs.dialogue import Dialogue, Role, Utterance
from envs.errors import DataError
from envs.film_text.words import WORD
from envs.marks import further_seed
from envs.progress import OnStep

_GROUPS = {
    "seeker": ("wish", "asked", "asked-pair", "seeker-film"),
    "recommender": ("told", "begun", "recommender-film"),
    "felt": ("felt", "emotion", "mood"),
    "knowledge": ("knowledge",),
}
"""The groups of features that each part consists of."""
_FACT_WEIGHTS = {"genre": 1.0, "person": 0.7, "period": 0.5, "title": 0.5, "plot": 0.3}
_COMMON = 0.3
"""A word that occurs in more than this share of the plots is left out."""
_READ = 2048
"""The number of contexts that are read in one call."""
_TOLD_EVERY = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A context, and the films to predict from it.

    Attributes:
        context: the conversation that is read.
        targets: columns of new films with their weights.
        said: ids of all films of the next message, if it is the recommender's; else, and in stage 1, None.
    """

    context: tuple[Utterance, ...]
    targets: Mapping[int, float]
    said: frozenset[int] | None = None


def fit_recommender(
    dialogues: Sequence[Dialogue],
    catalog: Catalog,
    settings: RecommenderSettings,
    on_step: OnStep = lambda done, total, figures: None,
) -> Recommender:
    """Train both stages.

    Args:
        dialogues: the training dialogues.
        catalog: the films; genres, people and plots are used if it has them.
        settings: sizes, rates, weights, and parts to leave out.
        on_step: called with the batches done.

    Raises:
        DataError: no dialogue names a film of the catalogue, or the emotions' data cannot be read.
    """
    reader = ContextReader(catalog, emotion_reader(settings.emotions))
    columns = {film: column for column, film in enumerate(catalog.ids)}
    aims = Aims(columns, settings)
    masked = [] if _lacks(settings, "fusion") else [each for dialogue in dialogues for each in aims.masked(dialogue)]
    coming = [each for dialogue in dialogues for each in aims.coming(dialogue)]
    readings = [_read(reader, examples, settings) for examples in (masked, coming)]
    vocabulary = Vocabulary.of((reading.features for reading in chain(*readings)), settings.rare)
    known = _known_of(catalog, settings)
    stages = [
        (_examples(read, vocabulary, columns, examples), epochs)
        for read, examples, epochs in zip(
            readings, (masked, coming), (settings.fusion_epochs, settings.epochs), strict=True
        )
        if any(example.targets for example in examples)
    ]
    if not stages:
        raise DataError(
            f"none of {len(dialogues)} dialogues names a film to learn from", remedy="Train on more of them."
        )
    networks = _networks(stages, known, _shares(coming, len(columns)), settings, on_step)
    ridge = None if _lacks(settings, "ridge") else _ridge(dialogues, columns, settings)
    chances = None if _lacks(settings, "named") else _chances(readings[1], coming, settings)
    weights = joined([member[0] for member in networks]), joined([member[-1] for member in networks])
    liking = fit_liking(dialogues, catalog, known)
    seen = frozenset(dialogue.text_hash for dialogue in dialogues)
    return Recommender.of_parts(settings, catalog, reader, vocabulary, weights, ridge, chances, liking, seen)


class Aims:
    """Makes the training examples of a dialogue: contexts with target columns and their weights."""

    def __init__(self, columns: Mapping[int, int], settings: RecommenderSettings) -> None:
        """Use these films' columns as targets; the settings ``feedback`` and ``later`` weigh them."""
        self._columns = columns
        self._feedback = (
            FeedbackSettings(liked=1.0, disliked=1.0) if _lacks(settings, "feedback") else settings.feedback
        )
        self._later = 0.0 if _lacks(settings, "later") else settings.later

    def masked(self, dialogue: Dialogue) -> Iterator[Example]:
        """Stage 1: for each message, recover its masked films from the dialogue."""
        for case in cases(dialogue, "masked"):
            yield Example(case.context, self._weights(dialogue, case.targets))

    def coming(self, dialogue: Dialogue) -> Iterator[Example]:
        """Stage 2: for each message, predict its new films and those named later from the messages before it."""
        mentions = dialogue.mentions
        for message in dict.fromkeys(mention.message for mention in mentions if mention.message):
            before = {mention.film_id for mention in mentions if mention.message < message}
            now = [mention.film_id for mention in mentions if mention.message == message]
            after = [m.film_id for m in mentions if m.message > message and m.film_id not in before]
            targets = {film: self._later * weight for film, weight in self._weights(dialogue, after).items()}
            targets |= self._weights(dialogue, [film for film in now if film not in before])
            targets = {film: weight for film, weight in targets.items() if weight}
            said = None if dialogue.messages[message].role is Role.SEEKER else frozenset(now)
            yield Example(context(dialogue, message), targets, said)

    def _weights(self, dialogue: Dialogue, films: Sequence[int]) -> dict[int, float]:
        return {self._columns[film]: self._weight(dialogue, film) for film in films if film in self._columns}

    def _weight(self, dialogue: Dialogue, film: int) -> float:
        if film in dialogue.profile.liked:
            return self._feedback.liked
        return self._feedback.disliked if film in dialogue.profile.disliked else self._feedback.unsaid


def _lacks(settings: RecommenderSettings, part: Part) -> bool:
    return part in settings.without


def _read(reader: ContextReader, examples: Sequence[Example], settings: RecommenderSettings) -> list[ContextFeatures]:
    """Read the examples' contexts, without the features of parts that are left out."""
    dropped = {group for part, groups in _GROUPS.items() if part in settings.without for group in groups}
    found: list[ContextFeatures] = []
    for start in range(0, len(examples), _READ):
        found += reader.read([example.context for example in examples[start : start + _READ]])
    if dropped:
        found = [
            replace(each, features={n: v for n, v in each.features.items() if n.split(" ", 1)[0] not in dropped})
            for each in found
        ]
    return found


def _examples(
    readings: Sequence[ContextFeatures], vocabulary: Vocabulary, columns: Mapping[int, int], examples: Sequence[Example]
) -> Examples:
    return Examples(
        features=vocabulary.rows([reading.features for reading in readings]),
        named=[[columns[film] for film in reading.named] for reading in readings],
        targets=[example.targets for example in examples],
    )


def _networks(
    stages: Sequence[tuple[Examples, int]],
    known: csr_matrix,
    shares: np.ndarray,
    settings: RecommenderSettings,
    on_step: OnStep,
) -> list[list[NetworkWeights]]:
    """For each member the weights after each stage."""
    total = settings.members * sum(
        epochs * batches(sum(map(bool, examples.targets)), settings.batch_size) for examples, epochs in stages
    )
    done = 0

    def told(loss: float) -> None:
        nonlocal done
        done += 1
        if done % _TOLD_EVERY == 0 or done == total:
            on_step(done, total, {"loss": loss})

    members = []
    for member in range(settings.members):
        seed = further_seed(settings.seed, member)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = SoftmaxNetwork(stages[0][0].features.get_shape()[1], known, shares, settings.width)
        weights = []
        for examples, epochs in stages:
            train(network, examples, settings, epochs, seed, told)
            weights.append(network.weights())
        members.append(weights)
    return members


def _known_of(catalog: Catalog, settings: RecommenderSettings) -> csr_matrix:
    """(films, facts) float32: each film's facts, weighted by kind; facts of a single film are left out."""
    told = [list(_facts(film)) if not _lacks(settings, "knowledge") else [] for film in catalog]
    counts = Counter(fact for facts_ in told for fact in facts_)
    columns = {fact: column for column, fact in enumerate(sorted(f for f, n in counts.items() if n > 1))}
    found = [
        (row, columns[fact], _FACT_WEIGHTS[fact.split(":", 1)[0]])
        for row, facts_ in enumerate(told)
        for fact in facts_
        if fact in columns and not (fact.startswith("plot:") and counts[fact] > _COMMON * len(told))
    ]
    rows, feature_columns, values = zip(*found, strict=True) if found else ((), (), ())
    shape = (len(told), max(1, len(columns)))
    return csr_matrix((np.array(values, dtype=np.float32), (rows, feature_columns)), shape=shape)


def _facts(film: Film) -> Iterator[str]:
    yield from facts(film)
    yield from (f"title:{word}" for word in dict.fromkeys(WORD.findall(film.title.lower())))
    yield from (f"plot:{word}" for word in dict.fromkeys(WORD.findall(film.plot.lower())))


def _shares(examples: Sequence[Example], films: int) -> np.ndarray:
    """(films,) share of each film in the targets; one half is added to each count."""
    counts = np.full(films, 0.5)
    for example in examples:
        for film, weight in example.targets.items():
            counts[film] += weight
    return counts / counts.sum()


def _chances(
    readings: Sequence[ContextFeatures], coming: Sequence[Example], settings: RecommenderSettings
) -> RepeatChance:
    pairs = [(reading, each.said) for reading, each in zip(readings, coming, strict=True) if each.said is not None]
    return RepeatChance.fit([reading for reading, _ in pairs], [said for _, said in pairs], settings.named_pull)


def _ridge(dialogues: Sequence[Dialogue], columns: Mapping[int, int], settings: RecommenderSettings) -> DialogueRidge:
    named = [{columns[m.film_id] for m in dialogue.mentions if m.film_id in columns} for dialogue in dialogues]
    said = [
        set().union(*(seeker_words(turn.text) for turn in dialogue.utterances if turn.role is Role.SEEKER))
        for dialogue in dialogues
    ]
    return DialogueRidge.fit(named, said, len(columns), settings.ridge, settings.ridge_words)
