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
from dataclasses import asdict
from typing import Any

import numpy as np

from ecr_rl.evaluation.bootstrap import Ratio, draw, interval
from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.corpora.corpus import Corpus
from envs.errors import ModelError
from envs.progress import OnStep
from envs.scripted_policies import ASKING, NAMING, RandomFilms, Talk, play_script
from envs.seekers.protocol import Seeker
from envs.settings import EnvSettings
from envs.turns.proposals import FilmRecommender, PopularFilms
from envs.vector_conversation import SeekerName

RESAMPLES = 2000
_AT_ONCE = 50

Script = tuple[FilmRecommender, Sequence[str]]
"""Who proposes the films of a row, and what is said of them."""


def scripts(corpus: Corpus, seed: int, recommender: FilmRecommender | None = None) -> dict[str, Script]:
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
    seeker: Seeker | SeekerName,
    settings: EnvSettings,
    *,
    count: int,
    seed: int,
    on_step: OnStep,
) -> dict[str, Any]:
    """Let every row converse on the first dialogues of a split, each with the same seekers and seeds.

    Args:
        corpus: the dialogues and their films.
        split: whose dialogues are played.
        rows: from ``scripts``.
        seeker: the other speaker.
        settings: of the conversations.
        count: dialogues at most.
        seed: of the conversations and the resamples.
        on_step: told of conversations done, of all rows.

    Returns:
        ``n`` and, by row, ``success_rate``, ``turns`` and ``findable`` with 95 % bootstrap intervals over dialogues,
        ``failures`` by reason.

    Raises:
        ModelError: in some row the seeker failed in every conversation.
    """
    dialogues = corpus.splits[split][:count]
    episodes = [(EVALUATION, index) for index in range(len(dialogues))]
    figures: dict[str, Any] = {}
    for place, (name, (recommender, lines)) in enumerate(rows.items()):
        env = ConversationVectorEnv(
            dialogues,
            corpus.catalog,
            num_envs=min(_AT_ONCE, len(dialogues)),
            seeker=seeker,
            recommender=recommender,
            settings=settings,
            seed=seed,
        )
        talks: list[Talk] = []
        for first in range(0, len(episodes), _AT_ONCE):
            talks += play_script(env, lines, episodes[first : first + _AT_ONCE])
            on_step(place * len(episodes) + len(talks), len(rows) * len(episodes), {})
        figures[name] = talk_figures(talks, seed)
    return {"n": len(dialogues), "rows": figures}


def talk_figures(talks: Sequence[Talk], seed: int) -> dict[str, Any]:
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
    values = {
        "success_rate": [talk.accepted is not None for talk in whole],
        "turns": [talk.turns for talk in whole],
        "findable": [talk.findable for talk in whole],
    }
    found: dict[str, Any] = {"n": len(whole), "failures": dict(failures)}
    for name, value in values.items():
        got = interval(Ratio(np.array(value, dtype=np.float64), np.ones(len(whole))), counts)
        found[name] = None if got is None else asdict(got)
    return found
