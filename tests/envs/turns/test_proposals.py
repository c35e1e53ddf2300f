"""Who proposes films: one recommender for all dialogues, or one chosen by dialogue."""

from __future__ import annotations

from envs.turns.proposals import propose_films
from tests.envs.conversations import vector
from tests.envs.doubles import ALIEN, HEAT, UP, EvenAndOdd, ScriptedRecommender, three_dialogues


def test_each_dialogue_gets_its_recommenders_films_in_one_call_of_each() -> None:
    even, odd = ScriptedRecommender(ALIEN), ScriptedRecommender(HEAT, UP)
    dialogues = [*three_dialogues(), *three_dialogues()]
    contexts = [dialogue.utterances[:1] for dialogue in dialogues]
    films = propose_films(EvenAndOdd(even, odd), dialogues, contexts, 2)
    assert films == [[HEAT, UP] if dialogue.index % 2 else [ALIEN] for dialogue in dialogues]
    assert odd.calls == [[contexts[1], contexts[4]]]
    assert even.calls == [[contexts[row] for row in (0, 2, 3, 5)]]
    assert propose_films(odd, dialogues, contexts, 1) == [[HEAT]] * 6
    assert propose_films(EvenAndOdd(even, odd), [], [], 2) == []


def test_a_step_of_many_conversations_asks_each_recommender_once() -> None:
    even, odd = ScriptedRecommender(ALIEN), ScriptedRecommender(HEAT)
    env = vector(6, recommender=EvenAndOdd(even, odd))
    env.reset()
    assert (len(even.calls), len(odd.calls)) == (1, 1)
    env.step(["Hello"] * 6)
    assert (len(even.calls), len(odd.calls)) == (2, 2)
    for state in env.conversations:
        assert state is not None
        assert state.terminated or state.proposal == ((HEAT,) if state.dialogue.index % 2 else (ALIEN,))
