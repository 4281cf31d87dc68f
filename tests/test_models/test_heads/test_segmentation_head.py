import pytest
import torch

from mmboxcaseg.models import SegmentationHead
from mmboxcaseg.models.heads.segmentation_head import HeadBatchNorm2d


@pytest.fixture
def head() -> SegmentationHead:
    torch.manual_seed(0)
    head = SegmentationHead(5).eval()
    for tensor in head.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
    head.conv1.weight.data -= 0.6
    return head


@torch.no_grad()
def test_head_against_loops(head):
    feats = torch.rand(2, 5, 3, 4)
    logits = head(feats)
    assert logits.shape == (2, 1, 3, 4)
    bn = head.bn
    for n in range(2):
        for y in range(3):
            for x in range(4):
                score = head.conv2.bias[0]
                for o in range(5):
                    hidden = head.conv1.bias[o] + sum(
                        head.conv1.weight[o, i, 0, 0] * feats[n, i, y, x]
                        for i in range(5))
                    hidden = (hidden - bn.running_mean[o]) / (
                        bn.running_var[o] + bn.eps)**0.5
                    hidden = hidden * bn.weight[o] + bn.bias[o]
                    score = score + head.conv2.weight[0, o, 0, 0] * max(
                        hidden, 0)
                torch.testing.assert_close(logits[n, 0, y, x], score)


@pytest.mark.parametrize('training', [True, False])
def test_empty_batch(training):
    head = SegmentationHead(5).train(training)
    head.bn.running_var.fill_(2.)
    before = {name: buf.clone() for name, buf in head.named_buffers()}
    logits = head(torch.zeros(0, 5, 3, 4))
    assert logits.shape == (0, 1, 3, 4)
    logits.sum().backward()
    for name, param in head.named_parameters():
        assert torch.equal(param.grad, torch.zeros_like(param)), name
    for name, buf in head.named_buffers():
        assert torch.equal(buf, before[name]), name


def test_batch_norm_is_the_stock_one_otherwise():
    torch.manual_seed(0)
    ours, stock = HeadBatchNorm2d(5), torch.nn.BatchNorm2d(5)
    feats = torch.randn(2, 5, 3, 4)
    assert torch.equal(ours(feats), stock(feats))
    assert torch.equal(ours.running_var, stock.running_var)
    sync = torch.nn.SyncBatchNorm.convert_sync_batchnorm(ours)
    assert isinstance(sync, torch.nn.SyncBatchNorm)


def test_initial_weights():
    torch.manual_seed(0)
    head = SegmentationHead(100)
    head.init_weights()
    assert head.conv1.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert not head.conv1.bias.any() and not head.conv2.bias.any()
    assert (head.bn.weight == 1).all() and not head.bn.bias.any()
    assert head.bn.momentum == 0.01
