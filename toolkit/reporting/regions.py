"""Where on the face the error lies: a drawn face whose parts are as strong as their error is large."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.reporting.charts import Plot, chart, stand_in
from toolkit.reporting.run import TITLES, DataSplit, Run
from toolkit.reporting.table import Column, Table, cell, mapping, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST_PT = 11.0
"""Of the line of the region with the largest error; others in proportion."""


def _arc(x: float, y: float, wide: float, high: float, start: float = 0.0, end: float = 360.0) -> FloatArray:
    """(33, 2) along an ellipse around (x, y), angles in degrees, y pointing down."""
    angles = np.radians(np.linspace(start, end, 33))
    return np.stack([x + wide * np.cos(angles), y + high * np.sin(angles)], axis=1)


FACE = MappingProxyType(
    {
        "contour": (_arc(0.0, -0.1, 1.0, 1.3, 0.0, 180.0),),
        "brows": (_arc(-0.48, -0.3, 0.3, 0.14, 190.0, 350.0), _arc(0.48, -0.3, 0.3, 0.14, 190.0, 350.0)),
        "eyes": (_arc(-0.46, -0.08, 0.2, 0.09), _arc(0.46, -0.08, 0.2, 0.09)),
        "nose": (np.array([(0.0, -0.1), (0.0, 0.36)]), _arc(0.0, 0.36, 0.19, 0.1, 20.0, 160.0)),
        "mouth": (_arc(0.0, 0.74, 0.36, 0.15), np.array([(-0.36, 0.74), (0.36, 0.74)])),
    }
)
"""Lines of each region, eye corners about one unit apart."""
NAMED_AT = MappingProxyType(
    {
        "contour": (-1.12, 0.75),
        "brows": (-0.85, -0.55),
        "eyes": (1.12, -0.08),
        "nose": (1.12, 0.33),
        "mouth": (1.12, 0.74),
    }
)
"""Where each name stands, beside the face."""


def face(run: Run, where: DataSplit) -> Plot | None:
    """The error of the last network's regions on a face; None where it was not measured."""
    scored = [(stage, record) for stage in TITLES if (record := run.score(stage, where)) is not None]
    for stage, record in reversed(scored):
        found = {name: number(mapping(record.get("nme_regions")).get(name)) for name in FACE}
        errors = {name: error for name, error in found.items() if error is not None}
        if len(errors) == len(FACE):
            return _plot(run.title(stage), errors, where)
    return None


def _plot(network: str, errors: dict[str, float], where: DataSplit) -> Plot:
    def draw(axes: "Axes") -> None:
        worst = max(errors.values())
        for name, lines in FACE.items():
            colour = stand_in("distil" if errors[name] == worst else "teacher")
            for line in lines:
                axes.plot(*line.T, color=colour, linewidth=WIDEST_PT * errors[name] / worst)
            x, y = NAMED_AT[name]
            side = "right" if x < 0 else "left"
            axes.text(x, y, f"{name} {errors[name]:.1f} %", ha=side, va="center", color=colour)
        axes.set(xlim=(-2.1, 2.1), ylim=(1.4, -0.75), aspect="equal")
        axes.set_axis_off()

    rows = tuple((words(name.capitalize()), cell(error)) for name, error in errors.items())
    return Plot(
        title="Where on the face",
        words=f"NME by region, {network.lower()}: the thicker a part is drawn, the larger its error. The largest is "
        "orange.",
        svg=chart("regions", "A drawn face whose parts are as thick as their error is large", draw),
        table=Table(
            caption=f"NME by region on {where}: {network.lower()}",
            columns=(Column(label="Region", numeric=False), Column(label="NME", unit="%")),
            rows=rows,
        ),
    )
