"""A drawing as data: lines, boxes and words, and the two ways to write it, SVG and PNG."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from toolkit.reporting.charts import DARK, LIGHT

if TYPE_CHECKING:
    from matplotlib.patches import Patch

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CurveMark:
    """A line through two points, or a cubic Bezier curve of four."""

    points: tuple[Point, ...]
    kind: str
    width: float
    opacity: float = 1.0
    title: str = ""
    """What it says under the pointer."""

    def __post_init__(self) -> None:
        assert len(self.points) in (2, 4)


@dataclass(frozen=True, kw_only=True)
class BoxMark:
    """A rectangle with round corners."""

    corner: Point
    size: Point
    radius: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class TextMark:
    """A line of text, its baseline at `at`."""

    at: Point
    text: str
    kind: str


Mark = CurveMark | BoxMark | TextMark


@dataclass(frozen=True, kw_only=True)
class MarkStyle:
    """How marks of one kind look; colours are names of the palette."""

    stroke: str = ""
    fill: str = ""
    dashed: bool = False
    size: int = 12
    bold: bool = False
    centred: bool = True


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Marks on a plane, the first ones below."""

    width: float
    height: float
    label: str
    """What a screen reader says in place of the picture."""
    marks: Sequence[Mark]
    styles: Mapping[str, MarkStyle]
    """By the marks' kinds."""


def svg(drawing: Drawing, name: str) -> str:
    """The drawing as SVG that stands alone or inside a page, light and dark; classes begin with `name`."""
    size = f'width="{drawing.width:g}" height="{drawing.height:g}"'
    box = f'class="{name}" viewBox="0 0 {drawing.width:g} {drawing.height:g}" {size} role="img"'
    label = escape(drawing.label, quote=True)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} aria-label="{label}">',
            f"<style>{_css(drawing, name)}</style>",
            *(_element(mark, name) for mark in drawing.marks),
            "</svg>",
        ]
    )


def _element(mark: Mark, name: str) -> str:
    match mark:
        case CurveMark(points=points):
            where = f"M{points[0][0]:g} {points[0][1]:g}"
            where += "L" if len(points) == 2 else "C"
            where += " ".join(f"{x:g} {y:g}" for x, y in points[1:])
            style = f'stroke-width="{mark.width:.2f}" opacity="{mark.opacity:.2f}"'
            title = f"<title>{escape(mark.title)}</title>" if mark.title else ""
            return f'<path class="{name}-{mark.kind}" {style} d="{where}">{title}</path>'
        case BoxMark():
            (x, y), (w, h) = mark.corner, mark.size
            place = f'x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{mark.radius:g}"'
            return f'<rect class="{name}-{mark.kind}" {place}/>'
        case TextMark():
            x, y = mark.at
            return f'<text class="{name}-{mark.kind}" x="{x:g}" y="{y:g}">{escape(mark.text)}</text>'


def _css(drawing: Drawing, name: str) -> str:
    def colours(theme: Mapping[str, str]) -> str:
        rules = ""
        for kind, style in drawing.styles.items():
            own = f"stroke:{theme[style.stroke]};" if style.stroke else ""
            own += f"fill:{theme[style.fill]};" if style.fill else ""
            rules += f".{name}-{kind}{{{own}}}"
        return rules

    fixed = f".{name} path{{fill:none;stroke-linecap:round}}.{name} text{{font-family:system-ui,sans-serif}}"
    for kind, style in drawing.styles.items():
        own = "stroke-dasharray:3 3;" if style.dashed else ""
        own += f"font-size:{style.size}px;text-anchor:{'middle' if style.centred else 'start'};"
        own += "font-weight:600;" if style.bold else ""
        fixed += f".{name}-{kind}{{{own}}}"
    return f"{fixed}{colours(LIGHT)}@media(prefers-color-scheme:dark){{{colours(DARK)}}}"


def png(drawing: Drawing, scale: float = 2.0) -> bytes:
    """The drawing as a PNG on the light theme's paper, `scale` pixels to its unit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), dpi=72 * scale, facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    for order, mark in enumerate(drawing.marks):
        style = drawing.styles[mark.kind]
        if isinstance(mark, TextMark):
            axes.text(
                *mark.at, mark.text, color=LIGHT[style.fill], fontsize=0.92 * style.size, zorder=order,
                fontweight="bold" if style.bold else "normal", ha="center" if style.centred else "left",
                parse_math=False,
            )  # fmt: skip
        else:
            axes.add_patch(_patch(mark, style, order))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=LIGHT["paper"], metadata={"Software": None})
    return buffer.getvalue()


def _patch(mark: CurveMark | BoxMark, style: MarkStyle, order: int) -> "Patch":
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    edge = LIGHT[style.stroke] if style.stroke else "none"
    if isinstance(mark, CurveMark):
        codes = [Path.MOVETO, *([Path.LINETO] if len(mark.points) == 2 else [Path.CURVE4] * 3)]
        return PathPatch(
            Path(mark.points, codes), facecolor="none", edgecolor=edge, linewidth=mark.width, alpha=mark.opacity,
            capstyle="round", zorder=order,
        )  # fmt: skip
    return FancyBboxPatch(
        mark.corner, *mark.size, boxstyle=f"round,pad=0,rounding_size={mark.radius}", edgecolor=edge, linewidth=1.2,
        facecolor=LIGHT[style.fill] if style.fill else "none", linestyle=(0, (3, 3)) if style.dashed else "-",
        zorder=order,
    )  # fmt: skip
