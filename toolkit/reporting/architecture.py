"""A network drawn as in the paper's figures 2 and 7: stages across, branches down, one line for each TA operation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.models.spec import HRNetSpec, Spec, SuperNetSpec, whole
from toolkit.reporting.drawing import BoxMark, CurveMark, Drawing, Mark, MarkStyle, TextMark, svg

BLOCK_W = 34
BLOCK_H = (34, 28, 23, 19)
"""Heights by branch: each branch has half the resolution of the one above it."""
STEP_X, STEP_Y = 84, 74
LEFT, TOP = 150, 56
PORT = 4.5
"""Vertical distance of lines where they meet a block."""
THICKEST, THINNEST = 4.6, 0.7
CLASSES = ("same", "up", "down")
STYLES = {
    **{kind: MarkStyle(stroke=kind) for kind in CLASSES},
    "gone": MarkStyle(stroke="faint"),
    "io": MarkStyle(stroke="muted"),
    "scale": MarkStyle(stroke="muted"),
    "block": MarkStyle(stroke="ink", fill="card"),
    "lost": MarkStyle(stroke="faint", fill="paper", dashed=True),
    "n": MarkStyle(fill="ink"),
    "m": MarkStyle(fill="ink", bold=True),
    "l": MarkStyle(fill="muted", centred=False),
    "s": MarkStyle(fill="muted", centred=False, size=11),
    "io-t": MarkStyle(fill="muted"),
}

BlockPlace = tuple[int, int]
"""Stage and branch."""


@dataclass(frozen=True, kw_only=True)
class OperationLine:
    """One operation of a drawing."""

    start: BlockPlace
    end: BlockPlace
    alpha: float | None

    @property
    def kind(self) -> str:
        """Whether resolution stays, rises or falls."""
        return CLASSES[(self.start[1] > self.end[1]) + 2 * (self.start[1] < self.end[1])]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is to draw."""

    stages: int
    widths: dict[BlockPlace, int]
    """Channels of each block that is there."""
    lines: tuple[OperationLine, ...]
    gone: tuple[OperationLine, ...] = ()
    gone_blocks: tuple[BlockPlace, ...] = ()
    layers: dict[BlockPlace, tuple[float | None, ...]] | None = None
    """Factors of each block's residual bodies, None where there is none; where all blocks have the same, nothing."""
    depth: int = 0
    """Residual bodies of a whole block."""


def draw(spec: Spec, alpha: Sequence[float] | None = None, full: bool = True) -> str:
    """An SVG drawing that stands alone or inside a page, light and dark; see drawing."""
    return svg(drawing(spec, alpha, full), "arch")


def drawing(spec: Spec, alpha: Sequence[float] | None = None, full: bool = True) -> Drawing:
    """A network as a drawing.

    Args:
        spec: the network.
        alpha: importance factors in the order of spec.gated; a line is the wider and the stronger the larger |alpha|,
            and so is the short line below a block that stands for a residual body.
        full: draw faintly what the whole supernet has beyond this network.

    Raises:
        ValueError: there are not as many factors as the network has.
    """
    plan = _hrnet(spec) if isinstance(spec, HRNetSpec) else _supernet(spec, alpha, full)
    width, height = LEFT + (plan.stages - 1) * STEP_X + 128, TOP + 3 * STEP_Y + 84
    found = [line.alpha for line in plan.lines] + [one for block in (plan.layers or {}).values() for one in block]
    largest = max((abs(factor) for factor in found if factor is not None), default=0.0)
    marks = [
        *_axes(plan.stages),
        *(_path(line, "gone", THINNEST, 1.0) for line in plan.gone),
        *(_line(line, largest) for line in sorted(plan.lines, key=lambda x: abs(x.alpha or 0.0))),
        *_ends(plan),
        *(mark for node in plan.gone_blocks for mark in _box(node, None)),
        *(mark for node, channels in plan.widths.items() for mark in _box(node, channels)),
        *(mark for node, own in (plan.layers or {}).items() for mark in _layers(node, own, plan.depth, largest)),
        *_legend(plan, largest, height - 16),
    ]
    return Drawing(width=width, height=height, label=_label(plan), marks=marks, styles=STYLES)


def _supernet(spec: SuperNetSpec, alpha: Sequence[float] | None, full: bool) -> Plan:
    if alpha is not None and len(alpha) != len(spec.gated):
        raise ValueError(f"the network has {len(spec.gated)} importance factors, got {len(alpha)}")
    factor = {} if alpha is None else {one: float(a) for one, a in zip(spec.gated, alpha, strict=True)}
    lines = [
        OperationLine(start=(e.stage - 1, e.source), end=(e.stage, e.target), alpha=factor.get(e)) for e in spec.edges
    ]
    widths = {(1, 0): spec.width(1, 0)}
    widths |= {(s, k): spec.width(s, k) for s in range(2, spec.stages + 1) for k in spec.branches(s)}
    there = {(line.start, line.end) for line in lines}
    every = [((e.stage - 1, e.source), (e.stage, e.target)) for e in whole(spec).edges] if full else []
    gone = tuple(OperationLine(start=a, end=b, alpha=None) for a, b in every if (a, b) not in there)
    blocks = {end for _, end in every} - set(widths)
    layers: dict[BlockPlace, tuple[float | None, ...]] = {node: () for node in widths if node[0] < spec.stages}
    for body in spec.bodies:
        layers[body.stage, body.branch] += (factor.get(body),)
    return Plan(
        stages=spec.stages,
        widths=widths,
        lines=tuple(lines),
        gone=gone,
        gone_blocks=tuple(sorted(blocks)),
        layers=layers if spec.depth_factors or {*spec.depths} - {*whole(spec).depths} else None,
        depth=spec.depth,
    )


def _hrnet(spec: HRNetSpec) -> Plan:
    """HRNet in the same grid: a column a module, and the branches after the last fusion."""
    branches = [n for n, count in zip((2, 3, 4), spec.modules, strict=True) for _ in range(count)]
    branches.append(branches[-1])
    widths: dict[BlockPlace, int] = {(1, 0): spec.layer1[1]}
    links: list[tuple[BlockPlace, BlockPlace]] = [((1, 0), (2, 0)), ((1, 0), (2, 1))]
    for stage, count in enumerate(branches, start=2):
        widths |= {(stage, k): spec.widths[k] for k in range(count)}
        if stage > 2:
            before = branches[stage - 3]
            links += [((stage - 1, a), (stage, b)) for b in range(before) for a in range(before)]
            links += [((stage - 1, before - 1), (stage, b)) for b in range(before, count)]
    lines = tuple(OperationLine(start=a, end=b, alpha=None) for a, b in links)
    return Plan(stages=len(branches) + 1, widths=widths, lines=lines)


def _centre(node: BlockPlace) -> tuple[float, float]:
    return LEFT + (node[0] - 1) * STEP_X, TOP + node[1] * STEP_Y


def _path(line: OperationLine, kind: str, width: float, opacity: float) -> CurveMark:
    (x1, y1), (x2, y2) = _centre(line.start), _centre(line.end)
    x1, x2 = x1 + BLOCK_W / 2, x2 - BLOCK_W / 2
    y1, y2 = y1 + PORT * (line.end[1] - line.start[1]) / 1.5, y2 + PORT * (line.start[1] - line.end[1]) / 1.5
    bend = (x2 - x1) * 0.45
    title = f"stage {line.end[0]}, branch {line.start[1]} to {line.end[1]}"
    title += ": dropped" if kind == "gone" else "" if line.alpha is None else f": alpha {line.alpha:.4f}"
    points = ((x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2, y2))
    return CurveMark(points=points, kind=kind, width=width, opacity=opacity, title=title)


def _line(line: OperationLine, largest: float) -> CurveMark:
    if line.alpha is None:
        return _path(line, line.kind, 1.4, 0.85)
    share = abs(line.alpha) / largest if largest else 0.0
    return _path(line, line.kind, *_weight(share))


def _weight(share: float) -> tuple[float, float]:
    """Width and opacity of a line whose |alpha| is this share of the largest."""
    return THINNEST + (THICKEST - THINNEST) * share, 0.28 + 0.67 * share


def _box(node: BlockPlace, channels: int | None) -> Iterable[Mark]:
    x, y = _centre(node)
    h = BLOCK_H[node[1]]
    kind = "lost" if channels is None else "block"
    yield BoxMark(corner=(x - BLOCK_W / 2, y - h / 2), size=(BLOCK_W, h), radius=6, kind=kind)
    if channels is not None:
        yield TextMark(at=(x, y + 4), text=str(channels), kind="n")


def _layers(node: BlockPlace, own: Sequence[float | None], depth: int, largest: float) -> Iterable[Mark]:
    """A short line below a block for each residual body, faint for those that are gone."""
    x, y = _centre(node)
    step = BLOCK_W / depth
    for place in range(depth):
        left, below = x - BLOCK_W / 2 + place * step, y + BLOCK_H[node[1]] / 2 + 6
        factor = own[place] if place < len(own) else None
        width, opacity = _weight(abs(factor) / largest if largest else 0.0) if factor is not None else (2.6, 0.85)
        kind, title = ("scale", "") if place < len(own) else ("gone", ": dropped")
        title = f"stage {node[0]}, branch {node[1]}, layer {place + 1}{title}"
        yield CurveMark(
            points=((left + 1, below), (left + step - 1, below)),
            kind=kind,
            width=width if place < len(own) else THINNEST,
            opacity=opacity,
            title=title if factor is None else f"{title}: factor {factor:.4f}",
        )


def _axes(stages: int) -> Iterable[Mark]:
    for stage in range(1, stages + 1):
        name = f"stage {stage}" if stage == 1 else str(stage)
        yield TextMark(at=(_centre((stage, 0))[0], 22), text=name, kind="m")
    for branch in range(4):
        y = _centre((1, branch))[1]
        yield TextMark(at=(8, y - 2), text=f"branch {branch}", kind="l")
        yield TextMark(at=(8, y + 12), text=f"1/{4 * 2**branch} size", kind="s")


def _ends(plan: Plan) -> Iterable[Mark]:
    """The stem before the first block, and the head that reads every final block."""
    x, y = _centre((1, 0))
    yield CurveMark(points=((x - 40, y), (x - BLOCK_W / 2, y)), kind="io", width=1.4)
    yield TextMark(at=(x - 58, y + 4), text="stem", kind="io-t")
    last, head = _centre((plan.stages, 0))[0], _centre((plan.stages, 0))[0] + 66
    middle = TOP + 1.5 * STEP_Y
    for stage, branch in plan.widths:
        if stage == plan.stages:
            y = _centre((stage, branch))[1]
            x1, x2, to = last + BLOCK_W / 2, head - 4, middle + (branch - 1.5) * 14
            yield CurveMark(points=((x1, y), (x1 + 24, y), (x2 - 24, to), (x2, to)), kind="io", width=1.4)
    yield BoxMark(corner=(head - 4, middle - 36), size=(46, 72), radius=8, kind="block")
    yield TextMark(at=(head + 19, middle + 4), text="head", kind="n")


def _legend(plan: Plan, largest: float, y: float) -> Iterable[Mark]:
    x = 8
    named = {"same": "same size", "up": "up: 1x1 and bilinear", "down": "down: strided 3x3", "gone": "dropped"}
    present = {line.kind for line in plan.lines} | ({"gone"} if plan.gone else set())
    for kind, text in named.items():
        if kind in present:
            yield CurveMark(points=((x, y), (x + 26, y)), kind=kind, width=1.4 if kind == "gone" else 2.6)
            yield TextMark(at=(x + 32, y + 4), text=text, kind="l")
            x += 44 + round(6.6 * len(text))
    if largest:
        yield TextMark(at=(x + 8, y + 4), text="|alpha|: 0", kind="l")
        for index in range(5):
            width, opacity = _weight(index / 4)
            left = x + 68 + 20 * index
            yield CurveMark(points=((left, y), (left + 16, y)), kind="scale", width=width, opacity=opacity)
        yield TextMark(at=(x + 172, y + 4), text=f"{largest:.3g}", kind="l")


def _label(plan: Plan) -> str:
    blocks = len(plan.widths) - 1
    text = f"Architecture: {len(plan.lines)} operations into {blocks} blocks over {plan.stages} stages"
    return text + (f"; {len(plan.gone)} operations and {len(plan.gone_blocks)} blocks dropped" if plan.gone else "")
