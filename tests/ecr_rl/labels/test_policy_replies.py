"""What the policy says to human contexts: the environment's own prompt, repeatable, whatever shares the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.rollout import roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.settings.policy import PolicySettings
from ecr_rl.labels.replies.made_replies import Case, PolicyReply
from ecr_rl.labels.replies.policy_replies import sample_replies
from envs.conversation import ConversationVectorEnv
from envs.dialogue import Role
from envs.errors import ModelError
from envs.marks import LEAST_TEMPERATURE
from envs.settings import EnvSettings
from envs.turns.proposals import FilmRecommender
from tests.algorithms.doubles import POLICY, small_planner, tiny_policy_folder
from tests.algorithms.worlds import speaking_policy
from tests.envs.doubles import CONJURING, NOTEBOOK, ScriptedRecommender, six_films, three_dialogues

DIALOGUES = three_dialogues()
CASES: list[Case] = [
    (place, turn)
    for place, dialogue in enumerate(DIALOGUES)
    for turn, said in enumerate(dialogue.utterances)
    if said.role is Role.RECOMMENDER
]
ENV = EnvSettings(seeker="replay", horizon=1, max_history=2)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that says something else to every prompt."""
    folder = tiny_policy_folder(tmp_path_factory.mktemp("decided"))
    model, generator = load_causal_lm(folder), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0.0, 0.3, generator=generator)
    model.save_pretrained(folder)
    return folder


def sample(
    folder: Path, cases: list[Case] = CASES, env: EnvSettings = ENV, policy: PolicySettings = POLICY, **options: Any
) -> list[PolicyReply]:
    recommender: FilmRecommender = options.pop("recommender", ScriptedRecommender(CONJURING, NOTEBOOK))
    return sample_replies(cases, DIALOGUES, six_films(), folder, recommender, policy, env, **options)


def answers_in_the_environment(folder: Path, temperature: float) -> dict[Case, tuple[str, tuple[int, ...], bool]]:
    """What the policy says at the first free turn of replayed conversations, by the place where they start."""
    policy = POLICY.model_copy(update={"temperature": temperature})
    text = ConversationText(load_tokenizer(str(folder)), policy)
    recommender = ScriptedRecommender(CONJURING, NOTEBOOK)
    env = ConversationVectorEnv(
        DIALOGUES, six_films(), num_envs=30, recommender=recommender, planner=small_planner(), settings=ENV
    )
    talks = roll_out(load_causal_lm(folder).eval(), text, env, [(1, index) for index in range(30)], 0)
    said = {}
    for talk, state in zip(talks, env.conversations, strict=True):
        assert state is not None
        first = talk.outcomes[0]
        said[state.dialogue_index, state.opening.position] = (first.reply, first.films, first.cut)
    return said


def test_policy_reads_what_the_environment_shows_it(decided: Path) -> None:
    greedy = LEAST_TEMPERATURE
    expected = answers_in_the_environment(decided, greedy)
    found = {(reply.dialogue, reply.turn): reply for reply in sample(decided, temperatures=[greedy])}
    assert set(expected) == set(found) == set(CASES)
    for case, reply in found.items():
        assert (reply.text, reply.films, reply.cut) == expected[case]
    assert len({reply.text for reply in found.values()}) > 1
    shorter = sample(decided, temperatures=[greedy], env=ENV.model_copy(update={"max_history": 1}))
    assert [reply.text for reply in shorter] != [reply.text for reply in found.values()]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_same_seed_gives_the_same_replies_in_the_order_of_cases_and_temperatures(decided: Path, dtype: str) -> None:
    options: dict[str, Any] = {
        "temperatures": [1.2, 0.5, 1.2],
        "policy": POLICY.model_copy(update={"dtype": dtype}),
    }
    replies = sample(decided, **options, seed=5)
    assert [(r.dialogue, r.turn, r.temperature) for r in replies] == [
        (*case, t) for case in CASES for t in options["temperatures"]
    ]
    assert replies == sample(decided, **options, seed=5)
    assert replies != sample(decided, **options, seed=6)
    assert [reply.text for reply in replies[::3]] != [reply.text for reply in replies[2::3]]


def test_reply_does_not_depend_on_its_company(decided: Path) -> None:
    together = sample(decided)
    alone = [reply for case in CASES for reply in sample(decided, [case])]
    in_pairs = sample(decided, CASES[::-1], batch=2)
    assert together == alone
    assert sorted(in_pairs, key=str) == sorted(together, key=str)


def test_slots_become_the_proposed_films(tmp_path: Path) -> None:
    replies = sample(speaking_policy(tmp_path))
    naming = [reply for reply in replies if reply.films]
    assert naming, "the policy named no film"
    assert all(reply.films in ((CONJURING,), (NOTEBOOK,), (CONJURING, NOTEBOOK)) for reply in naming)
    assert any("The Conjuring (2013)" in reply.text for reply in naming)
    assert not any(marker in reply.text for reply in replies for marker in ("<movie", "<cut>", f"@{CONJURING}"))


def test_progress_is_told_to_the_end(decided: Path) -> None:
    steps: list[tuple[int, int]] = []
    sample(decided, batch=3, on_step=lambda done, total, figures: steps.append((done, total)))
    assert steps == [(min(done, len(CASES)), len(CASES)) for done in range(3, len(CASES) + 3, 3)]


def test_no_cases_give_no_replies(decided: Path) -> None:
    assert sample(decided, []) == []


@pytest.mark.parametrize("case", [(0, 0), (0, 99), (1, -1)])
def test_turn_that_is_not_the_recommenders_is_refused(decided: Path, case: Case) -> None:
    with pytest.raises(ValueError, match="not a recommender turn"):
        sample(decided, [case])


def test_folder_without_a_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        sample(tmp_path)
