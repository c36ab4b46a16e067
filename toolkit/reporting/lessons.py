"""The pictures of the course, each one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.models.spec import Spec
from toolkit.reporting.architecture import drawing
from toolkit.reporting.charts import LABEL_PT, LIGHT, log_scale, styled
from toolkit.reporting.drawing import png, svg
from toolkit.reporting.picture import Picture, animation, painted, rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = tuple(LIGHT[stage] for stage in ("teacher", "distil", "slim", "supernet", "shape", "baseline"))
MARKERS = "os^Dv*"
FEW = 12
"""Up to so many points of a face are drawn large."""
WIDE_IN = 7.8
"""Of a row of pictures, where they are few; none is wider than a third of it."""


@styled()
def faces(
    images: Sequence[ImageArray], *points: Sequence[FloatArray], alt: str, titles: Sequence[str] = (), columns: int = 6
) -> Picture:
    """Crops side by side, with one or more sets of points in the order blue, orange, green.

    Args:
        images: (S, S, 3) RGB each.
        points: of each set (M, 2) for each image, in its pixels.
        alt: what there is to see.
        titles: one for each image, or none.
        columns: of the grid.
    """
    figure, axes = _grid(len(images), columns)
    for place, (one, image) in enumerate(zip(axes, images, strict=True)):
        one.imshow(image)
        for number, found in enumerate(points):
            x, y = np.asarray(found[place]).T
            one.scatter(x, y, s=9 if len(x) > FEW else 30, color=COLOURS[number], edgecolors="white", linewidths=0.4)
        one.set_xlim(-0.5, image.shape[1] - 0.5)
        one.set_ylim(image.shape[0] - 0.5, -0.5)
        _bare(one, titles[place] if titles else "")
    return painted(figure, alt, strict=False)


@styled()
def over(image: ImageArray, maps: Mapping[str, FloatArray], *, alt: str, columns: int = 5) -> Picture:
    """Heatmaps (h, w), by title, as colour over the same face in light gray; both cover the same square."""
    light = 255 - (255 - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)) * 0.6
    side = image.shape[0]
    edges = (-0.5, side - 0.5, side - 0.5, -0.5)
    figure, axes = _grid(len(maps), columns)
    for one, (title, values) in zip(axes, maps.items(), strict=True):
        one.imshow(light, cmap="gray", vmin=0, vmax=255, extent=edges)
        one.imshow(values, cmap="autumn_r", vmin=0, vmax=1, extent=edges, alpha=np.clip(values, 0, 0.85))
        _bare(one, title)
    return painted(figure, alt)


@styled()
def grids(tables: Mapping[str, FloatArray], *, alt: str, digits: int = 1) -> Picture:
    """Small matrices, by title, with their values in them."""
    figure, axes = _grid(len(tables), len(tables), side_in=2.6)
    for one, (title, table) in zip(axes, tables.items(), strict=True):
        one.imshow(table, cmap="Blues")
        middle = (float(table.max()) + float(table.min())) / 2
        for (row, column), value in np.ndenumerate(table):
            ink = "white" if value > middle else "black"
            one.text(column, row, f"{value:.{digits}f}", ha="center", va="center", fontsize=7, color=ink)
        _bare(one, title)
    return painted(figure, alt)


@styled()
def lines(
    x: Sequence[float] | FloatArray,
    rows: Mapping[str, Sequence[float] | FloatArray],
    *,
    across: str,
    up: str,
    alt: str,
    log: bool = False,
) -> Picture:
    """Lines by name over the same places; `across` and `up` name the axes."""
    figure, axes = _plot(across, up)
    for number, (name, values) in enumerate(rows.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        axes.plot(x, values, marker=marker, markersize=4 if len(x) < 40 else 0, color=colour, label=name)
    if log:
        log_scale(axes, "y", [float(value) for values in rows.values() for value in values])
    _legend(axes, rows)
    return painted(figure, alt)


@styled()
def dots(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    across: str,
    up: str,
    alt: str,
    names: Mapping[str, Sequence[str]] | None = None,
    steps: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Picture:
    """Dots by group, each with a name where there are `names`; `steps` is a line of stairs through some of them."""
    figure, axes = _plot(across, up)
    if steps:
        axes.step(*steps, where="post", color=COLOURS[-1], zorder=0)
    for number, (group, (x, y)) in enumerate(groups.items()):
        axes.scatter(x, y, color=COLOURS[number], marker=MARKERS[number], label=group)
        for text, a, b in zip((names or {}).get(group, ()), x, y, strict=True) if names else ():
            axes.annotate(text, (a, b), (5, 5), textcoords="offset points", fontsize=LABEL_PT)
    axes.margins(0.18)
    _legend(axes, groups)
    return painted(figure, alt)


@styled()
def bars(values: Mapping[str, Mapping[str, float]], *, across: str, alt: str, digits: int = 2) -> Picture:
    """Horizontal bars by name, in a colour for each series: {series: {name: value}}."""
    rows = list(dict.fromkeys(name for series in values.values() for name in series))
    figure, axes = _plot(across, "", height_in=0.8 + 0.3 * len(rows) * max(1, 0.7 * len(values)))
    thick = 0.8 / len(values)
    for number, (series, found) in enumerate(values.items()):
        places = [rows.index(name) + thick * (number - (len(values) - 1) / 2) for name in found]
        made = axes.barh(places, list(found.values()), 0.9 * thick, color=COLOURS[number], label=series)
        axes.bar_label(made, fmt=f"%.{digits}f", padding=3, fontsize=LABEL_PT)
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    _legend(axes, values)
    return painted(figure, alt)


@styled()
def histogram(values: Mapping[str, FloatArray], *, across: str, alt: str, log: bool = False) -> Picture:
    """How often values lie where, by name."""
    figure, axes = _plot(across, "how many")
    bins, most = np.histogram_bin_edges(np.concatenate([np.ravel(v) for v in values.values()]), 40), 1.0
    for number, (name, found) in enumerate(values.items()):
        counts, _, _ = axes.hist(np.ravel(found), list(bins), color=COLOURS[number], alpha=0.6, label=name)
        most = max(most, float(np.max(counts)))
    if log:
        log_scale(axes, "y", (1.0, most))
    _legend(axes, values)
    return painted(figure, alt)


@styled()
def falling(history: FloatArray, *, alt: str, ms: int = 150) -> Picture:
    """Factors (steps, factors) as bars that move from step to step, sorted by where they end."""
    last = np.abs(history[-1])
    order = np.argsort(last)
    frames = []
    for number, factors in enumerate(history):
        figure, axes = _plot("operations, by their last factor", "|alpha|", height_in=2.6)
        axes.bar(range(len(order)), np.abs(factors)[order], width=1, color=COLOURS[0])
        axes.set_ylim(0, 1.05 * float(np.abs(history).max()))
        axes.set_title(f"step {number} of {len(history) - 1}", fontsize=9)
        frames.append(rgb(painted(figure, alt).png))
    return animation(frames, alt=alt, ms=ms)


def magnified(
    image: ImageArray, corner_xy: tuple[float, float], side_px: int, points: FloatArray, *, scale: int
) -> ImageArray:
    """A square of a picture, each pixel `scale` times as wide, with points (M, 2) of the picture as dots."""
    left, top = round(corner_xy[0]), round(corner_xy[1])
    part = image[top : top + side_px, left : left + side_px]
    large = np.repeat(np.repeat(part, scale, axis=0), scale, axis=1).copy()
    for x, y in (np.asarray(points) - (left, top) + 0.5) * scale - 0.5:
        cv2.circle(large, (round(x), round(y)), scale, (255, 255, 255), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(large, (round(x), round(y)), scale - 2, (0, 114, 178), cv2.FILLED, cv2.LINE_AA)
    return np.asarray(large, np.uint8)


def film(images: Sequence[ImageArray], rounds: Sequence[Sequence[FloatArray]], *, alt: str, ms: int = 350) -> Picture:
    """The same crops with the points of one round after another, as a picture that moves."""
    frames = []
    for number, points in enumerate(rounds, start=1):
        titles = [f"round {number} of {len(rounds)}", *[""] * (len(images) - 1)]
        frames.append(rgb(faces(images, points[: len(images)], alt=alt, titles=titles).png))
    return animation(frames, alt=alt, ms=ms)


def network(spec: Spec, alpha: Sequence[float] | None = None) -> Picture:
    """An architecture; a line is the wider the larger its factor, and what went is faint."""
    drawn = drawing(spec, alpha)
    return Picture(png=png(drawn, scale=1.0), alt=drawn.label, svg=svg(drawn, "arch"))


@dataclass(frozen=True)
class Slider:
    """Widgets that need no running kernel, with words for a page without any."""

    panel: Any

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {**self.panel._repr_mimebundle_(), "text/plain": "a slider, where notebooks have widgets"}


def slider(pages: Mapping[str, tuple[str, Picture]], *, what: str) -> Slider:
    """Sentences and pictures by the slider's places."""
    from ipywidgets import HTML, Layout, SelectionSlider, Stack, VBox, jslink

    shown = [HTML(f"<p>{words}</p>{picture.svg}") for words, picture in pages.values()]
    wide = Layout(width="100%")
    moved = SelectionSlider(options=list(pages), description=what, layout=wide)
    stack = Stack(shown, selected_index=0, layout=wide)
    jslink((moved, "index"), (stack, "selected_index"))
    return Slider(VBox([moved, stack], layout=wide))


def _plot(across: str, up: str, height_in: float = 3.2) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height_in), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def _grid(count: int, columns: int, side_in: float = 1.9) -> tuple["Figure", list["Axes"]]:
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows, side_in = -(-count // columns), max(side_in, min(2.6, WIDE_IN / columns))
    figure = Figure(figsize=(side_in * columns, (side_in + 0.25) * rows), layout="constrained")
    every = np.ravel(figure.subplots(rows, columns, squeeze=False)).tolist()
    for unused in every[count:]:
        unused.remove()
    return figure, every[:count]


def _bare(axes: "Axes", title: str) -> None:
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.set_title(title, fontsize=9)


def _legend(axes: "Axes", names: Mapping[str, object]) -> None:
    if len(names) > 1 or any(names):
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)
