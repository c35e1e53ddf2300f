"""Films drawn as a part of the policy: the distribution, its draws, and the recommender that has learnt."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithms.policy.film_choice import (
    BIAS,
    VECTORS,
    ChoiceSettings,
    FilmChoice,
    FilmChooser,
    choice_settings,
    learnt_recommender,
)
from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.rollout import Conversation, roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.recommender.last_layer import Candidates, candidates_of
from algorithms.recommender.recommender import Recommender
from envs.dialogue import Role, Utterance, named_films
from envs.film_text.markup import PROPOSAL
from tests.algorithms.doubles import ROOMY
from tests.algorithms.worlds import SmallWorld, small_recommender, speaking_policy
from tests.envs.doubles import TOY_STORY

SHARES = torch.tensor([[4.0, 2.0, 1.0]])


def plain_choice(temperature: float = 1.0) -> FilmChoice:
    return FilmChoice(ChoiceSettings(5, 2, 0.5, candidates=3, proposals=2, temperature=temperature))


def asked(choice: FilmChoice, picks: list[int], learnt: bool = True) -> tuple[float, float]:
    found = choice(
        torch.tensor([[3, 0, 4]]), SHARES.log(), torch.tensor([[1.0, 2.0]]), torch.tensor([picks]), learnt=learnt
    )
    return float(found[0].detach()), float(found[1].detach())


def test_films_are_drawn_one_after_the_other_without_replacement() -> None:
    logp, entropy = asked(plain_choice(), [1, 0])
    assert logp == pytest.approx(math.log(2 / 7 * 4 / 5))
    assert entropy == pytest.approx(-sum(p / 7 * math.log(p / 7) for p in (4, 2, 1)), abs=1e-6)
    assert asked(plain_choice(), [2, -1])[0] == pytest.approx(math.log(1 / 7))
    assert asked(plain_choice(0.5), [1, 0])[0] == pytest.approx(math.log(4 / 21 * 16 / 17))
    every = sum(math.exp(asked(plain_choice(), [a, b])[0]) for a in range(3) for b in range(3) if a != b)
    assert every == pytest.approx(1, abs=1e-6)


def test_what_is_learnt_moves_scores_as_the_last_layer_would() -> None:
    choice = plain_choice()
    with torch.no_grad():
        choice.vectors[0], choice.bias[0] = torch.tensor([0.5, 0.25]), 0.5
    # scale .5 x (1 x .5 + 2 x .25 + .5) = .75 for the second candidate
    moved = 2 * math.exp(0.75)
    assert asked(choice, [1, -1])[0] == pytest.approx(math.log(moved / (5 + moved)), abs=1e-6)
    assert asked(choice, [1, -1], learnt=False)[0] == pytest.approx(math.log(2 / 7))


def test_draws_come_as_often_as_they_should() -> None:
    found = Candidates(np.array([10, 11, 12]), np.array([0, 1, 2]), SHARES[0].log().numpy(), np.zeros(2, np.float32))
    choice, rng = plain_choice(), np.random.default_rng(0)
    draws = [choice.draw(found, rng.random(2)) for _ in range(3000)]
    assert np.mean([draw.picks[0] == 0 for draw in draws]) == pytest.approx(4 / 7, abs=0.03)
    assert np.mean([tuple(draw.picks) == (1, 0) for draw in draws]) == pytest.approx(8 / 35, abs=0.03)
    assert all(len(set(draw.picks)) == 2 for draw in draws)
    assert choice.draw(found, np.array([1 - 1e-16, 1 - 1e-16])).picks.tolist() == [2, 1]
    alone = Candidates(np.array([10]), np.array([0]), np.zeros(1, np.float32), np.zeros(2, np.float32))
    assert choice.draw(alone, np.array([0.5, 0.5])).picks.tolist() == [0]


def test_a_learnt_recommender_ranks_by_what_the_choice_draws_by(tmp_path: Path) -> None:
    recommender, rng = small_recommender(), np.random.default_rng(0)
    choice = FilmChoice(choice_settings(recommender, 4, 2, 1.0))
    with torch.no_grad():
        choice.vectors.add_(torch.from_numpy(rng.normal(size=choice.vectors.shape)))
        choice.bias.add_(torch.from_numpy(rng.normal(size=choice.bias.shape)))
    state = {VECTORS: choice.vectors.detach().numpy(), BIAS: choice.bias.detach().numpy()}
    learnt = learnt_recommender(recommender, state)
    contexts = [(), (Utterance(Role.SEEKER, f"I loved @{TOY_STORY}", 0), Utterance(Role.SEEKER, "Something funny", 1))]
    for before, after in zip(candidates_of(recommender, contexts, 4), candidates_of(learnt, contexts, 6), strict=True):
        given = [torch.from_numpy(array)[None] for array in (before.columns, before.scores, before.hidden)]
        mine = np.array([float(choice(*given, torch.tensor([[place, -1]]))[0].detach()) for place in range(4)])
        found = dict(zip(after.films.tolist(), after.scores.tolist(), strict=True))
        theirs = np.array([found[film] for film in before.films.tolist()])
        np.testing.assert_allclose(theirs - theirs[0], mine - mine[0], atol=1e-4)
    learnt.save(tmp_path)
    kept = Recommender.load(tmp_path).propose(contexts, 3)
    assert kept == learnt.propose(contexts, 3)
    assert not set(kept[1]) & named_films(contexts[1])


def test_drawn_films_are_those_that_the_policy_reads_and_the_seeker_hears(tmp_path: Path) -> None:
    folder = speaking_policy(tmp_path)
    model, text = load_causal_lm(folder).eval(), ConversationText(load_tokenizer(str(folder)), ROOMY)
    chooser = FilmChooser(small_recommender(), FilmChoice(choice_settings(small_recommender(), 4, 2, 1.0)))

    def play(at_once: int) -> list[Conversation]:
        env = SmallWorld(recommends=True).build(at_once)
        return roll_out(model, text, env, [(1, index) for index in range(8)], 0, chooser=chooser)

    talks = play(8)
    marker = text.tokenizer.convert_tokens_to_ids(PROPOSAL)
    for talk in talks:
        for choice, outcome, observation in zip(talk.choices, talk.outcomes, talk.observations, strict=False):
            assert list(outcome.proposal) == choice.candidates.films[choice.picks].tolist()
            assert (observation == marker).sum() == 1
    first = {talk.outcomes[0].proposal for talk in talks}
    assert len(first) > 2  # a recommender's best would be three at most, one a dialogue
    for talk, again in zip(talks, play(3), strict=True):
        assert [outcome.proposal for outcome in talk.outcomes] == [outcome.proposal for outcome in again.outcomes]
