"""The network: its scores by hand, its training, and films that nobody named."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from algorithms.recommender.network import Examples, SoftmaxNetwork, batches, train
from algorithms.settings.recommender import RecommenderSettings
from envs.errors import ModelError

SETTINGS = RecommenderSettings(batch_size=8, dropout=0.3, learning_rate=2e-2)
FACTS = csr_matrix(np.array([[1, 0], [0, 0.5], [1, 0], [0, 0]], dtype=np.float32))
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
NONE: Sequence[Collection[int]] = ((),)


def network(width: int = 2, seed: int = 0) -> SoftmaxNetwork:
    torch.manual_seed(seed)
    return SoftmaxNetwork(3, FACTS, SHARES, width)


def rows(*values: Sequence[float]) -> csr_matrix:
    return csr_matrix(np.array(values, dtype=np.float32))


def scores(of: SoftmaxNetwork, x: csr_matrix, named: Sequence[Collection[int]], dropout: float = 0.0) -> np.ndarray:
    with torch.no_grad():
        return of(x, named, dropout, torch.Generator().manual_seed(0)).numpy()


def by_hand() -> SoftmaxNetwork:
    made = network()
    with torch.no_grad():
        made.inputs.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]))
        made.films.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [2.0, 2.0]]))
        made.facts.copy_(torch.tensor([[0.0, 3.0], [4.0, 0.0]]))
        made.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    return made


def test_scores_worked_by_hand() -> None:
    # h = .5 (1, 0) + 1 (0, 2) = (.5, 2); films with facts: (1, 3), (2, 1), (0, 3), (2, 2)
    found = scores(by_hand(), rows([0.5, 1.0, 0.0]), NONE)[0]
    assert found == pytest.approx([0.5 + 6 + 0.1, 1 + 2 + 0.2, 6 + 0.3, 1 + 4 + 0.4])


def test_films_that_were_named_do_not_compete() -> None:
    x = rows([0.5, 1.0, 0.0], [0.0, 0.0, 0.0])
    plain = scores(by_hand(), x, [(), ()])
    found = scores(by_hand(), x, [(2, 3), (1,)])
    out = np.array([[False, False, True, True], [False, True, False, False]])
    assert (found[out] == -np.inf).all() and (found[~out] == plain[~out]).all()


def test_it_begins_at_popularity() -> None:
    found = np.exp(scores(network(), rows([0.0, 0.0, 0.0]), NONE)[0])
    assert found / found.sum() == pytest.approx(SHARES, rel=1e-5)


def test_dropout_leaves_out_features_and_none_without_it() -> None:
    x = rows([1.0, 1.0, 1.0])
    assert (scores(by_hand(), x, NONE) == scores(by_hand(), x, NONE)).all()
    assert (scores(by_hand(), x, NONE, 0.5) != scores(by_hand(), x, NONE)).any()


def clicks() -> Examples:
    """Feature 0 leads to film 0, feature 1 to film 1 (at twice the weight), feature 2 to nothing."""
    x = rows(*[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] * 12)
    return Examples(x, [()] * 36, [{0: 1.0}, {1: 2.0}, {}] * 12)


def test_the_loss_falls_and_what_leads_where_is_learnt() -> None:
    made, losses = network(8), []
    train(made, clicks(), SETTINGS, 30, 0, losses.append)
    assert len(losses) == 30 * batches(24, 8) == 90
    assert np.mean(losses[-9:]) < 0.5 * np.mean(losses[:9])
    assert scores(made, clicks().features[:2], [(), ()]).argmax(1).tolist() == [0, 1]


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    found = []
    for seed in (0, 0, 1):
        made = network(4)
        train(made, clicks(), SETTINGS, 2, seed)
        found.append(made.weights())
    assert all((getattr(found[0], name) == part).all() for name, part in vars(found[1]).items())
    assert (found[0].films != found[2].films).any()


def test_a_film_that_nobody_named_is_scored_by_its_facts() -> None:
    """Film 2 shares a fact with film 0; film 3 has none."""
    made = network(8)
    train(made, clicks(), SETTINGS, 30, 0)
    towards, elsewhere = scores(made, clicks().features[:2], [(), ()])
    assert towards[2] - towards[3] > elsewhere[2] - elsewhere[3] + 0.5


def test_examples_without_targets_teach_nothing() -> None:
    made = network(4)
    before = made.weights()
    train(made, Examples(rows([1.0, 0.0, 0.0]), NONE, [{}]), SETTINGS, 3, 0)
    assert all((getattr(before, name) == part).all() for name, part in vars(made.weights()).items())


def test_batches_are_about_as_large_as_asked() -> None:
    assert [batches(count, 10) for count in (0, 1, 14, 16, 100)] == [1, 1, 1, 2, 10]


def test_training_that_diverges_stops_at_its_step() -> None:
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(ModelError, match=r"diverged at step \d+: .*Lower recommender\.learning_rate"):
        train(network(8), clicks(), settings, 30, 0)
