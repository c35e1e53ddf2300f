"""How far simulated seekers differ from people who stood in the same places of the same dialogues.

    words       words a turn; a film is one word
    film        share of turns that name a film, as ``@id`` or by a title that ``Catalog.find`` sees
    question    share of turns with a question mark
    accepts, rejects, inquires    share of turns with this act: the mean of the reader's probabilities
    says_accepts, …   the same by what the seeker itself says that it does (``OWN_ACTS``); people say no such thing
    distinct_2  distinct / all pairs of neighbouring words, over all turns

``gold_answers`` says how the pairs come about, ``told_apart`` how a classifier tells them apart. A turn that a seeker
failed to answer is counted, with its reason, and in no figure, neither the seeker's nor the people's beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.evaluators.text_figures import count_grams
from algorithms.readers.acts import ActReader
from ecr_rl.evaluation.bootstrap import Distinct, Interval, Ratio, Statistic, draw, interval, paired
from ecr_rl.evaluation.seekers.gold_answers import GoldAnswer, exchanges, gold_answers
from ecr_rl.evaluation.seekers.reading_acts import ACTS, SeekerActReader
from ecr_rl.evaluation.seekers.told_apart import told_apart
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.corpora.spread import evenly_spread
from envs.dialogue import MENTION, without_films
from envs.errors import DataError, ModelError
from envs.film_text.words import WORD
from envs.json_record import JsonRecord
from envs.progress import OnStep
from envs.seekers.protocol import Seeker

RESAMPLES = 2000
SLOT = "filmslot"
"""Stands for every film in what is counted and what the classifier reads."""
OWN_ACTS = {"accepts": ("accept",), "rejects": ("reject", "decline"), "inquires": ("ask",)}
"""How the names of a seeker's own acts (``envs.seekers.lines.Act``) begin that are an act of IARD."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of the people and of the seeker on the same turns, and the seeker's less the people's."""

    people: Interval | None
    seeker: Interval | None
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class SeekerFidelity:
    """One simulated seeker beside people.

    Attributes:
        turns: human recommender turns that it was asked to answer.
        failures: how often it could not, by reason.
        failed: share of turns that it could not answer.
        figures: by the names above, each with intervals over dialogues.
        auc: of the classifier, by the names of ``told_apart``.
        acts: how often it did what, by its own names; empty for a seeker that has none.
    """

    turns: int
    failures: dict[str, int]
    failed: Interval | None
    figures: dict[str, Compared]
    auc: dict[str, Interval | None]
    acts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Fidelity(JsonRecord):
    """Simulated seekers beside people.

    Attributes:
        n: dialogues.
        indices: of these dialogues in the split, which they are spread over evenly.
        seed: of what the seekers draw, and of the resamples.
        corpus: where the dialogues come from.
        split: of the corpus.
        act_reader: what reads the acts: ``iard`` or ``rules``.
        act_f1: F1 of the reader's acts on IARD's test dialogues; empty where it has not learnt from IARD.
        seekers: by name.
    """

    n: int
    indices: list[int]
    seed: int
    corpus: str
    split: str
    act_reader: str
    act_f1: dict[str, float]
    seekers: dict[str, SeekerFidelity]


def fidelity(
    corpus: Corpus,
    split: str,
    seekers: Mapping[str, Seeker],
    acts: SeekerActReader,
    *,
    count: int,
    longest: int,
    seed: int,
    on_step: OnStep,
) -> Fidelity:
    """Compare seekers with the people of a split.

    Args:
        corpus: the dialogues and their films.
        split: whose people are compared with.
        seekers: by name.
        acts: reads what both say.
        count: dialogues at most, spread evenly over the split.
        longest: characters of a turn that are read, at most.
        seed: of what the seekers draw, and of the resamples.
        on_step: told of turns done, of all seekers.

    Raises:
        DataError: in no dialogue a seeker answers a recommender.
        ModelError: a seeker failed at every turn.
    """
    dialogues = corpus.splits[split]
    indices = evenly_spread(len(dialogues), count)
    chosen = [dialogues[index] for index in indices]
    asked = sum(len(exchanges(dialogue)) for dialogue in chosen)
    if not asked:
        remedy = "Choose another split, or more --dialogues."
        raise DataError(f"no seeker of {len(chosen)} {split} dialogues answers a recommender", remedy=remedy)
    rows: dict[str, SeekerFidelity] = {}
    for name, seeker in seekers.items():

        def step(done: int, total: int, figures: Mapping[str, float], before: int = asked * len(rows)) -> None:
            on_step(before + done, asked * len(seekers), figures)

        answers = gold_answers(seeker, chosen, corpus.catalog, longest, seed, step)
        rows[name] = compare(answers, len(chosen), corpus.catalog, acts.reader, seed)
    return Fidelity(len(chosen), indices, seed, corpus.name, split, acts.reader.name, dict(acts.f1), rows)


def compare(answers: Sequence[GoldAnswer], size: int, catalog: Catalog, reader: ActReader, seed: int) -> SeekerFidelity:
    """The figures of one seeker.

    Args:
        answers: its answers and people's.
        size: N, the dialogues that were asked.
        catalog: their films.
        reader: reads the acts of both.
        seed: of the resamples.

    Raises:
        ModelError: it failed at every turn.
    """
    failures = Counter(answer.failure for answer in answers if answer.failure)
    given = [answer for answer in answers if not answer.failure]
    if not given:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in failures.items())
        raise ModelError(f"the seeker answered none of {len(answers)} turns ({reasons}). See the log")
    counts = draw(size, RESAMPLES, seed)
    indices = np.array([answer.dialogue for answer in given])
    people = _Side([catalog.link(answer.person) for answer in given], indices, size)
    seeker = _Side([catalog.link(answer.simulated) for answer in given], indices, size)
    figures = {
        name: Compared(*paired(of_people, of_seeker, counts))
        for (name, of_people), of_seeker in zip(
            people.statistics(reader).items(), seeker.statistics(reader).values(), strict=True
        )
    }
    named = any(answer.act for answer in given)
    for act in ACTS if named else ():
        does = [answer.act.startswith(OWN_ACTS[act]) for answer in given]
        figures[f"says_{act}"] = Compared(None, interval(_mean(does, indices, size), counts), None)
    all_indices = np.array([answer.dialogue for answer in answers])
    return SeekerFidelity(
        turns=len(answers),
        failures=dict(failures),
        failed=interval(_mean([bool(answer.failure) for answer in answers], all_indices, size), counts),
        figures=figures,
        auc=told_apart(
            [*people.slotted, *seeker.slotted],
            np.concatenate([people.words, seeker.words]),
            np.repeat([False, True], len(given)),
            np.tile(indices, 2),
            counts,
        ),
        acts=dict(Counter(answer.act for answer in given if answer.act).most_common()),
    )


class _Side:
    """The turns of one side, films as ``@id``, with the index of each turn's dialogue among N."""

    def __init__(self, texts: Sequence[str], indices: np.ndarray, size: int) -> None:
        self._texts, self._indices, self._size = texts, indices, size
        self.slotted = [" ".join(MENTION.sub(f" {SLOT} ", text).split()) for text in texts]
        self.words = np.array([len(WORD.findall(text)) for text in self.slotted], dtype=np.float64)

    def statistics(self, reader: ActReader) -> dict[str, Statistic]:
        """The figures by name."""
        acts = reader.read_seeker([without_films(text) for text in self._texts])
        values = {
            "words": self.words,
            "film": np.array([MENTION.search(text) is not None for text in self._texts]),
            "question": np.array(["?" in text for text in self._texts]),
            **{act: np.asarray(getattr(acts, act)) for act in ACTS},
        }
        means = {name: _mean(value, self._indices, self._size) for name, value in values.items()}
        by_dialogue: list[list[str]] = [[] for _ in range(self._size)]
        for text, index in zip(self.slotted, self._indices, strict=True):
            by_dialogue[index].append(text.lower())
        grams = count_grams(by_dialogue, 2)
        return {**means, "distinct_2": Distinct(grams.distinct, grams.alone, grams.totals)}


def _mean(values: Sequence[bool] | np.ndarray, indices: np.ndarray, size: int) -> Ratio:
    """The mean over turns, from the sums of each dialogue."""
    sums = np.bincount(indices, np.asarray(values, dtype=np.float64), size)
    return Ratio(sums, np.bincount(indices, minlength=size).astype(np.float64))
