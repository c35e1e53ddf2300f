"""The recommender as its users have it: proposals, scores, liking, and its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from algorithms.readers.emotion_classifier import EmotionClassifier
from algorithms.recommender.baselines import Popularity
from algorithms.recommender.recommender import CARD, WEIGHTS, Recommender
from algorithms.recommender.scorer import FilmScorer, LikingScorer, log_shares, ranked
from algorithms.recommender.training import fit_recommender
from algorithms.settings.recommender import RecommenderSettings
from envs.corpora.cases import cases
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.goemotions import LABELS
from envs.dialogue import Role, Utterance, named_films
from envs.errors import ModelError
from tests.algorithms.doubles import flip_a_byte

DIALOGUES, CATALOG = sample_corpus(700)
TRAIN, HELD_OUT = DIALOGUES[:500], DIALOGUES[500:]
TINY = RecommenderSettings(members=1, width=16, batch_size=64, rare=3, fusion_epochs=2, epochs=3, learning_rate=1e-2)
CASES = [case for dialogue in HELD_OUT for case in cases(dialogue, "dedup")]
CONTEXTS = [case.context for case in CASES]


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return fit_recommender(TRAIN, CATALOG, TINY)


def found_in_top(scorer: FilmScorer, count: int) -> float:
    """R@count."""
    named = [named_films(context) for context in CONTEXTS]
    top = ranked(scorer.scores(CONTEXTS), np.array(CATALOG.ids), count, named)
    return float(np.mean([film in films for case, films in zip(CASES, top, strict=True) for film in case.targets]))


def test_it_is_better_than_popularity(recommender: Recommender) -> None:
    popularity = Popularity.fit(TRAIN, CATALOG)
    for count, times in ((10, 1.15), (50, 1.0)):
        assert found_in_top(recommender, count) > times * found_in_top(popularity, count)


def test_it_says_what_is_liked_whatever_was_said(recommender: Recommender) -> None:
    assert isinstance(recommender, LikingScorer)
    found = recommender.liking(CONTEXTS[:3])
    assert found.shape == (3, len(CATALOG)) and len(set(found[0])) > 100
    assert (found == recommender.liking([[]])).all()


def test_named_films_are_never_proposed(recommender: Recommender) -> None:
    for context, films in zip(CONTEXTS, recommender.propose(CONTEXTS, 20), strict=True):
        assert not set(films) & named_films(context)
        assert len(set(films)) == 20
    assert recommender.propose([], 2) == []


def test_more_films_than_there_are(recommender: Recommender) -> None:
    context = [Utterance(Role.SEEKER, "@1 and @2")]
    assert sorted(recommender.propose([context], 1000)[0]) == [film for film in CATALOG.ids if film not in (1, 2)]


def test_what_the_recommender_is_told_matters(recommender: Recommender) -> None:
    """A film of a genre rises when the seeker asks for the genre."""
    columns = [column for column, film in enumerate(CATALOG) if "horror" in film.genres]
    scary, plain = log_shares(
        recommender.scores([[Utterance(Role.SEEKER, text)] for text in ("I want something scary, horror", "Hello")])
    )
    assert np.exp(scary[columns]).sum() > 1.5 * np.exp(plain[columns]).sum()


def test_a_saved_recommender_scores_the_same(recommender: Recommender, tmp_path: Path) -> None:
    recommender.save(tmp_path)
    again = Recommender.load(tmp_path)
    sample = [[], *CONTEXTS[:60]]
    for stage in ("items", "fusion"):
        exact, kept = getattr(recommender, stage).scores(sample), getattr(again, stage).scores(sample)
        assert np.abs(exact - kept).max() < 0.05, "vectors are kept in half precision"
        assert (exact != kept).any()
    np.testing.assert_array_equal(again.liking(sample), recommender.liking(sample))
    assert again.settings == recommender.settings
    assert [film.name for film in again.catalog] == [film.name for film in CATALOG]
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    again.save(tmp_path / "again")
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (tmp_path / WEIGHTS).read_bytes()


def test_a_reader_that_was_fitted_goes_into_the_folder(tmp_path: Path) -> None:
    source = tmp_path / "goemotions"
    source.mkdir()
    (source / "labels.txt").write_text("\n".join(sorted(LABELS, key=lambda label: label != "sadness")))
    for name in ("train", "dev", "test"):
        (source / f"{name}.tsv").write_text("so sad\t0\tid\nok\t27\tid\n" * 20)
    settings = TINY.model_copy(update={"emotions": str(source)})
    fit_recommender(TRAIN[:5], CATALOG, settings).save(tmp_path / "recommender")
    loaded = Recommender.load(tmp_path / "recommender")
    assert isinstance(loaded.items.reader.emotions, EmotionClassifier)
    assert not [file for file in tmp_path.rglob("*") if file.suffix in (".pkl", ".bin", ".pt")]


def test_a_broken_folder_is_named(recommender: Recommender, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no recommender"):
        Recommender.load(tmp_path)
    recommender.save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    for broken in ("{}", "[]", json.dumps(card | {"settings": {"widht": 3}}), json.dumps(card | {"films": [[1]]})):
        (tmp_path / CARD).write_text(broken)
        with pytest.raises(ModelError, match=f"{tmp_path} holds no recommender"):
            Recommender.load(tmp_path)
    (tmp_path / CARD).write_text(json.dumps(card))
    flip_a_byte(tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=f"holds no recommender: {WEIGHTS} is not what {CARD} says"):
        Recommender.load(tmp_path)
