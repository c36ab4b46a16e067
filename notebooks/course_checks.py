"""The checks of the exercises, each the learner's function beside the toolkit's; solutions are in `solutions/`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from course_files import BUGS, ORDER
from course_records import LIMIT_MB, LIMIT_MS, shipped

CLOSE = 1e-4
"""How far an answer may be from the toolkit's, relative to its largest value."""


def _differs(found: Any, expected: Any, what: str) -> str | None:
    """How an answer differs from the toolkit's, or None."""
    if found is None:
        return f"it gives nothing where {what} is wanted"
    a, b = np.asarray(_plain(found), np.float64), np.asarray(_plain(expected), np.float64)
    if a.shape != b.shape:
        return f"{what} has the shape {b.shape}, yours {a.shape}"
    far = float(np.abs(a - b).max())
    return None if far <= CLOSE * max(1e-6, float(np.abs(b).max())) else f"{what} is up to {far:.3g} away"


def _plain(value: Any) -> Any:
    return value.detach().numpy() if hasattr(value, "detach") else value


def _encode(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.heatmap import encode, from_heatmap

    for point, side, sigma in (((5.3, 9.8), 16, 1.0), ((12.0, 2.25), 24, 1.5)):
        expected = encode(from_heatmap(np.array(point)), 4 * side, sigma)
        if wrong := _differs(answer(point, side, sigma), expected, "the heatmap"):
            return wrong
    return None


def _newton(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.heatmap import decode, encode, peaks, smooth, to_heatmap

    random = np.random.default_rng(0)
    exact = encode(random.uniform(16, 48, (6, 2)), 64, 1.0)
    tilted = exact + 0.35 * np.roll(exact, (1, 1), axis=(1, 2))  # no longer as wide in one direction as in the other
    expected = to_heatmap(decode(tilted, "dark", 1.0)[0])
    maps = smooth(tilted.astype(np.float64), 1.0)
    for one, row, column, wanted in zip(maps, *peaks(maps), expected, strict=True):
        around = np.log(one[row - 1 : row + 2, column - 1 : column + 2])
        if wrong := _differs(answer(around), wanted - (column, row), "the step (across, down)"):
            return wrong
    return None


def _fuse(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.models.blocks import upsample
    from toolkit.models.spec import hrsupernet
    from toolkit.models.supernet import Block

    block = Block(hrsupernet(5), 5, 0).eval()
    block.encoder = torch.nn.Sequential()
    branches = {k: torch.randn(1, width, 16 >> k, 16 >> k) for k, width in enumerate(hrsupernet(5).widths)}
    alpha = {k: torch.tensor(0.5 - 0.4 * k) for k in branches}
    with torch.no_grad():
        terms = [upsample(block.edges[str(k)](x), 2**k) for k, x in branches.items()]
        return _differs(answer(terms, list(alpha.values())), block(branches, alpha), "the fused map")


def _loss(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.train.losses import mse

    found, truth, alpha = torch.rand(2, 5, 8, 8), torch.rand(2, 5, 8, 8), torch.linspace(-1, 1, 132)
    for price in (0.0, 0.03):
        expected = mse(found, truth, torch.ones(2, 5, 1, 1)) + price * alpha.abs().sum()
        if wrong := _differs(answer(found, truth, alpha, price), expected, "the loss"):
            return wrong
    return None


def _cut(answer: Callable[..., Any]) -> str | None:
    import torch
    from torch import nn
    from torch_pruning import DependencyGraph, prune_conv_out_channels

    torch.manual_seed(1)
    norm = nn.BatchNorm2d(6)
    assert norm.running_mean is not None
    norm.running_mean.uniform_(-1, 1)
    norm.weight.data.uniform_(0.5, 2)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    mine = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    mine.load_state_dict(net.state_dict())
    image = torch.randn(1, 3, 12, 12)
    graph = DependencyGraph().build_dependency(net, image, verbose=False)
    graph.get_pruning_group(net[0], prune_conv_out_channels, [2]).prune()
    answer(mine[0], mine[1], mine[3], 2)
    for name, value in net.state_dict().items():
        if wrong := _differs(mine.state_dict()[name], value, f"{name} of torch-pruning's network"):
            return wrong
    return None


def _left(answer: Callable[..., Any]) -> str | None:
    from toolkit.models.building import build
    from toolkit.models.spec import hrsupernet
    from toolkit.slimming.edges import SuperNetGraph

    spec = hrsupernet(5)
    graph = SuperNetGraph(build(spec))  # type: ignore[arg-type]
    edges = [(e.stage, e.source, e.target) for e in spec.edges]
    for seed in range(4):
        random = np.random.default_rng(seed)
        off = {edge for edge in edges if random.random() < 0.55}
        gone = [edge for edge, short in zip(spec.edges, edges, strict=True) if short in off]
        expected = {(e.stage, e.source, e.target) for e in graph.left(gone).edges}
        found = answer(edges, off)
        if found is None:
            return "it gives nothing where a set of edges is wanted"
        if set(found) != expected:
            more, fewer = len(set(found) - expected), len(expected - set(found))
            return f"of {len(expected)} edges that the graph leaves, {fewer} are missing, and {more} lead nowhere"
    return None


def _divergence(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.train.losses import distillation

    target, student = torch.randn(3, 5, 8, 8), torch.randn(3, 5, 8, 8)
    expected = distillation(target, student, torch.ones(3, 5, 1, 1), 1.0)
    return _differs(answer(target, student), expected, "the divergence")


def _bugs(answer: dict[str, str]) -> str | None:
    unknown = sorted(set(answer.values()) - {*BUGS, ""})
    if unknown:
        return f"{unknown[0]!r} is none of the five: {', '.join(BUGS)}"
    right = sum(answer.get(name) == BUGS[bug] for name, bug in ORDER.items())
    return None if right == len(ORDER) else f"{right} of {len(ORDER)} are right"


def _quantise(answer: Callable[..., Any]) -> str | None:
    random = np.random.default_rng(2)
    for values in (random.normal(0, 1, 300), random.uniform(0, 6, 300), random.uniform(2, 3, 300)):
        given = answer(values)
        if given is None:
            return "it gives nothing where integers, scale and zero are wanted"
        integers, scale, zero = given
        low, high = min(values.min(), 0.0), max(values.max(), 0.0)
        if wrong := _differs(scale, (high - low) / 255, "the scale"):
            return wrong
        if zero != np.round(-128 - low / scale):
            return f"the zero is {np.round(-128 - low / scale):.0f}, yours {zero}"
        whole = np.clip(np.round(values / scale) + zero, -128, 127)
        if wrong := _differs(integers, whole, "what the integers stand for"):
            return wrong
    return None


def _follow(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.smoothing import Smoother

    random, smoother = np.random.default_rng(3), Smoother()
    before = random.uniform(0, 100, (5, 2))
    speed, size = np.zeros_like(before), 0.0
    smoother(before, 0.0)
    for frame in range(1, 6):
        points = before + random.normal(0, 2, before.shape)
        size = float(np.ptp(points, axis=0).max())
        given = answer(points, before, speed, size, 0.04)
        if given is None:
            return "it gives nothing where smoothed points and their speed are wanted"
        expected = smoother(points, 0.04 * frame)
        if wrong := _differs(given[0], expected, "the smoothed points"):
            return wrong
        before, speed = given
    return None


def _frontier(answer: Callable[..., Any]) -> str | None:
    from toolkit.reporting.pareto import Dot, frontier

    random = np.random.default_rng(4)
    for count in (1, 5, 30):
        costs, errors = random.uniform(1, 9, count).round(1), random.uniform(2, 6, count).round(1)
        models = {f"model {i}": (float(c), float(e)) for i, (c, e) in enumerate(zip(costs, errors, strict=True))}
        dots = [Dot(name=n, colour="", marker="o", cost=c, nme=e) for n, (c, e) in models.items()]
        found = answer(models)
        if found is None:
            return "it gives nothing where names are wanted"
        expected = [dot.name for dot in frontier(dots)]
        if sorted(found) != sorted(expected):
            return f"of {count} models the toolkit keeps {len(expected)}, you {len(found)}, or others"
    return None


def _decision(answer: str) -> str | None:
    """The most accurate file of those that keep within chapter 9's limits."""
    fits = [r for r in shipped() if r["ms"] <= LIMIT_MS and r["mb"] <= LIMIT_MB]
    best = min(fits, key=lambda r: float(r["nme"]))
    if answer not in {r["name"] for r in shipped()}:
        return f"{answer!r} is no file of the table"
    return None if answer == best["name"] else "it breaks a limit, or another file within both is more accurate"


CHECKS: dict[str, Callable[[Any], str | None]] = {
    "encode": _encode,
    "newton": _newton,
    "fuse": _fuse,
    "loss": _loss,
    "cut": _cut,
    "left": _left,
    "divergence": _divergence,
    "bugs": _bugs,
    "quantise": _quantise,
    "follow": _follow,
    "frontier": _frontier,
    "decision": _decision,
}
"""What is wrong with an answer in words, or None; by the exercise's name."""
