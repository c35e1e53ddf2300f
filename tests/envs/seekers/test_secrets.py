"""No seeker gives away a film that it wants: over the embedded corpus and, where it is at hand, real dialogues."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.corpora.corpus import Corpus, load_corpus
from envs.dialogue import Role
from envs.scripted_policies import ASKING, NAMING, RandomFilms, play_script
from envs.seekers.lines import FEELINGS, LINES
from envs.seekers.model import ModelSeeker, spoken
from envs.seekers.profile import ProfileSeeker
from envs.seekers.protocol import Seeker
from envs.settings import DataSettings
from envs.turns.proposals import PopularFilms

MIXED = ("Hi, how are you? What do you like?", NAMING[0], "It is a film about love and loss, see it.", NAMING[2])


@pytest.fixture(scope="module")
def sample() -> Corpus:
    return load_corpus(DataSettings())


@pytest.fixture(scope="module")
def redial(shared_data: Path) -> Corpus:
    source, metadata = shared_data / "redial" / "redial_dataset.zip", shared_data / "movies"
    return load_corpus(DataSettings(source=str(source), metadata=str(metadata)))


class Gossip:
    """A model that does its best to give titles away: it tells some of every catalogue's film."""

    def __init__(self, corpus: Corpus) -> None:
        self._titles = [film.title for film in corpus.catalog]
        self.prompts: list[str] = []

    def __call__(self, prompts: list[str]) -> list[str]:
        self.prompts += prompts
        rng = np.random.default_rng(len(self.prompts))
        told = rng.choice(self._titles, (len(prompts), 2))
        return [f"Well, hm. I want {first}! Or find {second} for me. I like good films." for first, second in told]


def seeker_of(name: str, corpus: Corpus) -> Seeker:
    return ProfileSeeker(corpus.catalog, 4) if name == "profile" else ModelSeeker(corpus.catalog, 4, Gossip(corpus))


def secrets_told(corpus: Corpus, seeker: Seeker, count: int) -> list[str]:
    """Lines of seekers in which a liked film's title stands that nobody had named; in ``count`` conversations each."""
    told = []
    films = RandomFilms(corpus.catalog, 0)
    env = ConversationVectorEnv(corpus.test[:count], corpus.catalog, num_envs=count, seeker=seeker, recommender=films)
    for script in (MIXED, ASKING):
        play_script(env, script, [(EVALUATION, index) for index in range(count)])
        for state in env.conversations:
            assert state is not None
            liked = [corpus.catalog[film] for film in state.dialogue.profile.liked if film in corpus.catalog]
            lines = [turn.text for turn in state.rendered[state.shown :] if turn.role is Role.SEEKER]
            for film in liked:
                # Named in the first lines, by the recommender, or the text of a film that was named: no secret.
                title = re.compile(rf"(?<!\w){re.escape(film.title)}(?!\w)")
                named = [corpus.catalog[other].name for other in state.named]
                if film.title and not any(title.search(name) for name in named):
                    told += [f"{film.name}: {line}" for line in lines if _in_words(title, line)]
    return told


def _in_words(title: re.Pattern[str], line: str) -> bool:
    """Whether a title stands in a line with its capitals, other than as the word that opens a sentence."""
    return any(not re.search(r"(?:^|[.!?]\s)$", line[: found.start()]) for found in title.finditer(line))


@pytest.mark.parametrize("name", ["profile", "model"])
def test_no_secret_is_told_in_the_embedded_corpus(sample: Corpus, name: str) -> None:
    assert secrets_told(sample, seeker_of(name, sample), 300) == []


@pytest.mark.parametrize("name", ["profile", "model"])
def test_no_secret_is_told_on_redial(redial: Corpus, name: str) -> None:
    assert secrets_told(redial, seeker_of(name, redial), 200) == []


@pytest.mark.parametrize("corpus", ["sample", "redial"])
def test_a_wanted_film_is_never_said_whatever_the_model_writes(corpus: str, request: pytest.FixtureRequest) -> None:
    found: Corpus = request.getfixturevalue(corpus)
    env = ConversationVectorEnv(found.test[:150], found.catalog, num_envs=150, seeker="profile")
    env.reset()
    tried = 0
    for state in env.conversations:
        assert state is not None
        wanted = [film for film in state.dialogue.profile.liked if film in found.catalog and film not in state.named]
        for film in wanted:
            written = f"Well, hm. I want {found.catalog[film].title}! I like good films."
            assert found.catalog[film].title not in spoken(written, state).removeprefix("Well, hm.")
            tried += 1
    assert tried > 100


def test_a_prompt_tells_no_secret(sample: Corpus) -> None:
    gossip = Gossip(sample)
    seeker = ModelSeeker(sample.catalog, 4, gossip)
    env = ConversationVectorEnv(sample.test[:100], sample.catalog, num_envs=100, seeker=seeker)
    play_script(env, ASKING, [(EVALUATION, index) for index in range(100)])
    states = [state for state in env.conversations if state is not None]
    for place, prompt in enumerate(gossip.prompts[:100]):
        known = {
            film
            for turn in states[place].opening.history
            for film in sample.catalog.find(sample.catalog.render(turn.text))
        }
        assert set(sample.catalog.find(prompt)) & states[place].dialogue.profile.liked <= known


def test_no_sentence_holds_a_title(sample: Corpus) -> None:
    sentences = [
        line.format(film="it", genre="", mood="sad", tastes="", dislikes="", people="")
        for lines in (*LINES.values(), *FEELINGS.values())
        for line in lines
    ]
    assert [sentence for sentence in sentences if sample.catalog.find(sentence)] == []


@pytest.mark.parametrize("name", ["profile", "model"])
def test_random_films_succeed_seldom_and_no_film_never(sample: Corpus, name: str) -> None:
    found = {}
    for row, lines, films in (
        ("popular", NAMING, PopularFilms(sample.train, sample.catalog)),
        ("random", NAMING, RandomFilms(sample.catalog, 1)),
        ("never", ASKING, PopularFilms(sample.train, sample.catalog)),
    ):
        env = ConversationVectorEnv(
            sample.test, sample.catalog, num_envs=300, seeker=seeker_of(name, sample), recommender=films
        )
        talks = play_script(env, lines, [(EVALUATION, index) for index in range(300)])
        found[row] = np.mean([talk.accepted is not None for talk in talks])
        assert all(talk.findable for talk in talks if talk.accepted is not None)
        assert all(1 <= talk.turns <= 4 for talk in talks)
    assert found["never"] == 0
    assert 0 <= found["random"] < 0.05
    assert found["popular"] > found["random"]
