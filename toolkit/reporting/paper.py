"""The paper's own figures, and a table of ours beside them with their difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Published:
    """A table of the paper: of its own networks, the figures that stand in it."""

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float | None, ...]]
    """Of each network a figure for each column; a mean, where the paper gives a spread over seeds too."""
    decimals: int = 2


TEACHER, SUPERNET, SLIMMED, FIRST, SECOND = "HRNet", "HRSuperNet", "S-HRNet", "SD-HRNet 1", "SD-HRNet 2"
"""The networks, as the paper calls them."""
NOTHING, BY_TEACHER, BY_BOTH, MASKED = "none", "teacher", "teacher, peer", "teacher, peer, masked inputs"
"""Rows of Table 6."""

SUBSETS = ("Common", "Challenge", "Full")
PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "table1": Published(
            title="Parameters and multiply-accumulates",
            columns=("#Params (M)", "FLOPs (G)"),
            rows={
                TEACHER: (9.3, 4.3),
                SUPERNET: (3.27, 1.25),
                "SD-HRNet (300W)": (0.98, 0.59),
                "SD-HRNet (COFW)": (1.05, 0.60),
                "SD-HRNet (WFLW)": (1.32, 0.60),
            },
        ),
        "table2": Published(
            title="NME (%) on 300W",
            columns=SUBSETS,
            rows={
                TEACHER: (2.87, 5.15, 3.32),
                SUPERNET: (3.00, 5.28, 3.45),
                SLIMMED: (3.02, 5.44, 3.50),
                FIRST: (2.93, 5.32, 3.40),
                SECOND: (2.94, 5.33, 3.41),
            },
        ),
        "table3": Published(
            title="NME (%) on Masked 300W",
            columns=SUBSETS,
            rows={
                SUPERNET: (14.03, 20.52, 15.30),
                SLIMMED: (19.18, 29.37, 21.17),
                FIRST: (6.43, 11.05, 7.34),
                SECOND: (6.23, 10.72, 7.11),
            },
        ),
        "table4": Published(
            title="NME (%) and failure rate at 10 % on COFW",
            columns=("NME", "Failure rate"),
            rows={
                TEACHER: (3.45, 0.19),
                SUPERNET: (3.74, 0.59),
                SLIMMED: (3.69, 0.20),
                FIRST: (3.61, 0.12),
                SECOND: (3.63, 0.20),
            },
        ),
        "table5": Published(
            title="NME (%) on WFLW",
            columns=("Test", "Pose", "Expression", "Illumination", "Make-up", "Occlusion", "Blur"),
            rows={
                TEACHER: (4.60, 7.94, 4.85, 4.55, 4.29, 5.44, 5.42),
                SUPERNET: (4.83, 8.45, 5.10, 4.80, 4.85, 5.79, 5.53),
                SLIMMED: (4.98, 8.68, 5.33, 4.86, 4.88, 5.87, 5.70),
                FIRST: (4.93, 8.63, 5.31, 4.81, 4.76, 5.73, 5.56),
                SECOND: (4.96, 8.66, 5.35, 4.82, 4.81, 5.76, 5.61),
            },
        ),
        "table6": Published(
            title="NME (%) on 300W, full, by the parts of distillation",
            columns=("NME",),
            rows={NOTHING: (3.50,), BY_TEACHER: (3.46,), BY_BOTH: (3.44,), MASKED: (3.39,)},
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A method in the paper's Figure 1: what it costs, and its error on 300W."""

    name: str
    params_m: float
    gmacs: float
    nme: float


FIGURE1 = tuple(
    Compared(name=name, params_m=params, gmacs=gmacs, nme=nme)
    for name, params, gmacs, nme in (
        ("SAN", 57.4, 10.7, 3.98),
        ("LAB", 25.1, 19.1, 3.49),
        ("HRNet", 9.3, 4.3, 3.32),
        ("AWing", 24.15, 26.79, 3.07),
        ("BL+AFS", 14.29, 3.10, 3.35),
        ("LGSA", 18.64, 15.69, 3.36),
        ("SLPT", 13.18, 5.17, 3.17),
        ("MobileFAN", 2.02, 0.72, 3.45),
        ("EfficientFAN", 4.19, 0.79, 3.42),
        ("EFLD", 2.3, 1.7, 3.32),
        ("mnv2-KD", 2.4, 0.6, 4.06),
        ("SD-HRNet", 0.98, 0.59, 3.40),
    )
)
"""Those that have a count in Table 1 and an error in Table 2."""

Values = tuple[Sequence[float | None], ...]
"""For each column what was found, once a seed; None where it cannot be formed."""


def beside(published: Published, found: Mapping[str, Values]) -> str:
    """A Markdown table: of each column the paper's figure, ours with its spread over seeds, and the difference.

    Args:
        published: the paper's.
        found: of each network that was measured; rows that the paper does not have stand below its own.
    """
    heads = [f"{column}: {what}" for column in published.columns for what in ("paper", "here", "difference")]
    lines = [f"| | {' | '.join(heads)} |", f"|---{'|---:' * len(heads)}|"]
    for name in dict.fromkeys((*published.rows, *found)):
        theirs = published.rows.get(name, (None,) * len(published.columns))
        ours: Values = found.get(name, ((),) * len(published.columns))
        cells = [
            cell for pair in zip(theirs, ours, strict=True) for cell in _three(pair[0], pair[1], published.decimals)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _three(paper: float | None, values: Sequence[float | None], decimals: int) -> tuple[str, str, str]:
    known = [value for value in values if value is not None]
    theirs = "-" if paper is None else f"{paper:.{decimals}f}"
    if not known:
        return theirs, "not measured", "-"
    spread = f" ± {stdev(known):.{decimals}f}" if len(known) > 1 else ""
    difference = "-" if paper is None else f"{mean(known) - paper:+.{decimals}f}"
    return theirs, f"{mean(known):.{decimals}f}{spread}", difference
