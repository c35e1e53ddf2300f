"""Success rate and average turns of scripted policies with a seeker: the rows beside a trained policy's.

    success_rate    share of conversations in which the seeker accepted a film (iEvaLM, Wang et al., EMNLP 2023)
    turns           recommender turns of a conversation, mean; one without success runs until the seeker leaves, or to
                    ``env.max_turns``
    findable        share of conversations in which the seeker's first lines left a film that it would accept: what a
                    policy that knows everything could reach

A conversation whose seeker could not answer is in no figure: it is counted, with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from ecr_rl.evaluation.bootstrap import COVERAGE, Interval, Ratio, draw, interval
from ecr_rl.evaluation.conversations.figure_definition import floats
from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.corpora.corpus import Corpus
from envs.corpora.spread import evenly_spread
from envs.errors import ModelError
from envs.json_record import JsonRecord
from envs.progress import OnStep
from envs.scripted_policies import ASKING, NAMING, RandomFilms, Talk, play_script
from envs.seekers.protocol import Seeker
from envs.settings import EnvSettings
from envs.turns.proposals import PopularFilms, Recommenders

RESAMPLES = 2000
_AT_ONCE = 50

Script = tuple[Recommenders, Sequence[str]]
"""Who proposes the films of a row, and what is said of them."""


@dataclass(frozen=True, slots=True)
class SeekerRow:
    """One scripted policy's conversations.

    Attributes:
        n: conversations in which the seeker answered.
        failures: the others, by reason.
        success_rate: with its interval over dialogues, as all that follows; of shares Wilson's.
        turns: recommender turns; a bootstrap's interval.
        findable: share of conversations with a film that the seeker would accept.
    """

    n: int
    failures: dict[str, int]
    success_rate: Interval
    turns: Interval | None
    findable: Interval


@dataclass(frozen=True, slots=True)
class SeekerRows(JsonRecord):
    """What scripted policies reach with a seeker.

    Attributes:
        n: dialogues.
        indices: of these dialogues in the split, which they are spread over evenly.
        seed: of the conversations and the resamples.
        rows: by the policies' names.
        corpus: where the dialogues come from.
        split: of the corpus.
        seeker: ``env.seeker`` of the settings.
        max_turns: recommender turns of a conversation, at most.
    """

    n: int
    indices: list[int]
    seed: int
    rows: dict[str, SeekerRow]
    corpus: str
    split: str
    seeker: str
    max_turns: int


def scripts(corpus: Corpus, seed: int, recommender: Recommenders | None = None) -> dict[str, Script]:
    """The rows by name: popular and random films, no film ever, and a recommender's best film where one is given."""
    popular = PopularFilms(corpus.train, corpus.catalog)
    rows: dict[str, Script] = {
        "popular": (popular, NAMING),
        "random": (RandomFilms(corpus.catalog, seed), NAMING),
        "never": (popular, ASKING),
    }
    return rows if recommender is None else {**rows, "recommender": (recommender, NAMING)}


def seeker_rows(
    corpus: Corpus,
    split: str,
    rows: Mapping[str, Script],
    seeker: Seeker,
    settings: EnvSettings,
    *,
    count: int,
    seed: int,
    on_step: OnStep,
) -> SeekerRows:
    """Let every row converse on dialogues that are spread evenly over a split, with the same seekers and seeds.

    Args:
        corpus: the dialogues and their films.
        split: whose dialogues are played.
        rows: from ``scripts``.
        seeker: the other speaker.
        settings: of the conversations.
        count: dialogues at most.
        seed: of the conversations and the resamples.
        on_step: told of conversations done, of all rows.

    Raises:
        ModelError: in some row the seeker failed in every conversation.
    """
    dialogues = corpus.splits[split]
    indices = evenly_spread(len(dialogues), count)
    episodes = [(EVALUATION, index) for index in indices]
    row: dict[str, SeekerRow] = {}
    for position, (name, (recommender, lines)) in enumerate(rows.items()):
        env = ConversationVectorEnv(
            dialogues,
            corpus.catalog,
            num_envs=min(_AT_ONCE, len(indices)),
            seeker=seeker,
            recommender=recommender,
            settings=settings,
            seed=seed,
        )
        talks: list[Talk] = []
        for first in range(0, len(episodes), _AT_ONCE):
            talks += play_script(env, lines, episodes[first : first + _AT_ONCE])
            on_step(position * len(episodes) + len(talks), len(rows) * len(episodes), {})
        row[name] = talk_figures(talks, seed)
    return SeekerRows(len(indices), indices, seed, row, corpus.name, split, settings.seeker, settings.max_turns)


def talk_figures(talks: Sequence[Talk], seed: int) -> SeekerRow:
    """The figures of one row.

    Raises:
        ModelError: the seeker failed in every conversation.
    """
    failures = Counter(talk.failure for talk in talks if talk.failure)
    whole = [talk for talk in talks if not talk.failure]
    if not whole:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in failures.items())
        raise ModelError(f"the seeker answered in none of {len(talks)} conversations ({reasons}). See the log")
    counts = draw(len(whole), RESAMPLES, seed)

    return SeekerRow(
        n=len(whole),
        failures=dict(failures),
        success_rate=_share([talk.accepted is not None for talk in whole]),
        turns=interval(Ratio(floats([talk.turns for talk in whole]), np.ones(len(whole))), counts),
        findable=_share([talk.findable for talk in whole]),
    )


def _share(holds: Sequence[bool]) -> Interval:
    """A share of conversations, one on each dialogue, by Wilson: a bootstrap of nothing but failures has no width."""
    found = binomtest(sum(holds), len(holds)).proportion_ci(COVERAGE, method="wilson")
    return Interval(sum(holds) / len(holds), float(found.low), float(found.high))
