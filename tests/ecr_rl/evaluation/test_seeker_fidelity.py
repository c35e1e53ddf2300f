from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from algorithms.readers.acts import RecommenderActs, SeekerActs
from ecr_rl.cli import app
from ecr_rl.evaluation.bootstrap import draw
from ecr_rl.evaluation.seekers.fidelity import Fidelity, compare
from ecr_rl.evaluation.seekers.gold_answers import GoldAnswer, exchanges, gold_answers
from ecr_rl.evaluation.seekers.told_apart import told_apart
from envs.catalog import Catalog, Film
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role
from envs.errors import ModelError
from envs.seekers.profile import ProfileSeeker
from envs.seekers.replay import ReplaySeeker
from envs.turns.state import ConversationState, Opening, SeekerTurn

CATALOG = Catalog([Film(1, "The Conjuring", 2013, ("horror",)), Film(2, "Paddington", 2014, ("comedy",))])


def dialogue(*said: str, liked: int = 2) -> Dialogue:
    """Lines that begin with S or R; the seeker likes one film."""
    roles = {"S": Role.SEEKER, "R": Role.RECOMMENDER}
    messages = tuple(Message(roles[line[0]], line[2:]) for line in said)
    return Dialogue(1, 0, messages, {}, {liked: Feedback(liked=Answer.YES)})


TALK = dialogue("S Hi", "R Hello", "S any comedy?", "R Try @2 or The Conjuring", "S @2 it is!", "R Bye")


def answers_of(seeker: ProfileSeeker | ReplaySeeker | Stub, *talks: Dialogue) -> list[GoldAnswer]:
    return gold_answers(seeker, talks, CATALOG, 2000, 0, lambda done, total, figures: None)


class Stub:
    """A seeker that keeps what it was shown, and fails where the reply names a film."""

    turns = 4

    def __init__(self) -> None:
        self.shown: list[list[str]] = []
        self.fresh: list[tuple[int, ...]] = []

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        raise AssertionError("the history is the person's")

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        self.shown += [[turn.text for turn in state.rendered] for state in states]
        self.fresh += [state.turns[-1].fresh for state in states]
        failures = ["no line" if state.turns[-1].fresh else "" for state in states]
        return [SeekerTurn("" if failure else "Yes?", failure=failure) for failure in failures]


class ShoutReader:
    """Reads an act in capitals: the probability is the share of words that shout."""

    name = "shouts"

    def read_recommender(self, texts: Sequence[str]) -> RecommenderActs:
        raise AssertionError("seekers speak here")

    def read_seeker(self, texts: Sequence[str]) -> SeekerActs:
        loud = np.array([np.mean([word.isupper() for word in text.split()] or [0]) for text in texts])
        return SeekerActs(loud, 1 - loud, np.zeros(len(texts)))


def test_an_exchange_is_a_recommenders_turn_that_the_seeker_answers() -> None:
    assert [(said.text, answer.text) for said, answer in exchanges(TALK)] == [
        ("Hello", "any comedy?"),
        ("Try @2 or The Conjuring", "@2 it is!"),
    ]
    assert exchanges(dialogue("S Hi", "S Anyone?")) == []


def test_a_seeker_is_shown_the_persons_lines_and_never_its_own() -> None:
    stub = Stub()
    given = answers_of(stub, TALK)
    assert stub.shown == [
        ["Hi", "Hello"],
        ["Hi", "Hello", "any comedy?", "Try Paddington (2014) or The Conjuring"],
    ]
    assert stub.fresh == [(), (2, 1)], "films count as @id and by their titles"
    assert given == [
        GoldAnswer(0, "any comedy?", "Yes?", "", ""),
        GoldAnswer(0, "@2 it is!", "", "", "no line"),
    ]


def test_a_seeker_remembers_what_it_told_itself() -> None:
    asking = dialogue("R Hello?", "S hi", "R And what do you like?", "S films", "R Which?", "S old ones", liked=1)
    assert [answer.act for answer in answers_of(ProfileSeeker(CATALOG, 4), asking)] == ["tastes", "tastes", "tastes"]
    shy = dialogue("S no comedy, some horror", "R What?", "S horror", "R What else?", "S well", liked=1)
    assert [answer.act for answer in answers_of(ProfileSeeker(CATALOG, 4), shy)] == ["tastes", "dislikes"]


def test_dialogues_do_not_depend_on_each_other() -> None:
    other = dialogue("R Hello! What do you like?", "S horror", "R How about @1", "S seen it", liked=1)
    both = answers_of(ProfileSeeker(CATALOG, 4), TALK, other)
    assert both[:2] == answers_of(ProfileSeeker(CATALOG, 4), TALK)
    assert [answer.dialogue for answer in both] == [0, 0, 1, 1]


def test_figures_of_lines_made_by_hand() -> None:
    given = [
        GoldAnswer(0, "Paddington it IS", "Is @2 funny?", "ask", ""),
        GoldAnswer(0, "thanks", "no thanks", "decline_told", ""),
        GoldAnswer(0, "left out?", "", "reject", "no line"),
        GoldAnswer(2, "What is @1 @2 about?", "not @1 please", "reject", ""),
    ]
    row = compare(given, 3, CATALOG, ShoutReader(), seed=0)
    means = {
        name: [None if side is None else side.mean for side in (each.people, each.seeker, each.difference)]
        for name, each in row.figures.items()
    }
    # People say 3, 1 and 5 words (a film is one), the seeker 3, 2 and 3.
    assert means["words"] == pytest.approx([3.0, 8 / 3, -1 / 3])
    assert means["film"] == pytest.approx([2 / 3, 2 / 3, 0.0])
    assert means["question"] == pytest.approx([1 / 3, 1 / 3, 0.0])
    # One of two words shouts where the film is taken out ("it IS"), and none elsewhere.
    assert means["accepts"] == pytest.approx([0.5 / 3, 0.0, -0.5 / 3])
    assert means["rejects"] == pytest.approx([2.5 / 3, 1.0, 0.5 / 3])
    # People: 2 + 0 + 4 pairs of words; the seeker: 2 + 1 + 2; all differ.
    assert means["distinct_2"] == [1.0, 1.0, 0.0]
    assert means["says_rejects"] == [None, pytest.approx(2 / 3), None]
    assert means["says_inquires"] == [None, pytest.approx(1 / 3), None]
    assert (row.turns, row.failures, row.acts) == (4, {"no line": 1}, {"ask": 1, "decline_told": 1, "reject": 1})
    assert row.failed is not None and row.failed.mean == 1 / 4
    assert row.auc["turns"] is None, "too few dialogues to learn from some and judge on others"


def test_replay_is_the_person() -> None:
    talks = [dialogue("S Hi", f"R Hello {i}", f"S say {i} things, @1", "R ok", "S bye then") for i in range(8)]
    given = answers_of(ReplaySeeker(2), *talks)
    assert [answer.simulated for answer in given] == [answer.person for answer in given]
    row = compare(given, len(talks), CATALOG, ShoutReader(), seed=0)
    assert {name: each.difference.mean for name, each in row.figures.items() if each.difference} == dict.fromkeys(
        row.figures, 0.0
    )
    assert {name: auc.mean for name, auc in row.auc.items() if auc} == pytest.approx(dict.fromkeys(row.auc, 0.5))


def test_a_seeker_that_never_answers_is_an_error_with_its_reason() -> None:
    with pytest.raises(ModelError, match=r"none of 2 turns \(no line: 2\)"):
        compare([GoldAnswer(0, "hi", "", "", "no line")] * 2, 1, CATALOG, ShoutReader(), seed=0)


def turns_of(rng: np.random.Generator, words: Sequence[str], count: int, longest: int) -> list[str]:
    return [" ".join(rng.choice(words, rng.integers(1, longest))) for _ in range(count)]


def aucs(people: Sequence[str], simulated: Sequence[str]) -> dict[str, float]:
    """AUCs of sides of equally many turns, four a dialogue."""
    texts, half = [*people, *simulated], np.arange(len(people)) // 4
    words = np.array([len(text.split()) for text in texts], dtype=float)
    found = told_apart(
        texts,
        words,
        np.repeat([False, True], len(people)),
        np.tile(half, 2),
        draw(int(half[-1]) + 1, 200, 0),
    )
    assert all(auc is not None and auc.low <= auc.mean <= auc.high for auc in found.values())
    return {name: auc.mean for name, auc in found.items() if auc is not None}


def test_sides_of_one_distribution_are_not_told_apart() -> None:
    rng, words = np.random.default_rng(0), [f"word{i}" for i in range(40)]
    found = aucs(turns_of(rng, words, 400, 12), turns_of(rng, words, 400, 12))
    assert all(abs(auc - 0.5) < 0.1 for auc in found.values())


def test_sides_of_other_words_are_told_apart_whatever_their_length() -> None:
    rng = np.random.default_rng(1)
    found = aucs(
        turns_of(rng, [f"word{i}" for i in range(20)], 200, 12), turns_of(rng, [f"wort{i}" for i in range(20)], 200, 12)
    )
    assert found["turns"] > 0.99 and found["conversations"] > 0.99
    assert abs(found["words_alone"] - 0.5) < 0.15


def test_sides_of_other_length_are_told_apart_by_it() -> None:
    rng, words = np.random.default_rng(2), [f"word{i}" for i in range(40)]
    found = aucs(turns_of(rng, words, 200, 6), [" ".join(rng.choice(words, 30)) for _ in range(200)])
    assert found["words_alone"] > 0.99


def test_the_command_on_the_embedded_corpus(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Seekers\n\n<!-- fidelity replay-profile -->\n<!-- /fidelity -->\n", encoding="utf-8")
    line = ["seekers", "fidelity", "demo", "--dialogues", "20", "--seeker", "replay", "--seeker", "profile"]
    result = CliRunner().invoke(app, [*line, "--into", str(page), "--json"])
    assert result.exit_code == 0, result.output
    found = Fidelity.from_json(result.stdout, file=page, remedy="")
    assert (found.n, found.split, found.act_reader, found.indices[:2]) == (20, "test", "rules", [0, 15])
    people, profile = found.seekers["replay"], found.seekers["profile"]
    assert people.turns == profile.turns > 20
    assert people.acts == {} and people.auc["turns"] == people.auc["conversations"]
    assert sum(profile.acts.values()) == profile.turns and profile.failures == {}
    assert profile.auc["turns"] is not None and profile.auc["turns"].low > 0.9
    text = page.read_text(encoding="utf-8")
    assert "The seeker profile beside people" in text and "profile - people" in text
    assert json.loads(CliRunner().invoke(app, [*line, "--json"]).stdout) == json.loads(result.stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeker", "profle"], "Did you mean profile?"),
        (["--acts", "/no/such/iard.json"], "/no/such/iard.json"),
        (["--into", "README.md"], "<!-- fidelity profile -->"),
    ],
)
def test_what_cannot_be_done_is_one_message(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["seekers", "fidelity", "demo", "--dialogues", "5", *words])
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.stderr.split()) and "Traceback" not in result.stderr
    assert result.stdout == ""
