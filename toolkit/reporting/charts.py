"""Plots of a page: its colours, and Matplotlib as an SVG writer; text stays text, colours follow the theme.

Hues follow Okabe and Ito (2008), shifted in lightness until they stand out from the paper; no meaning rests on hue
alone: lines also differ in their dashes, dots in their shape, and states are spelt out.
"""

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from toolkit.core.provenance import install
from toolkit.reporting.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARK = 'class="plot" role="img" data-plot='
"""What tells a plot of ours from what somebody else put in its place."""
LIGHT = MappingProxyType(
    {
        "paper": "#fcfcfa",
        "card": "#f3f3ef",
        "ink": "#1c2127",
        "muted": "#59626d",
        "grid": "#dcdcd6",
        "accent": "#00629b",
        "good": "#00694e",
        "bad": "#a93f00",
        "teacher": "#0072b2",
        "supernet": "#a4508b",
        "slim": "#00795c",
        "distil": "#c2500a",
        "shape": "#7a6200",
        "baseline": "#6b7280",
        "kept": "#0072b2",
        "dropped": "#c2500a",
        "dead": "#6b7280",
        "same": "#00795c",
        "up": "#c2500a",
        "down": "#0072b2",
        "faint": "#b9bcc1",
    }
)
DARK = MappingProxyType(
    {
        "paper": "#14171b",
        "card": "#1d2126",
        "ink": "#e9ebed",
        "muted": "#a6aeb8",
        "grid": "#343a42",
        "accent": "#7cc4f0",
        "good": "#4fd0a8",
        "bad": "#ffa366",
        "teacher": "#5bb5ea",
        "supernet": "#e39cc8",
        "slim": "#3ccba0",
        "distil": "#ff9a57",
        "shape": "#e3c65b",
        "baseline": "#9aa3ae",
        "kept": "#5bb5ea",
        "dropped": "#ff9a57",
        "dead": "#9aa3ae",
        "same": "#3ccba0",
        "up": "#ff9a57",
        "down": "#5bb5ea",
        "faint": "#4b525b",
    }
)
_STAND_INS = MappingProxyType({name: f"#{0x5AB300 + index:06x}" for index, name in enumerate(LIGHT)})
DASHES: dict[str, Any] = {
    "teacher": "-",
    "supernet": (0, (5, 2)),
    "slim": (0, (1, 1.6)),
    "distil": "-",
    "shape": (0, (5, 1, 1, 1)),
    "baseline": (0, (4, 2, 1, 2)),
}
"""Of a line, by its stage."""
SIZE_IN = (5.4, 3.5)
"""Of a plot, chosen so that its text stays readable at the width of a phone."""
LABEL_GAP = 0.075
"""Least distance of two labels at a line's end, as a share of the axes' height."""
LABEL_PT, LETTER_PT, LINE_PT = 9.5, 5.6, 13.0
"""Of a dot's name, in typographic points: size, width of a letter at most on average, height of a line."""
DOT_PT, FAR_PT = 5.0, 20.0
"""Half of a dot's room, and how far away a name needs a line to its dot."""
_AROUND = tuple(
    (radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle)))
    for radius in (9.0, 13.0, 18.0, 25.0, 34.0, 45.0, 58.0, 72.0)
    for angle in (45, -45, 135, -135, 90, -90, 0, 180, 20, -20, 160, -160, 68, -68, 112, -112)
)
"""Where a name may stand, in points from its dot: the nearest first."""
FEWEST_TICKS, MOST_TICKS = 3, 9
POINT_PX = 4 / 3
"""A typographic point in CSS pixels."""
MATPLOTLIB = "matplotlib"
UNDRAWN = '<svg viewBox="0 0 640 40"><text x="8" y="24" fill="{ink}">Drawn where Matplotlib is: {install}</text></svg>'
"""What a page has in place of a plot where there is no Matplotlib; every plot has its figures in a table, too."""


def stand_in(name: str) -> str:
    """A colour that a plot is drawn in until `themed` puts the page's in its place."""
    return _STAND_INS[name]


def themed(svg: str) -> str:
    """A drawing whose stand-in colours are the page's variables, so that it follows light and dark."""
    for name, colour in _STAND_INS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def css() -> str:
    """The variables of both themes."""
    light, dark = (" ".join(f"--{name}: {colour};" for name, colour in colours.items()) for colours in (LIGHT, DARK))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One figure of the page."""

    title: str
    words: str
    """What it shows and how to read it, for someone who has not seen one."""
    svg: str
    table: Table


@contextmanager
def styled(colour: Callable[[str], str] = LIGHT.__getitem__, key: str = "") -> Iterator[None]:
    """Draw plots in the one style of pages and notebooks.

    Args:
        colour: a colour by its name in LIGHT: the light theme's where a picture cannot follow the page's.
        key: what makes the names inside an SVG repeatable.
    """
    from matplotlib import style

    with style.context(["default", _settings(key, colour)]):
        yield


def chart(
    key: str, label: str, draw: Callable[["Axes"], None], *, legend: int = 0, size_in: tuple[float, float] = SIZE_IN
) -> str:
    """An inline SVG.

    Args:
        key: unique on the page; it makes the drawing's internal names unique and repeatable.
        label: what a screen reader says in place of the picture.
        draw: draws on the axes.
        legend: columns of a legend above the axes, or 0 for none.
        size_in: width and height in inches.

    Returns:
        The drawing, or UNDRAWN.
    """
    if find_spec(MATPLOTLIB) is None:
        return _inline(UNDRAWN.format(ink=stand_in("muted"), install=escape(install("report"))), key, label)
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with styled(stand_in, key):
        figure = Figure(figsize=size_in, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        draw(axes)
        if legend:
            figure.legend(loc="outside upper left", ncols=legend, frameon=False, borderaxespad=0.2)
        buffer = io.StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue(), key, label)


def standalone(svg: str) -> str:
    """A drawing of `chart` as a file of its own, which follows light and dark as the page does.

    Raises:
        ModuleNotFoundError: there is no Matplotlib, so that there is no drawing.
    """
    if find_spec(MATPLOTLIB) is None:
        raise ModuleNotFoundError(f"no {MATPLOTLIB}", name=MATPLOTLIB)
    opening, rest = svg.split(">", 1)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', opening)
    assert box is not None  # charts and drawings have one
    opening += f' width="{float(box[1]) * POINT_PX:.0f}" height="{float(box[2]) * POINT_PX:.0f}"'
    style = f"{css()}\nsvg{{background:var(--paper)}} text{{font-family:system-ui,sans-serif}}"
    return f"{opening}><style>{style}</style>{rest}\n"


def end_labels(axes: "Axes", ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Name lines at their right ends, (x, y, text, colour) each, moving names apart where lines end close together."""
    axes.get_xlim(), axes.get_ylim()  # settles the scales
    to_axes = axes.transData + axes.transAxes.inverted()
    shares = {index: float(to_axes.transform(end[:2])[1]) for index, end in enumerate(ends)}
    lowest = -1.0
    places = {}
    for index in sorted(shares, key=lambda i: shares[i]):
        lowest = max(shares[index], lowest + LABEL_GAP)
        places[index] = lowest
    for index, (_, _, text, colour) in enumerate(ends):
        axes.text(1.02, places[index], text, transform=axes.transAxes, color=colour, va="center", clip_on=False)


def dot_labels(axes: "Axes", dots: Sequence[tuple[float, float, str, str]]) -> None:
    """Name dots, (x, y, text, colour) each, at the nearest of some places that is free, with a line from afar.

    Limits must be set before. A text of which no place is free is left out: the table below the plot has it.
    """
    from matplotlib.transforms import Bbox

    if not dots:
        return
    figure = axes.get_figure(root=True)
    assert figure is not None  # axes that are drawn on belong to one
    figure.draw_without_rendering()  # lays it out
    pixels = figure.dpi / 72
    frame, centres = axes.get_window_extent(), axes.transData.transform([dot[:2] for dot in dots])
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(DOT_PT * pixels) for x, y in centres]
    for (x, y), (across, up, text, colour) in zip(centres, dots, strict=True):
        width, height = LETTER_PT * len(text), LINE_PT
        for dx, dy in _AROUND:
            side = "left" if dx > 3 else "right" if dx < -3 else "center"
            left = dx - {"left": 0.0, "right": width, "center": width / 2}[side]
            box = Bbox.from_bounds(x + pixels * left, y + pixels * (dy - height / 2), pixels * width, pixels * height)
            inside = frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)
            if inside and not box.count_overlaps(taken):
                break
        else:
            continue
        taken.append(box)
        line = {"arrowstyle": "-", "color": stand_in("faint"), "shrinkA": 1, "shrinkB": 4}
        axes.annotate(
            text,
            (across, up),
            (dx, dy),
            textcoords="offset points",
            color=colour,
            fontsize=LABEL_PT,
            ha=side,
            va="center",
            arrowprops=line if math.hypot(dx, dy) > FAR_PT else None,
        )


def log_scale(axes: "Axes", side: Literal["x", "y"], values: Sequence[float]) -> None:
    """A logarithmic scale around positive values, with ticks at round numbers, written out."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    axes.set(**{f"{side}scale": "log"})
    low, high = min(values) / 1.15, max(values) * 1.15
    axes.set(**{f"{side}lim": (low, high)})
    steps = [base * 10.0**power for power in range(-9, 10) for base in (1, 2, 3, 5, 7)]
    inside = [s for s in steps if low <= s <= high]
    if len(inside) < FEWEST_TICKS:  # a short range, which is nearly linear
        inside = [
            float(s)
            for s in MaxNLocator(MOST_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(low, high)
            if low <= s <= high
        ]
    while len(inside) > MOST_TICKS:
        inside = inside[::2]
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def bent_scale(axes: "Axes", near: float, low: float, high: float) -> None:
    """A vertical scale that is linear within `near` of 0 and logarithmic beyond, for values of either sign."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_yscale("symlog", linthresh=near)
    axes.set_ylim(min(1.3 * low, -1.3 * near), max(1.3 * high, 1.3 * near))
    decades = [d for d in (10.0**power for power in range(-9, 4)) if d >= near]
    axes.yaxis.set_major_locator(FixedLocator([*(-d for d in decades), 0.0, *decades]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))


def _settings(key: str, colour: Callable[[str], str]) -> dict[str, Any]:
    ink, muted, grid = colour("ink"), colour("muted"), colour("grid")
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "text.parse_math": False,
        "font.size": 11,
        "text.color": ink,
        "axes.labelcolor": muted,
        "axes.edgecolor": muted,
        "xtick.color": muted,
        "ytick.color": muted,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": grid,
        "grid.linewidth": 0.7,
        "axes.linewidth": 0.8,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "legend.fontsize": 10.5,
        "legend.handlelength": 1.9,
        "legend.columnspacing": 1.0,
    }


def _inline(svg: str, key: str, label: str) -> str:
    """The drawing without what only a file needs, named, sized by the page and in its colours and letters."""
    opening = re.search(r"<svg[^>]*>", svg)
    assert opening is not None
    box = re.search(r'viewBox="([^"]*)"', opening.group())
    assert box is not None
    body = svg[opening.end() :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<(g|text) id="[^"]*"', r"<\1", body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font-size: \1", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r' d="[^"]*"', lambda d: re.sub(r"(\.\d\d)\d+", r"\1", d.group()), body)
    attributes = f'{MARK}"{escape(key)}" aria-label="{escape(label)}" viewBox="{box.group(1)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{themed(body).strip()}'
