"""Blend and ridge: worked cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge

from algorithms.critic import ridge as ridge_layer
from algorithms.critic.blend import Blend
from algorithms.critic.ridge import Ridge, quadratic, quadratic_width
from tests.known_heads import HEADS

H = len(HEADS)


def members(*columns: np.ndarray) -> np.ndarray:
    """(N, members, heads) from the scores of each member, the same on every head."""
    return np.repeat(np.stack(columns, axis=1)[:, :, None], H, axis=2)


def test_an_even_blend_is_the_mean_of_the_trained_members() -> None:
    mean, spread = Blend.even(1, H).of([members(np.array([0.2]), np.array([0.4]), np.array([0.9]))])
    np.testing.assert_allclose(mean, 0.3)
    np.testing.assert_allclose(spread, 0.1)  # the standard deviation of .2 and .4; the ridge weighs nothing


def test_weights_go_to_the_member_that_is_right() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400)
    noise = rng.random(400)
    blend = Blend.fit([members(noise, noise, truth)], np.repeat(truth[:, None], H, 1), np.ones((400, H), dtype=bool))
    np.testing.assert_allclose(blend.weights.sum(0), 1.0)
    assert (blend.weights[1] > 0.95).all()


def test_a_fitted_spread_is_the_error_that_it_foretells() -> None:
    rng = np.random.default_rng(1)
    score, wide = rng.random(6000) * 0.4 + 0.3, rng.random(6000) < 0.5
    gap = np.where(wide, 0.1, 0.01)
    values = score + rng.normal(size=6000) * np.where(wide, 0.2, 0.05)
    scores = [members(score - gap, score + gap, score)]
    blend = Blend.fit(scores, np.repeat(values[:, None], H, 1), np.ones((6000, H), dtype=bool))
    spread = blend.of(scores)[1][:, 0]
    np.testing.assert_allclose(spread[wide].mean(), 0.2, rtol=0.1)
    np.testing.assert_allclose(spread[~wide].mean(), 0.05, rtol=0.2)


def test_a_head_without_labels_keeps_the_even_blend() -> None:
    known = np.ones((50, H), dtype=bool)
    known[:, -1] = False
    column = np.linspace(0, 1, 50)
    blend = Blend.fit([members(column, column, column)], np.zeros((50, H)), known)
    assert blend.weights[:, -1].tolist() == [1.0, 0.0]


def test_a_blend_survives_json() -> None:
    blend = Blend.even(2, H)
    again = Blend.from_json(blend.to_json())
    np.testing.assert_array_equal(again.weights, blend.weights)


def test_a_ridge_finds_a_linear_rule_and_masks_what_is_not_known() -> None:
    features = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    rule = 0.5 + 0.1 * features[:, 0] - 0.05 * features[:, 2]
    values, known = torch.stack([rule, rule], 1), torch.ones(300, 2)
    values[::2, 1], known[::2, 1] = 9.0, 0.0
    ridge = Ridge(4, 2)
    ridge.solve((features, values, known), (features, values, known))
    found = ridge(features)
    torch.testing.assert_close(found[:, 0], rule, atol=5e-3, rtol=0)
    torch.testing.assert_close(found[:, 1], rule, atol=5e-3, rtol=0)


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_a_ridge_is_that_of_scikit_learn(penalty: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge_layer, "PENALTIES", (penalty,))
    features = torch.randn(200, 6, generator=torch.Generator().manual_seed(1)) * torch.arange(1, 7)
    noise = torch.randn(200, generator=torch.Generator().manual_seed(2))
    values, known = (0.5 + 0.01 * features.sum(1) + 0.02 * noise)[:, None], torch.ones(200, 1)
    layer = Ridge(6, 1)
    layer.solve((features, values, known), (features, values, known))
    standard = ((features - features.mean(0)) / features.std(0, correction=0)).numpy()
    fitted = SklearnRidge(alpha=penalty * 200).fit(standard, values[:, 0].numpy())
    assert layer.weights[:, 0].numpy() == pytest.approx(fitted.coef_, abs=1e-6)
    assert float(layer.offset[0]) == pytest.approx(fitted.intercept_)


def test_quadratic_adds_the_products() -> None:
    assert quadratic(torch.tensor([[2.0, 3.0]])).tolist() == [[2.0, 3.0, 4.0, 6.0, 9.0]]
    assert quadratic_width(2) == 5
