"""Seekers that a model speaks for: no title comes through, failures are counted, and the model decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.dialogue import Answer, Dialogue
from envs.errors import ConfigError, ModelError
from envs.scripted_policies import NAMING, play_script
from envs.seekers.lines import Act
from envs.seekers.model import ATTEMPTS, NOTHING, UNSAYABLE, ModelSeeker, spoken
from envs.seekers.prompt import DIRECTIONS, QUIET
from envs.settings import EnvSettings, SeekerModelSettings
from envs.turns.replies import read_reply
from envs.turns.state import ConversationState
from tests.envs.conversations import vector
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    HEAT,
    UP,
    ScriptedRecommender,
    dialogue,
    feedback,
    six_films,
    three_dialogues,
)

CATALOG = six_films()
LIKES = {ALIEN: feedback(Answer.YES), UP: feedback(Answer.YES), CONJURING: feedback(Answer.YES)}


class Script:
    """A model that says what it is told to say, and keeps what it was asked."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.batches = lines or ("I see, thanks.",), list[list[str]]()

    def __call__(self, prompts: list[str]) -> list[str]:
        place = len(self.batches)
        self.batches.append(prompts)
        return [self.lines[place % len(self.lines)]] * len(prompts)


def talk(script: Callable[[list[str]], list[str]], films: Sequence[int] = (), **fields: object) -> ConversationState:
    """A conversation after one reply, and the answer to it."""
    human = dialogue("S: Hi, I loved @12\nR: Hello", **{"seeker_form": LIKES, **fields})
    seeker = ModelSeeker(CATALOG, 4, script)
    rng = np.random.default_rng(0)
    state = ConversationState((0, 0), human, 0, rng, seeker.start(human, rng), CATALOG, 2000)
    state.show_history(6)
    state.add_reply(read_reply("How about <movie>?" if films else "What do you like?", films, CATALOG, 2000))
    (answer,) = seeker.answer([state])
    state.add_answer(answer)
    return state


def line(state: ConversationState) -> str:
    answer = state.turns[-1].answer
    assert answer is not None
    return CATALOG.render(answer.text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("I want horror.", "I want horror."),
        ("Seeker: I want horror.\nRecommender: Alien?", "I want horror."),
        ('"I want horror." Recommender: how about this?', "I want horror."),
        ("I want something like Alien. A scary one!", "A scary one!"),
        ("I want horror, like the conjuring! Scary.", "Scary."),
        ("Alien! Scary.", "Scary."),
        ("I loved The Conjuring (2013). I want horror.", "I want horror."),
        ("The film Up is fine. I want horror.", "I want horror."),
        ("Up to you. I want horror.", "Up to you. I want horror."),  # no title: a word that opens a sentence
        ("I loved Toy Story! More, please.", "I loved Toy Story (1995)! More, please."),  # named before
        ("I want @15 and horror. Scary.", "I want and horror. Scary."),
        ("I want horror. I would also like to", "I want horror."),
        ("<seeker>I want horror.<end>", ""),
        ("Heat is great.", "Heat is great."),  # too short for the finder, and nothing that this seeker wants
        ("", ""),
        ("...", ""),
    ],
)
def test_what_a_model_writes_is_cut_to_what_may_be_said(written: str, said: str) -> None:
    assert CATALOG.render(spoken(written, talk(Script()))) == said


def test_prompts_tell_attributes_and_no_title_that_nobody_named() -> None:
    script = Script()
    talk(script, [HEAT], mood="sad", dislikes=("war",))
    (prompt,) = script.batches[0]
    for told in ("horror", "1970s, 2000s and 2010s", "war", "sad", "Heat (1995)", "Toy Story (1995)"):
        assert told in prompt
    for title in ("Alien", "The Conjuring", "@"):
        assert title not in prompt
    assert "Up (2009)" not in prompt
    assert DIRECTIONS.keys() == set(Act)


@pytest.mark.parametrize("says", ["No, I hate it, goodbye.", "Yes! I accept, I will watch it."])
def test_the_liked_films_alone_decide(says: str) -> None:
    for film in CATALOG.ids:
        state = talk(Script(says), [film])
        answer = state.turns[-1].answer
        assert answer is not None
        assert answer.accepted == (film if film in LIKES else None)
        assert answer.ended == (film in LIKES)
        assert answer.text == says


@pytest.mark.parametrize(
    ("lines", "failure"),
    [(("",), NOTHING), (("You mean Alien?",), UNSAYABLE), (("", "  ", "Alien and Up."), UNSAYABLE)],
)
def test_a_line_that_cannot_be_had_is_a_failure_with_a_name(lines: tuple[str, ...], failure: str) -> None:
    script = Script(*lines)
    state = talk(script, [CONJURING])
    answer = state.turns[-1].answer
    assert answer is not None
    assert (answer.failure, answer.text, answer.accepted, answer.ended) == (failure, "", None, False)
    assert len(script.batches) == ATTEMPTS
    assert len({batch[0] for batch in script.batches}) == ATTEMPTS  # the same question gets the same answer
    assert script.batches[1][0].startswith(QUIET)


def test_a_second_attempt_may_succeed() -> None:
    assert line(talk(Script("Alien!", "A horror film, please."))) == "A horror film, please."


def test_a_failure_truncates_and_is_told() -> None:
    env = vector(2, seeker=ModelSeeker(CATALOG, 4, Script("")), recommender=ScriptedRecommender(CONJURING))
    env.reset(options={"episodes": [(EVALUATION, 0), (EVALUATION, 1)]})
    observed, _, terminated, truncated, infos = env.step(["Try <movie>!", "Hello"])
    assert (terminated.tolist(), truncated.tolist()) == ([False, False], [True, True])
    assert [turn.failure for turn in infos["turn"]] == [NOTHING] * 2
    assert [turn.accepted for turn in infos["turn"]] == [None, None]
    assert infos["turn"][0].parts["acceptance"] == 0
    assert all(observed)


def test_a_failure_at_the_turn_limit_is_an_end_like_any_other() -> None:
    """Nothing would have followed, whatever the line; the failure is told all the same."""
    env = vector(1, seeker=ModelSeeker(CATALOG, 1, Script("")))
    env.reset(options={"episodes": [(EVALUATION, 0)]})
    _, _, terminated, truncated, infos = env.step(["Hello"])
    assert (terminated.tolist(), truncated.tolist()) == ([True], [False])
    assert infos["turn"][0].failure == NOTHING


def test_what_the_generator_raises_comes_through_and_a_lost_line_is_an_error() -> None:
    def refused(prompts: list[str]) -> list[str]:
        raise ModelError("the endpoint refuses the key")

    with pytest.raises(ModelError, match="refuses the key"):
        talk(refused)
    with pytest.raises(ModelError, match="1 prompts with 2 lines"):
        talk(lambda prompts: ["a", "b"])


def test_a_step_asks_for_all_lines_at_once() -> None:
    script = Script("I see.")
    env = vector(5, seeker=ModelSeeker(CATALOG, 4, script))
    env.reset(seed=0)
    env.step(["What do you like?"] * 5)
    assert [len(batch) for batch in script.batches] == [5]


def test_same_seed_same_prompts_whatever_the_company() -> None:
    def prompts(episodes: list[tuple[int, int]], seed: int) -> list[str]:
        script = Script("Hm, no.")
        env = vector(len(episodes), seeker=ModelSeeker(CATALOG, 3, script), seed=seed)
        play_script(env, NAMING, episodes)
        return [batch[-1] for batch in script.batches]

    alone = prompts([(3, 1)], 0)
    assert alone == prompts([(3, 0), (3, 2), (3, 1)], 0)[: len(alone)]
    assert any(alone != prompts([(3, 1)], seed) for seed in range(1, 6))


def test_the_environment_does_not_make_a_model_itself() -> None:
    settings = EnvSettings(seeker="model")
    with pytest.raises(ConfigError, match=r"no seeker 'model'\. Known: replay, profile"):
        ConversationVectorEnv(three_dialogues(), CATALOG, settings=settings)
    with pytest.raises(ValueError, match="endpoint"):
        SeekerModelSettings(endpoint="127.0.0.1:8000")


def test_attributes_that_read_like_a_wanted_title_are_not_told() -> None:
    human: Dialogue = dialogue("R: Hi\nS: Hello", seeker_form=LIKES, tastes=("alien", "horror"))
    script = Script()
    seeker = ModelSeeker(CATALOG, 4, script)
    rng = np.random.default_rng(0)
    state = ConversationState((0, 0), human, 0, rng, seeker.start(human, rng), CATALOG, 2000)
    state.add_reply(read_reply("Hi, what do you like?", (), CATALOG, 2000))
    seeker.answer([state])
    assert "alien" not in script.batches[0][0]
