"""Equations 1 to 4 of the paper against float64 NumPy, written as the paper writes them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.bundle import Bundle, Card, of_network
from toolkit.commands.train import distil, supernet
from toolkit.commands.train.distil import Distil
from toolkit.commands.train.supernet import Supernet
from toolkit.core.progress import finish
from toolkit.data.batches import Batch
from toolkit.models.building import build
from toolkit.models.spec import Edge, SuperNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.train.inference import inputs, normalised
from toolkit.train.setup import Setup, set_up

Array = NDArray[np.float64]
RNG = np.random.default_rng(0)


def small(points: int = 5) -> SuperNetSpec:
    """One block of every kind, a few channels."""
    edges = [Edge(stage=2, source=0, target=0), Edge(stage=2, source=0, target=1)]
    edges += [Edge(stage=2, source=0, target=2, inner=(6,)), Edge(stage=2, source=0, target=3, inner=(6, 6))]
    for stage in range(3, 11):
        edges += [
            Edge(stage=stage, source=s, target=t, inner=((3, 4, 5, 6)[s],) * max(0, t - s - 1))
            for t in range(4)
            for s in range(4)
        ]
    return SuperNetSpec(points=points, stem=(4, 6), widths=(3, 4, 5, 6), depth=2, edges=tuple(edges))


def conv(x: Array, layer: nn.Module) -> Array:
    """x (C, H, W): a plain loop over the kernel, zeros around."""
    assert isinstance(layer, nn.Conv2d)
    weight = layer.weight.detach().double().numpy()
    out, per_group, kernel, _ = weight.shape
    stride, pad = layer.stride[0], kernel // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    height, width = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    total = np.zeros((out, height, width))
    for o in range(out):
        first = o // (out // layer.groups) * per_group
        for c in range(per_group):
            for dy in range(kernel):
                for dx in range(kernel):
                    seen = padded[first + c, dy : dy + stride * height : stride, dx : dx + stride * width : stride]
                    total[o] += weight[o, c, dy, dx] * seen
    return total


def norm(x: Array, layer: nn.Module) -> Array:
    assert isinstance(layer, nn.BatchNorm2d)
    assert layer.running_mean is not None and layer.running_var is not None
    mean, var, scale, shift = (
        v.detach().double().numpy()[:, None, None]
        for v in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )
    return (x - mean) / np.sqrt(var + layer.eps) * scale + shift


def bilinear(x: Array, factor: int) -> Array:
    """Half-pixel centres: output pixel i looks at (i + 0.5) / factor - 0.5, held at the border."""
    for axis in (1, 2):
        side = x.shape[axis]
        at = np.clip((np.arange(side * factor) + 0.5) / factor - 0.5, 0, side - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, side - 1)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def transform(x: Array, layers: list[nn.Module], source: int, target: int) -> Array:
    """T: identity, 1x1 and bilinear upsampling, or a chain of stride-2 3x3 with ReLU between."""
    if source == target:
        return x
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            x = conv(x, layer)
        elif isinstance(layer, nn.BatchNorm2d):
            x = norm(x, layer)
        else:
            assert isinstance(layer, nn.ReLU)
            x = np.maximum(x, 0)
    return bilinear(x, 2 ** (source - target)) if source > target else x


@pytest.mark.parametrize("target", range(4))
def test_equation_1(target: int) -> None:
    """Y = E(sum of alpha T(X)) with a ReLU after the sum, in double precision (1e-10)."""
    torch.manual_seed(target)
    net = build(small()).eval().double()
    assert isinstance(net, HRSuperNet)
    block: Any = net.stages["4"][str(target)]  # type: ignore[index]
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.running_mean, -1), (module.running_var, 0.5), (module.weight, 0.5)):
                nn.init.uniform_(value, low, 2)
    x = {k: RNG.standard_normal((w, 24 // 2**k, 16 // 2**k)) for k, w in enumerate((3, 4, 5, 6))}
    alpha = {0: 0.3, 1: -0.7, 2: 1.1, 3: 0.2}
    total = sum(alpha[s] * transform(x[s], list(block.edges[str(s)].children()), s, target) for s in range(4))
    y = np.maximum(total, 0)
    for mb in block.encoder:
        depthwise, first, _, pointwise, second = mb.body
        y = y + norm(conv(np.clip(norm(conv(y, depthwise), first), 0, 6), pointwise), second)
    found = block(
        {k: torch.from_numpy(v)[None] for k, v in x.items()},
        {k: torch.tensor(v, dtype=torch.float64) for k, v in alpha.items()},
    )
    np.testing.assert_allclose(found[0].detach().numpy(), y, rtol=0, atol=1e-10)


SMALL: dict[str, Any] = {"preset": "tiny", "synthetic": 10, "epochs": 1, "batch": 3, "size": 32, "device": "cpu"}
GAUSSIAN = 1.0


def loud(seed: int) -> HRSuperNet:
    """A small network in training mode with heatmaps that are not all near 0, and with norms that have seen a crop."""
    torch.manual_seed(seed)
    net = build(small(68)).train()
    assert isinstance(net, HRSuperNet)
    nn.init.normal_(net.head.out.weight, std=0.3)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum, layer.eps = 1.0, 0.1  # three faces of one pixel each would make much of rounding
    with torch.no_grad():
        net(torch.randn(8, 3, 64, 64))
    return net


def with_gaps(setup: Setup) -> Batch:
    """Three faces; two points of the first one and one of the last are missing."""
    batch = setup.train.epoch((0, 0, 0), 3, setup.options.augmentation)[0]
    points = batch.points_xy.copy()
    points[0, [3, 40]] = points[2, 7] = np.nan
    return dataclasses.replace(batch, points_xy=points)


def gaussians(points_xy: Array, side: int) -> Array:
    """G: 1 at the point, which lies at (p + 0.5) / 4 - 0.5 of the map's pixels."""
    x, y = (((points_xy[..., axis] + 0.5) / 4 - 0.5)[..., None, None] for axis in (0, 1))
    across, down = np.arange(side)[None, :], np.arange(side)[:, None]
    return np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * GAUSSIAN**2))


def mse(p: Array, g: Array) -> float:
    """The first term of equations 2 and 4, over the points that are there."""
    per_point = ((p - g) ** 2).mean(axis=(2, 3))
    return float(per_point[~np.isnan(per_point)].mean())


def kd(p2: Array, p1: Array, known: NDArray[np.bool_], temperature: float) -> float:
    """Equation 3 with a temperature, over the points that are there."""

    def softmax(p: Array) -> Array:
        e = np.exp(p / temperature)
        return e / e.sum(axis=(2, 3), keepdims=True)

    s2, s1 = softmax(p2), softmax(p1)
    return temperature**2 * float((s2 * np.log(s2 / s1)).sum(axis=(2, 3))[known].mean())


@pytest.mark.slow
def test_equation_2(tmp_path: Path) -> None:
    """Squared error plus lambda times the sum of |alpha|, lambda grown with the pixels that 32 px lack (1e-5)."""
    options = Supernet(out=tmp_path, sparsity=3e-4, **SMALL)
    with finish(set_up(options, stage="supernet", run=supernet.run)) as setup:
        net, batch = loud(0), with_gaps(setup)
        run = supernet._run(options, setup, net)
    with torch.no_grad():
        net.alpha.uniform_(-1, 1)
        maps = net(normalised(torch.from_numpy(batch.images))).double().numpy()
    error = mse(maps, gaussians(batch.points_xy, 8))
    penalty = 3e-4 * 64 * np.abs(net.alpha.detach().double().numpy()).sum()
    of_alpha, of_weights = (part.step(inputs(batch)) for part in run.passes)
    assert of_alpha["mse"].item() == pytest.approx(error, rel=1e-5) == of_weights["mse"].item()
    assert of_alpha["l1"].item() == pytest.approx(penalty, rel=1e-5)
    assert "l1" not in of_weights  # a constant of the weights
    with finish(
        set_up(dataclasses.replace(options, coordinate_weight=0.5), stage="supernet", run=supernet.run)
    ) as setup:
        passes = supernet._run(setup.options, setup, net).passes  # type: ignore[arg-type]
    terms = [part.step(inputs(batch)).keys() for part in passes]
    assert terms == [{"mse", "l1"}, {"mse", "coordinate"}]  # the factors learn by equation 2 alone


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_equations_3_and_4(tmp_path: Path, temperature: float) -> None:
    """Each student's own error, divergence from the mean of both and from the teacher's clean map (1e-4)."""
    options = Distil(
        out=tmp_path,
        student=tmp_path,
        teacher=tmp_path,
        peers_weight=3.0,
        teacher_weight=0.1,
        temperature=temperature,
        **SMALL,
    )
    setup = finish(set_up(options, stage="distil", run=distil.run))
    nets, batch = {"peer1": loud(1), "peer2": loud(2)}, with_gaps(setup)
    card = Card(name="t", stage="teacher", scheme="300w-68", size_px=32, sigma_px=1.0)
    teacher: Bundle = of_network(loud(3), card)
    maps: dict[str, Array] = {}
    for name, net in nets.items():
        net.register_forward_hook(lambda _, __, out, name=name: maps.update({name: out.detach().double().numpy()}))
    taught_by = distil._pass(options, setup, dict(nets), teacher)
    setup.undo.close()
    losses = taught_by.step(inputs(batch, taught_by.draw))
    with torch.no_grad():
        taught = teacher.network()(normalised(torch.from_numpy(batch.images))).double().numpy()
    truth, known = gaussians(batch.points_xy, 8), np.isfinite(batch.points_xy).all(axis=-1)
    ensemble = (maps["peer1"] + maps["peer2"]) / 2
    for name, found in maps.items():
        assert losses[f"{name}_mse"].item() == pytest.approx(mse(found, truth), rel=1e-4)
        assert losses[f"{name}_peers"].item() == pytest.approx(3 * kd(ensemble, found, known, temperature), rel=1e-4)
        assert losses[f"{name}_teacher"].item() == pytest.approx(0.1 * kd(taught, found, known, temperature), rel=1e-4)
