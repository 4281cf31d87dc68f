import pytest
import torch

from mmboxcaseg.models import SegmentationHead


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


def test_init_is_that_of_the_authors():
    torch.manual_seed(0)
    head = SegmentationHead(100)
    head.init_weights()
    assert head.conv1.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert not head.conv1.bias.any() and not head.conv2.bias.any()
    assert (head.bn.weight == 1).all() and not head.bn.bias.any()
    assert head.bn.momentum == 0.01
