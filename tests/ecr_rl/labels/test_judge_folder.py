"""What a label folder carries lets a critic be evaluated by the same judge, without the data it was made of."""

from __future__ import annotations

from pathlib import Path

from algorithms.readers.film_affinity import FilmAffinity
from ecr_rl.labels.judge_folder import (
    context_of,
    facts_of,
    gives_heads,
    judge_of,
    people_of,
    read_films,
    write_judge_folder,
)
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.settings import ContextForm
from envs.catalog import Catalog, Film
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.redial_films import add_metadata
from envs.heads import Exchange
from tests.known_heads import HEADS

BARE = Catalog([Film(1, "Saw", 2004, mentions=3), Film(2, "Up", 2009)])
KNOWN = Catalog(
    [Film(1, "Saw", 2004, ("horror",), ("James Wan", "Bo & Co"), "A trap &amp; more.", 3), Film(2, "Up", 2009)]
)


def test_film_facts_come_back_whole(tmp_path: Path) -> None:
    assert facts_of(tmp_path) is None
    write_judge_folder(tmp_path, KNOWN, None, ContextForm.RICH, HEADS)
    folder = facts_of(tmp_path)
    assert folder is not None
    assert list(add_metadata(BARE, folder)) == list(KNOWN)


def test_the_judge_comes_back_with_what_goes_together(tmp_path: Path) -> None:
    dialogues, catalog = sample_corpus(120)
    affinity = FilmAffinity.fit(dialogues, catalog)
    write_judge_folder(tmp_path, catalog, None, ContextForm.RICH, HEADS, affinity)
    names = [film.name for film in list(catalog)[:8]]
    assert read_films(tmp_path).affinity.of(names[:1], [], names) == affinity.of(names[:1], [], names)
    first, *rest = (film.film_id for film in list(catalog)[:20])
    pieces = [Evidence(Exchange((), catalog.title(film)), (film,), (first,)) for film in rest]
    scores = judge_of(tmp_path, catalog, context_of(tmp_path)).judge(pieces).values[:, HEADS.index("recommendation")]
    assert len(set(scores.tolist())) > 4


def test_a_head_of_ones_own_is_not_given_by_the_model_of_people(tmp_path: Path) -> None:
    write_judge_folder(tmp_path, KNOWN, None, ContextForm.RICH, HEADS)
    model = people_of(tmp_path)
    assert model is not None and gives_heads(model, tmp_path)
    own = [f"tests.known_heads:{head}" if head == "overall" else head for head in HEADS]
    write_judge_folder(tmp_path, KNOWN, None, ContextForm.RICH, own)
    assert not gives_heads(model, tmp_path)
