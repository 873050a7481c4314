"""The digits classifier and its data: what is trained, on which images, and which images are held out.

Data: the 1,797 handwritten digits (8x8, 16 grey levels) bundled in scikit-learn, a copy of the test part of the UCI
"Optical Recognition of Handwritten Digits" set (https://archive.ics.uci.edu/dataset/80). Every pixel is repeated 4x4,
so that the input is 32x32 and the file still compresses well; values are scaled to [0, 1].

Network: inverted residual blocks as in MobileNetV2 (https://arxiv.org/abs/1801.04381), 62,842 parameters once batch
normalisation is folded into the convolutions, 1,762,496 multiply-accumulates for one image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

SEED = 20240
TEST_IMAGES = 500
CLASSES = tuple(str(digit) for digit in range(10))
SIDE_PX = 32
EPOCHS = 60
BATCH = 64
LEARNING_RATE = 4e-3
# Augmentation: every training image is turned, scaled and moved by at most this much. Chosen on a validation split of
# the training images: 0.985 top-1 against 0.960 with shifts alone.
ROTATION_DEG = 12.0
SCALE_RATIO = 0.1
SHIFT_PX = 2.5

# expansion, output channels, repeats, stride of the first repeat
BLOCKS = ((2, 16, 1, 1), (4, 24, 2, 2), (4, 40, 2, 2), (4, 64, 1, 2))
STEM_CHANNELS = 16
HEAD_CHANNELS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Images float32 [n, 1, 32, 32] in [0, 1] and labels int64 [n], split once and for all."""

    train_x: np.ndarray
    train_labels: np.ndarray
    test_x: np.ndarray
    test_labels: np.ndarray


def load_data() -> Digits:
    """The stratified split; the 500 test images never reach training or calibration."""
    bunch = load_digits()
    small = (bunch.images / 16).astype(np.float32)
    scale = SIDE_PX // small.shape[-1]
    images = small.repeat(scale, axis=1).repeat(scale, axis=2)[:, None]
    labels = bunch.target.astype(np.int64)
    train_x, test_x, train_labels, test_labels = train_test_split(
        images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=SEED
    )
    return Digits(train_x=train_x, train_labels=train_labels, test_x=test_x, test_labels=test_labels)


def _conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if act:
        layers.append(nn.ReLU6())
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; with a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            _conv(inputs, hidden, 1),
            _conv(hidden, hidden, 3, stride=stride, groups=hidden),
            _conv(hidden, outputs, 1, act=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return x + self.body(x) if self.shortcut else self.body(x)


class DigitsNet(nn.Module):
    """[n, 1, 32, 32] to logits [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(1, STEM_CHANNELS, 3, stride=2)]
        channels = STEM_CHANNELS
        for expansion, outputs, repeats, first_stride in BLOCKS:
            for i in range(repeats):
                stride = first_stride if i == 0 else 1
                layers.append(InvertedResidual(channels, outputs, stride=stride, expansion=expansion))
                channels = outputs
        layers.append(_conv(channels, HEAD_CHANNELS, 1))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(HEAD_CHANNELS, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits; softmax changes no ranking and is left to whoever wants probabilities."""
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


def _vary(images: torch.Tensor) -> torch.Tensor:
    """Each image under its own small affine map."""
    count = len(images)
    angle = (torch.rand(count) * 2 - 1) * math.radians(ROTATION_DEG)
    scale = 1 + (torch.rand(count) * 2 - 1) * SCALE_RATIO
    shift = (torch.rand(count, 2) * 2 - 1) * SHIFT_PX / (SIDE_PX / 2)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = (torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(data: Digits) -> DigitsNet:
    """A trained network in eval mode; the same on every run of one torch build and CPU type."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    net = DigitsNet()
    images, labels = torch.from_numpy(data.train_x), torch.from_numpy(data.train_labels)
    steps = -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, epochs=EPOCHS, steps_per_epoch=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss_of(net(_vary(images[chosen])), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    return net.eval()
