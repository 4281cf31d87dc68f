import math

import pytest
import torch

from mmboxcaseg.models import FusedBCELoss
from mmboxcaseg.models.losses import fuse_logits, fused_bce_loss

ALPHAS = [0, 0.3, 0.7, 1]


@pytest.fixture
def maps() -> tuple:
    """Logits of both heads and a target."""
    torch.manual_seed(0)
    salient, transferred = torch.randn(2, 3, 4, 5) * 3
    return (salient.requires_grad_(), transferred.requires_grad_(),
            torch.rand(3, 4, 5) < 0.4)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_fused_map_is_the_mix_of_probabilities(maps, alpha):
    salient, transferred, _ = maps
    expected = alpha * salient.sigmoid() + (1 - alpha) * transferred.sigmoid()
    fused = fuse_logits(salient, transferred, alpha)
    torch.testing.assert_close(fused.sigmoid(), expected)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_fused_map_of_the_release_is_the_mix_of_logits(maps, alpha):
    salient, transferred, _ = maps
    expected = alpha * salient + (1 - alpha) * transferred
    fused = fuse_logits(salient, transferred, alpha, 'logit')
    torch.testing.assert_close(fused, expected)


def test_fusion_is_exact_where_a_sigmoid_is_not():
    # 1 - sigmoid(30) and sigmoid(-200) are 0 in float32.
    high, low = torch.tensor(30.), torch.tensor(-200.)
    assert fuse_logits(high, high, 0.7).item() == pytest.approx(30)
    assert fuse_logits(low, low, 0.7).item() == pytest.approx(-200)
    assert fuse_logits(high, low,
                       0.7).item() == pytest.approx(math.log(0.7 / 0.3))


def slow_loss(salient, transferred, target, alpha) -> float:
    """Eq. (3), pixel by pixel, as a mean."""
    terms = []
    for s, t, m in zip(*(x.flatten().tolist()
                         for x in (salient, transferred, target))):
        prob = alpha / (1 + math.exp(-s)) + (1 - alpha) / (1 + math.exp(-t))
        terms.append(-math.log(prob if m else 1 - prob))
    return sum(terms) / len(terms)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_against_loops(maps, alpha):
    loss = fused_bce_loss(*maps, alpha)
    assert loss.item() == pytest.approx(slow_loss(*maps, alpha), rel=1e-5)


@pytest.mark.parametrize('alpha', [0.3, 0.7])
def test_logit_space_against_loops(maps, alpha):
    salient, transferred, target = maps
    mixed = alpha * salient + (1 - alpha) * transferred
    loss = fused_bce_loss(*maps, alpha, 'logit')
    expected = slow_loss(mixed, mixed, target, 1)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_the_plain_formula(maps):
    salient, transferred, target = maps
    prob = 0.7 * salient.sigmoid() + 0.3 * transferred.sigmoid()
    plain = -torch.where(target, prob.log(), (1 - prob).log()).mean()
    expected = torch.autograd.grad(plain, (salient, transferred))
    actual = torch.autograd.grad(
        fused_bce_loss(*maps, 0.7), (salient, transferred))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize('signs', [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize('space', ['prob', 'logit'])
@pytest.mark.parametrize('fill', [0, 1])
def test_extreme_logits(signs, space, fill):
    maps = [
        torch.full((1, 2, 2), 1e4 * sign).requires_grad_() for sign in signs
    ]
    loss = fused_bce_loss(*maps, torch.full((1, 2, 2), fill), 0.7, space)
    loss.backward()
    assert loss.isfinite()
    assert all(x.grad.isfinite().all() for x in maps)


@pytest.mark.parametrize('space', ['prob', 'logit'])
def test_no_mask_in_the_batch(maps, space):
    none = torch.zeros(3, dtype=torch.bool)
    loss = fused_bce_loss(*(x[none] for x in maps), 0.7, space)
    assert loss == 0
    loss.backward()
    for x in maps[:2]:
        assert torch.equal(x.grad, torch.zeros_like(x))


def test_module(maps):
    salient, transferred, target = maps
    module = FusedBCELoss(alpha=0.6, space='logit', loss_weight=2)
    torch.testing.assert_close(
        module(target, salient, transferred),
        2 * fused_bce_loss(*maps, 0.6, 'logit'))
    assert torch.equal(
        module.fuse(*maps[:2]), fuse_logits(*maps[:2], 0.6, 'logit'))


def test_defaults_are_those_of_the_paper(maps):
    salient, transferred, target = maps
    assert torch.equal(FusedBCELoss()(target, salient, transferred),
                       fused_bce_loss(*maps, 0.7))


@pytest.mark.parametrize('space', ['prob', 'logit'])
def test_one_head_alone(maps, space):
    salient, transferred, target = maps
    module = FusedBCELoss(space=space)
    for name, logits in dict(salient=salient, transferred=transferred).items():
        expected = slow_loss(logits, logits, target, 1)
        assert module(target, **{
            name: logits
        }).item() == pytest.approx(
            expected, rel=1e-5)
    assert module.fuse(None, transferred) is transferred
    assert module.fuse(salient, None) is salient


@pytest.mark.parametrize('kwargs', [
    dict(alpha=-0.1),
    dict(alpha=1.1),
    dict(space='probability'),
])
def test_bad_settings(kwargs):
    with pytest.raises(ValueError, match='must be in'):
        FusedBCELoss(**kwargs)
