import math

import pytest
import torch

from mmboxcaseg import InputError
from mmboxcaseg.models import MapFusion
from mmboxcaseg.models.heads import fuse_logits

ALPHAS = [0, 0.3, 0.7, 1]


@pytest.fixture
def maps() -> tuple:
    """Logits of both heads."""
    torch.manual_seed(0)
    salient, transferred = torch.randn(2, 3, 4, 5) * 3
    return salient.requires_grad_(), transferred.requires_grad_()


@pytest.mark.parametrize('alpha', ALPHAS)
def test_paper_mixes_probabilities(maps, alpha):
    salient, transferred = maps
    expected = alpha * salient.sigmoid() + (1 - alpha) * transferred.sigmoid()
    fused = fuse_logits(salient, transferred, alpha)
    torch.testing.assert_close(fused.sigmoid(), expected)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_release_mixes_logits(maps, alpha):
    salient, transferred = maps
    expected = alpha * salient + (1 - alpha) * transferred
    fused = fuse_logits(salient, transferred, alpha, 'logit')
    torch.testing.assert_close(fused, expected)


def test_exact_where_a_sigmoid_is_not():
    # 1 - sigmoid(30) and sigmoid(-200) are 0 in float32.
    high, low = torch.tensor(30.), torch.tensor(-200.)
    assert fuse_logits(high, high, 0.7).item() == pytest.approx(30)
    assert fuse_logits(low, low, 0.7).item() == pytest.approx(-200)
    assert fuse_logits(high, low,
                       0.7).item() == pytest.approx(math.log(0.7 / 0.3))


@pytest.mark.parametrize('signs', [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize('space', ['prob', 'logit'])
def test_extreme_logits(signs, space):
    maps = [
        torch.full((1, 2, 2), 1e4 * sign).requires_grad_() for sign in signs
    ]
    fused = fuse_logits(*maps, 0.7, space)
    fused.sum().backward()
    assert fused.isfinite().all()
    assert all(logits.grad.isfinite().all() for logits in maps)


@pytest.mark.parametrize('space', ['prob', 'logit'])
def test_no_crop(maps, space):
    none = torch.zeros(3, dtype=torch.bool)
    fused = fuse_logits(*(logits[none] for logits in maps), 0.7, space)
    assert fused.shape == (0, 4, 5)
    fused.sum().backward()
    for logits in maps:
        assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_module(maps):
    module = MapFusion(alpha=0.6, space='logit')
    assert torch.equal(module(*maps), fuse_logits(*maps, 0.6, 'logit'))


def test_defaults_are_those_of_the_paper(maps):
    assert torch.equal(MapFusion()(*maps), fuse_logits(*maps, 0.7, 'prob'))


def test_one_head_alone(maps):
    salient, transferred = maps
    assert MapFusion()(None, transferred) is transferred
    assert MapFusion()(salient, None) is salient


@pytest.mark.parametrize('kwargs', [
    dict(alpha=-0.1),
    dict(alpha=1.1),
    dict(space='probability'),
])
def test_invalid_settings(kwargs):
    with pytest.raises(InputError, match='must be in'):
        MapFusion(**kwargs)
