from __future__ import annotations

import re
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from envs.catalog import Catalog
from envs.corpora.corpus import load_corpus
from envs.corpora.embedded.films import GENRES, sample_films
from envs.corpora.embedded.language import ClauseTemplate, phrasebook
from envs.corpora.embedded.sample import generate_dialogue, sample_corpus, write_redial
from envs.corpora.embedded.scene import GeneratedDialogue
from envs.dialogue import Dialogue, Role, mentioned_films
from envs.settings import DataSettings

MENTION = re.compile(r"@\d+")


@pytest.fixture(scope="module")
def corpus() -> tuple[list[Dialogue], Catalog]:
    return sample_corpus()


@pytest.fixture(scope="module")
def generated(corpus: tuple[list[Dialogue], Catalog]) -> list[GeneratedDialogue]:
    return [generate_dialogue(index) for index in range(len(corpus[0]))]


def replies(dialogues: list[Dialogue]) -> list[str]:
    return [u.text for dialogue in dialogues for u in dialogue.utterances if u.role is Role.RECOMMENDER]


def r2(features: np.ndarray, target: np.ndarray) -> float:
    predicted = features @ np.linalg.lstsq(features, target, rcond=None)[0]
    return float(1 - ((target - predicted) ** 2).sum() / ((target - target.mean()) ** 2).sum())


def test_it_is_as_big_as_promised(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, catalog = corpus
    assert len(dialogues) == 2400
    assert [d.conversation_id for d in dialogues] == list(range(1, 2401))
    assert len(catalog) >= 300
    assert all(6 <= len(d.messages) <= 12 for d in dialogues)
    assert {d.provenance for d in dialogues} == {"sample"}


def test_recommender_turns_differ_once_films_are_slots(corpus: tuple[list[Dialogue], Catalog]):
    turns = [MENTION.sub("<movie>", reply) for reply in replies(corpus[0])]
    assert len(set(turns)) / len(turns) >= 0.9


def test_no_template_makes_up_more_than_a_hundredth_of_the_turns(generated: list[GeneratedDialogue]):
    templates = Counter(turn.template for dialogue in generated for turn in dialogue.turns)
    assert max(templates.values()) / templates.total() <= 0.01


def test_the_turns_behind_a_dialogue_are_its_recommender_utterances(
    corpus: tuple[list[Dialogue], Catalog], generated: list[GeneratedDialogue]
):
    for dialogue, behind in zip(corpus[0], generated, strict=True):
        assert behind.dialogue == dialogue
        assert [turn.text for turn in behind.turns] == replies([dialogue])


def test_every_film_is_declared_answered_and_in_the_catalogue(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, catalog = corpus
    for dialogue in dialogues:
        named = {film for message in dialogue.messages for film in mentioned_films(message.text)}
        assert named == set(dialogue.titles) == set(dialogue.seeker_form)
        assert all(catalog.title(film) == title for film, title in dialogue.titles.items())
        assert set(dialogue.recommender_form) in (set(), named)
    assert sum(film.mentions for film in catalog) == sum(len(d.mentions) for d in dialogues)


def test_no_title_stands_in_a_text_but_as_a_mention(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, catalog = corpus
    for dialogue in dialogues:
        for message in dialogue.messages:
            assert catalog.find(MENTION.sub("xxxx", message.text)) == [], message.text


def test_length_does_not_give_quality_away(generated: list[GeneratedDialogue]):
    turns = [turn for dialogue in generated for turn in dialogue.turns]
    lengths = np.array([len(turn.text.split()) for turn in turns])
    quality = np.array([turn.quality.overall for turn in turns])
    bins = np.digitize(lengths, np.quantile(lengths, np.linspace(0.05, 0.95, 19)))
    assert quality.std() > 0.1
    assert r2(np.stack([np.ones(len(turns)), lengths], axis=1), quality) < 0.2
    assert r2(np.eye(20)[bins], quality) < 0.2


def test_the_four_qualities_are_shown_often_and_independently(generated: list[GeneratedDialogue]):
    names = ("warmth", "informativeness", "rightness", "engagement")
    rows = [[getattr(turn.quality, name) for name in names] for dialogue in generated for turn in dialogue.turns]
    values = np.array([[np.nan if value is None else value for value in row] for row in rows])
    assert (np.isfinite(values).mean(axis=0) > 0.5).all()
    assert (np.abs(np.nanmean(values, axis=0) - 0.5) < 0.1).all()
    complete = values[np.isfinite(values).all(axis=1)]
    correlation = np.corrcoef(complete.T) - np.eye(len(names))
    assert np.abs(correlation).max() < 0.15


def test_seekers_answer_good_and_bad_suggestions_differently(generated: list[GeneratedDialogue]):
    glad, tally = re.compile(r"!"), Counter[tuple[bool, bool]]()
    for dialogue in generated:
        utterances = dialogue.dialogue.utterances
        turns = iter(dialogue.turns)
        for utterance, answer in pairwise(utterances):
            if utterance.role is Role.SEEKER:
                continue
            turn = next(turns)
            if turn.quality.rightness is not None:
                tally[turn.quality.overall > 0.6, bool(glad.search(answer.text))] += 1
    good, bad = (tally[level, True] / (tally[level, True] + tally[level, False]) for level in (True, False))
    assert good > bad + 0.25


def test_what_is_said_of_a_film_is_true(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, catalog = corpus
    people = {person for film in catalog for person in film.people}
    pattern = re.compile("|".join(re.escape(person) for person in sorted(people, key=len, reverse=True)))
    checked = 0
    for reply in replies(dialogues):
        films = [catalog[film] for film in mentioned_films(reply)]
        if films:
            words = MENTION.sub("", reply)
            assert set(pattern.findall(words)) <= {person for film in films for person in film.people}, reply
            years = {int(year) for year in re.findall(r"\b(\d{4})\b", words)}
            assert years <= {film.year for film in films}, reply
            checked += bool(pattern.search(words))
    assert checked > 500


def test_films_that_are_named_together_are_learnable(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, catalog = corpus
    column = {film_id: number for number, film_id in enumerate(catalog.ids)}
    together = np.zeros((len(column), len(column)))
    for dialogue in dialogues[:2100]:
        named = [column[film] for film in dialogue.titles]
        together[np.ix_(named, named)] += 1
    popularity = together.diagonal()
    hits = Counter[str]()
    for dialogue in dialogues[2100:]:
        liked = [column[film] for film in dialogue.titles if film in dialogue.profile.liked]
        if len(liked) < 3:
            continue
        for system, scores in (("popular", popularity), ("together", together[liked[:2]].sum(axis=0))):
            ranked = np.argsort(-np.where(np.isin(np.arange(len(column)), liked[:2]), -1, scores), kind="stable")
            hits[system] += len(set(ranked[:20]) & set(liked[2:]))
    assert hits["together"] > 1.5 * hits["popular"]


def test_some_films_are_named_far_more_often_than_others(corpus: tuple[list[Dialogue], Catalog]):
    mentions = sorted((film.mentions for film in corpus[1]), reverse=True)
    assert sum(mentions[: len(mentions) // 10]) > 0.25 * sum(mentions)


def test_sentences_are_well_formed(corpus: tuple[list[Dialogue], Catalog]):
    texts = [message.text.replace("Jr.,", "Jr,") for dialogue in corpus[0] for message in dialogue.messages]
    assert not [text for text in texts if re.search(r"  |[{}|()]|\ba [aeio]\w|\ban [^aeiouh@]|[,.!?]{2}| [,.!?]", text)]
    assert not [reply for reply in replies(corpus[0]) if not re.fullmatch(r"[A-Z@0-9].*[.!?]", reply)]


def test_openings_moods_and_double_messages_are_as_in_redial(corpus: tuple[list[Dialogue], Catalog]):
    dialogues, _ = corpus
    opened = np.mean([d.messages[0].role is Role.RECOMMENDER for d in dialogues])
    assert 0.55 < opened < 0.68
    assert len({d.mood for d in dialogues}) > 8
    assert all(d.tastes and set(d.tastes + d.dislikes) <= set(GENRES) for d in dialogues)
    assert 0.1 < np.mean([len(d.utterances) < len(d.messages) for d in dialogues]) < 0.8


def test_the_same_seed_gives_the_same_corpus_and_a_smaller_one_is_its_beginning(
    corpus: tuple[list[Dialogue], Catalog],
):
    again, catalog = sample_corpus(60)
    assert again == corpus[0][:60]
    assert catalog.ids == corpus[1].ids
    other, _ = sample_corpus(60, seed=1)
    assert all(a.messages != b.messages for a, b in zip(again, other, strict=True))


def test_the_corpus_is_made_in_seconds():
    start = time.process_time()
    sample_corpus(480)
    assert time.process_time() - start < 2  # a fifth of the corpus; about 0.3 s on one core


def test_the_film_table_holds_what_sentences_need():
    films = sample_films()
    assert len({(film.title, film.year) for film in films}) == len(films)
    for film in films:
        assert 1 <= len(film.genres) <= 3
        assert set(film.genres) <= set(GENRES)
        assert 1 <= len(film.stars) <= 2
        assert 4 <= len(film.hook.split()) <= 11
        assert film.director
        assert 1 <= film.fame <= 5
        assert 1920 <= film.year <= 2025


def test_every_quality_has_its_contrary():
    sections = phrasebook("recommender").sections
    assert {name[:-1] for name in sections if name.endswith("+")} - {"open"} == {
        name[:-1] for name in sections if name.endswith("-")
    } - {"open"}


def test_a_clause_template_draws_alternatives_and_fills_fields():
    template = ClauseTemplate.parse("x/0", "(so |)nice, {film} (is fun|it is).")
    assert template.fields == {"film"}
    drawn = {template.fill(Random(seed), {"film": "@7"}) for seed in range(40)}
    assert drawn == {"So nice, @7 is fun.", "So nice, @7 it is.", "Nice, @7 is fun.", "Nice, @7 it is."}


def test_redial_files_read_back_as_they_were(corpus: tuple[list[Dialogue], Catalog], tmp_path: Path):
    dialogues, catalog = corpus[0][:40], corpus[1]
    write_redial(dialogues, catalog, tmp_path / "redial", test=10)
    settings = DataSettings.model_validate({"source": str(tmp_path / "redial"), "validation_dialogues": 10})
    read = load_corpus(settings, tmp_path)
    assert len(read.train) == 20 and len(read.valid) == len(read.test) == 10
    for before, after in zip(dialogues, (*read.train, *read.valid, *read.test), strict=True):
        assert after.messages == before.messages
        assert after.titles == before.titles
        assert after.seeker_form == before.seeker_form
        assert after.recommender_form == before.recommender_form
        assert after.conversation_id == before.conversation_id
    assert [(film.film_id, film.name, film.mentions) for film in read.catalog] == [
        (film.film_id, film.name, film.mentions) for film in catalog
    ]


def test_a_test_file_larger_than_the_corpus_is_refused(corpus: tuple[list[Dialogue], Catalog], tmp_path: Path):
    with pytest.raises(ValueError, match="between 0 and the number of dialogues"):
        write_redial(corpus[0][:3], corpus[1], tmp_path, test=4)
