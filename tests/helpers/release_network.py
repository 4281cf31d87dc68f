"""The network of the authors' release in plain PyTorch, with its names.

It is written from a description, without any code of this project or of
OpenMMLab. Converted checkpoints and training steps are compared with it.
"""
from typing import List, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> list:
    conv = nn.Conv2d(
        c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(c_out, momentum=0.01)]


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size, mode='bilinear', align_corners=False)


class Basic(nn.Module):

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(c, c, 3)
        self.conv2, self.bn2 = conv_bn(c, c, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + x)


class Bottleneck(nn.Module):

    def __init__(self, c_in: int, c: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(c_in, c, 1)
        self.conv2, self.bn2 = conv_bn(c, c, 3)
        self.conv3, self.bn3 = conv_bn(c, 4 * c, 1)
        if c_in != 4 * c:
            self.downsample = nn.Sequential(*conv_bn(c_in, 4 * c, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(
            y + (self.downsample(x) if hasattr(self, 'downsample') else x))


def fuse_layer(source: int, target: int, widths: Sequence[int]) -> nn.Module:
    if source > target:
        return nn.Sequential(*conv_bn(widths[source], widths[target], 1))
    steps = []
    for step in range(target - source):
        last = step == target - source - 1
        layers = conv_bn(widths[source], widths[target if last else source], 3,
                         2)
        steps.append(nn.Sequential(*layers, *([] if last else [nn.ReLU()])))
    return nn.Sequential(*steps)


class Module(nn.Module):

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        ids = range(len(widths))
        self.branches = nn.ModuleList(
            nn.Sequential(*[Basic(c) for _ in range(4)]) for c in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(None if i == j else fuse_layer(j, i, widths)
                          for j in ids) for i in ids)

    def forward(self, xs: List[Tensor]) -> List[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs)]
        outs = []
        for i, row in enumerate(self.fuse_layers):
            parts = []
            for j, x in enumerate(xs):
                y = x if i == j else row[j](x)
                if j > i:
                    y = resize(y, xs[i].shape[2:])
                parts.append(y)
            outs.append(F.relu(sum(parts)))
        return outs


def stage(widths: Sequence[int], num: int) -> nn.Sequential:
    return nn.Sequential(*[Module(widths) for _ in range(num)])


def down(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*conv_bn(c_in, c_out, 3, 2), nn.ReLU()))


class Transfer(nn.Module):

    def __init__(self, n: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(n, 4 * n)
        self.fc2 = nn.Linear(4 * n, n)
        self.k = nn.Parameter(torch.ones(1))
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, conv: nn.Conv2d) -> tuple:
        rows = conv.weight.detach().reshape(len(conv.weight), -1)
        rows = self.fc2(F.leaky_relu(self.fc1(rows), 0.1))
        return (rows.reshape(conv.weight.shape),
                self.k * conv.bias.detach() + self.b)


def head(c: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c, c, 1), nn.BatchNorm2d(c, momentum=0.01), nn.ReLU(),
        nn.Conv2d(c, 1, 1))


class ReleaseNetwork(nn.Module):
    """Computes the fused logits of normalised RGB crops.

    Args:
        width (int): 18, 32 or 48.
        alpha (float): Share of the salient head.
    """

    def __init__(self, width: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        c = [width * 2**i for i in range(4)]
        self.conv1, self.bn1 = conv_bn(3, 64, 3, 2)
        self.conv2, self.bn2 = conv_bn(64, 64, 3, 2)
        self.layer1 = nn.Sequential(
            Bottleneck(64, 64), *[Bottleneck(256, 64) for _ in range(3)])
        self.transition1 = nn.ModuleList([
            nn.Sequential(*conv_bn(256, c[0], 3), nn.ReLU()),
            down(256, c[1])
        ])
        self.stage2 = stage(c[:2], 1)
        self.transition2 = nn.ModuleList([None, None, down(c[1], c[2])])
        self.stage3 = stage(c[:3], 4)
        self.transition3 = nn.ModuleList([None, None, None, down(c[2], c[3])])
        self.stage4 = stage(c, 3)
        self.last_layer = head(sum(c))
        self.fcn = head(sum(c))
        self.transfer1 = Transfer(sum(c))
        self.transfer2 = Transfer(sum(c))
        self.transfer_bn = nn.BatchNorm2d(sum(c), momentum=0.01)

    def features(self, x: Tensor) -> Tensor:
        """The joined map of stride 4."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(F.relu(self.bn2(self.conv2(x))))
        xs = self.stage2([layer(x) for layer in self.transition1])
        xs = self.stage3([*xs, self.transition2[2](xs[-1])])
        xs = self.stage4([*xs, self.transition3[3](xs[-1])])
        return torch.cat([resize(y, xs[0].shape[2:]) for y in xs], dim=1)

    def fused_map(self, feats: Tensor) -> Tensor:
        """Fused logits of stride 4."""
        hidden = F.conv2d(feats, *self.transfer1(self.last_layer[0]))
        hidden = F.relu(self.transfer_bn(hidden))
        transferred = F.conv2d(hidden, *self.transfer2(self.last_layer[3]))
        return self.alpha * self.fcn(feats) + (1 - self.alpha) * transferred

    def forward(self, x: Tensor) -> Tensor:
        return resize(self.fused_map(self.features(x)), x.shape[2:])
