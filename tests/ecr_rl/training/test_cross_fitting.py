"""Wherever films are proposed, the recommender has not seen the dialogue: every context is looked at as it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.rollout import roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.recommender.recommender import Recommender
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.config import RunConfig, load_config
from ecr_rl.pipeline import Pipeline
from ecr_rl.runs.artefacts import ArtefactFolders
from ecr_rl.runs.folder import RunFolder
from ecr_rl.training.parts import build_cross_fitted
from ecr_rl.training.ppo import choice_of, env_spec_of
from envs.conversation import EVALUATION
from envs.corpora.corpus import Corpus
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, Utterance
from envs.settings import DataSettings
from tests.ecr_rl.small_run import SMALL
from tests.envs.doubles import six_films

LIKED = 11
Proposed = list[tuple[Recommender, Sequence[Sequence[Utterance]]]]
"""The calls of ``propose``: who was asked, and about what."""


def read(settings: DataSettings, cache: Path) -> Corpus:
    """A corpus whose every dialogue begins with a number of its own."""
    talks = tuple(talk(number) for number in range(40))
    return Corpus("numbered", talks[:24], talks[24:32], talks[32:], six_films())


def talk(number: int) -> Dialogue:
    """A dialogue of the corpus."""
    said = (
        (Role.SEEKER, f"number {number} here, I liked @12"),
        (Role.RECOMMENDER, "Do you want horror?"),
        (Role.SEEKER, "yes please"),
        (Role.RECOMMENDER, f"Try @{LIKED} or @{13 + number % 4} then"),
        (Role.SEEKER, "great, bye"),
    )
    films = {12: "", LIKED: "", 13 + number % 4: ""}
    form = {LIKED: Feedback(True, Answer.NO, Answer.YES)}
    return Dialogue(number, number, tuple(Message(*line) for line in said), films, form)


@pytest.fixture
def proposed(monkeypatch: pytest.MonkeyPatch) -> Proposed:
    """Every call of a recommender from here on."""
    calls: Proposed = []
    propose = Recommender.propose

    def watched(self: Recommender, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        calls.append((self, contexts))
        return propose(self, contexts, count)

    monkeypatch.setattr(Recommender, "propose", watched)
    return calls


def numbers(calls: Proposed) -> set[int]:
    """The dialogues that films were proposed on; fails if the recommender had seen one."""
    seen: set[int] = set()
    for recommender, contexts in calls:
        for context in contexts:
            number = re.match(r"number (\d+)", context[0].text)
            assert number is not None
            assert talk(int(number[1])).text_hash not in recommender.learnt_from, number[0]
            seen.add(int(number[1]))
    return seen


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    cache = tmp_path_factory.mktemp("cross")
    changes = [f"data.source={__name__}:read", f"cache={cache}", "policy.vocabulary=320", "env.seeker=profile"]
    return load_config("demo", [*SMALL, *changes, "recommender.rare=1", "recommender.epochs=1"])


@pytest.fixture(scope="module")
def made(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with RunFolder.create(tmp_path_factory.mktemp("run") / "run", config) as run:
        yield Pipeline(config, run)


def test_supervised_training_and_the_labels_replies(made: Pipeline, proposed: Proposed) -> None:
    made.responder()
    assert numbers(proposed) == set(range(32)), "all train dialogues, and the validation loss's"
    for split, dialogues in (("train", range(24)), ("valid", range(24, 32))):
        before = len(proposed)
        made.policy_replies(split, 200)
        answered = numbers(proposed[before:])
        assert answered and answered <= set(dialogues)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_conversations_of_rollouts_selection_and_evaluation(
    made: Pipeline, proposed: Proposed, config: RunConfig, split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algorithms.ppo.env_spec.Critic.load", lambda *given: None)
    env = env_spec_of(config, folders(made), None, split).build(4)
    policy = ConversationText(load_tokenizer(str(made.responder())), config.policy)
    model = load_causal_lm(made.responder()).eval()
    roll_out(model, policy, env, [(EVALUATION, index) for index in range(env.dialogue_count)], 0)
    corpus = made.corpus()
    assert numbers(proposed) == {dialogue.index for dialogue in corpus.splits[split]}
    learnt = {len(recommender.learnt_from) for recommender, _ in proposed}
    assert learnt == {"train": {12}, "valid": {24}, "test": {32}}[split]


def folders(made: Pipeline) -> ArtefactFolders:
    """Those of recommender and responder; the others stand for nothing."""
    return ArtefactFolders(Path(), Path(), made.recommender(), made.responder())


def test_films_that_the_policy_draws_come_from_the_recommender_of_train_alone(
    made: Pipeline, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algorithms.ppo.env_spec.Critic.load", lambda *given: None)
    drawing = config.model_copy(update={"ppo": config.ppo.model_copy(update={"film_candidates": 3})})
    of_train = {dialogue.text_hash for dialogue in made.corpus().train}
    for split in ("train", "valid", "test"):
        recommender = env_spec_of(drawing, folders(made), None, split).build(1).recommender
        assert isinstance(recommender, Recommender) and recommender.learnt_from == of_train
    choice = choice_of(drawing, folders(made))
    assert choice is not None and choice.films == 6


def test_without_refit_the_recommender_of_train_is_the_whole_one(tmp_path: Path) -> None:
    corpus = read(DataSettings(), tmp_path)
    small = RecommenderSettings(members=1, width=4, rare=1, epochs=1, fusion_epochs=1)
    told: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for refit, steps in told.items():

        def on_step(done: int, total: int, figures: Mapping[str, float], steps: list = steps) -> None:
            steps.append((done, total))

        settings = small.model_copy(update={"refit": refit})
        figures = build_cross_fitted(corpus, settings, tmp_path / str(refit), on_step)
        halves = {"first-half": 12, "second-half": 12}
        assert figures["fits"] == ({"train": 24, **halves} if refit else halves)
        assert figures["dialogues"] == (32 if refit else 24)
        assert {each.name for each in (tmp_path / str(refit) / "fits").iterdir()} == set(figures["fits"])
    for steps, total in ((told[True], 80), (told[False], 48)):
        assert (steps[0], steps[-1]) == ((0, total), (total, total))
        assert sorted(steps) == steps and {of for _, of in steps} == {total}
