import pytest
import torch
from torch import nn

from mmboxcaseg.models import SegmentationHead, TransferredHead, WeightTransfer


def slow_transfer(transfer: WeightTransfer, conv: nn.Conv2d) -> tuple:
    """Section 3.3.2 in loops: one row for each output channel."""
    weight, bias = torch.zeros_like(conv.weight), torch.zeros_like(conv.bias)
    for o in range(conv.out_channels):
        row = [value for value in conv.weight[o].flatten()]
        hidden = []
        for j in range(4 * len(row)):
            value = transfer.fc1.bias[j] + sum(
                w * r for w, r in zip(transfer.fc1.weight[j], row))
            hidden.append(value if value > 0 else 0.1 * value)
        new_row = [
            transfer.fc2.bias[i] +
            sum(w * h for w, h in zip(transfer.fc2.weight[i], hidden))
            for i in range(len(row))
        ]
        weight[o] = torch.stack(new_row).view_as(weight[o])
        bias[o] = transfer.k * conv.bias[o] + transfer.b
    return weight, bias


@torch.no_grad()
@pytest.mark.parametrize('out_channels, kernel_size', [(4, 1), (1, 1), (2, 3)])
def test_weight_transfer_against_loops(out_channels, kernel_size):
    torch.manual_seed(0)
    conv = nn.Conv2d(3, out_channels, kernel_size)
    transfer = WeightTransfer(3 * kernel_size**2)
    transfer.k.fill_(1.5)
    transfer.b.fill_(-0.25)
    for new, slow in zip(transfer(conv), slow_transfer(transfer, conv)):
        torch.testing.assert_close(new, slow)


def test_weight_transfer_starts_with_the_source_bias():
    conv = nn.Conv2d(3, 4, 1)
    assert torch.equal(WeightTransfer(3)(conv)[1], conv.bias)


def test_weight_transfer_has_gradients_and_its_source_has_none():
    conv, transfer = nn.Conv2d(3, 4, 1), WeightTransfer(3)
    weight, bias = transfer(conv)
    (weight.sum() + bias.sum()).backward()
    assert all(param.grad is None for param in conv.parameters())
    assert all(param.grad.any() for param in transfer.parameters())


@pytest.fixture
def heads() -> tuple:
    torch.manual_seed(0)
    weak, transferred = SegmentationHead(6), TransferredHead(6)
    weak.init_weights()
    transferred.init_weights()
    return weak, transferred


def test_initial_weights_are_those_of_the_authors():
    torch.manual_seed(0)
    head = TransferredHead(50)
    head.init_weights()
    for name, param in head.named_parameters():
        if '.fc' in name:
            assert param.std().item() == pytest.approx(0.01, rel=0.25), name
    assert head.bn.momentum == 0.01


def test_head_is_a_segmentation_head_with_predicted_weights(heads):
    weak, transferred = heads
    feats = torch.rand(2, 6, 3, 4)
    plain = SegmentationHead(6)
    for conv, transfer, source in ((plain.conv1, transferred.transfer1,
                                    weak.conv1),
                                   (plain.conv2, transferred.transfer2,
                                    weak.conv2)):
        conv.weight.data, conv.bias.data = transfer(source)
    torch.testing.assert_close(transferred(feats, weak), plain(feats))


def test_no_gradient_reaches_the_weak_head(heads):
    weak, transferred = heads
    feats = torch.rand(2, 6, 3, 4, requires_grad=True)
    transferred(feats, weak).square().sum().backward()
    assert all(param.grad is None for param in weak.parameters())
    assert all(param.grad is not None for param in transferred.parameters())
    assert feats.grad.any()
