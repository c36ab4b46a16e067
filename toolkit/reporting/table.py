"""Tables as values: for a page, of cells that carry the recorded number beside its text; for Markdown, of text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Tone = Literal["", "missing", "good", "bad"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell."""

    text: str
    value: str | None = None
    """The number as recorded, where the text is a rounded one."""
    tone: Tone = ""
    note: str = ""
    """A second, smaller line."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column's heading."""

    label: str
    unit: str = ""
    numeric: bool = True

    def words(self, *, whole: bool) -> str:
        """As it stands in a sentence, with its unit where its label alone would not tell."""
        label = self.label if self.label[:2].isupper() else self.label.lower()
        return f"{label} ({self.unit})" if whole and self.unit else label


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose first cell in each row names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: str = ""
    """What it has no columns for, since no row has anything there."""

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows)

    @property
    def lean(self) -> "Table":
        """The same without columns in which no row has anything, which left_out names."""
        empty = [i for i in range(1, len(self.columns)) if all(row[i].tone == "missing" for row in self.rows)]
        if not empty or not self.rows:
            return self
        left = [i for i in range(len(self.columns)) if i not in empty]
        kept = {self.columns[i].label for i in left}
        names = ", ".join(dict.fromkeys(self.columns[i].words(whole=self.columns[i].label in kept) for i in empty))
        return Table(
            caption=self.caption,
            columns=tuple(self.columns[i] for i in left),
            rows=tuple(tuple(row[i] for i in left) for row in self.rows),
            left_out=names,
        )


class TextTable(NamedTuple):
    """A table of text below its title."""

    title: str
    header: list[str]
    rows: list[list[str]]

    @property
    def markdown(self) -> str:
        """As it stands in a README file."""
        return f"{self.title}\n\n{markdown_table(self.header, self.rows)}"


NOT_MEASURED = Cell(text="not measured", tone="missing")
NOT_APPLICABLE = Cell(text="–", tone="missing")  # noqa: RUF001  # an en dash, as typeset tables have it


def number(value: Any) -> float | None:
    """A finite number, or None for anything else: null, text, NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def cell(
    value: Any, decimals: int = 2, *, scale: float = 1.0, sign: bool = False, missing: Cell = NOT_MEASURED
) -> Cell:
    """A number, divided by `scale` and rounded; `missing` where there is none."""
    found = number(value)
    if found is None:
        return missing
    text = f"{found / scale:{'+' if sign else ''},.{decimals}f}"
    if sign and not any(digit in text for digit in "123456789"):
        text = f"{0:.{decimals}f}"
    return Cell(text=text.replace("-", "\N{MINUS SIGN}"), value=repr(found))


def words(text: Any, note: str = "", tone: Tone = "") -> Cell:
    """A cell of text; `not measured` where there is none."""
    return NOT_MEASURED if text in (None, "") else Cell(text=str(text), note=note, tone=tone)


def size(value: Any) -> Cell:
    """Bytes as MB, with a decimal more below 1 MB."""
    found = number(value)
    return cell(value, 2 if found is not None and found >= 1e6 else 3, scale=1e6)


def duration(seconds: Any) -> Cell:
    """Seconds as hours and minutes."""
    found = number(seconds)
    if found is None:
        return NOT_MEASURED
    minutes, rest = divmod(round(found), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return Cell(text=text, value=repr(found))


def short_commit(commit: Any) -> str:
    """A commit's first ten digits, with the mark of uncommitted changes."""
    if not isinstance(commit, str) or not commit:
        return "not recorded"
    digits, _, changes = commit.partition("+")
    return digits[:10] + (" with uncommitted changes" if changes else "")


def headings(heads: Iterable[tuple[str, str, bool]]) -> tuple[Column, ...]:
    """Headings from label, unit, and whether the column holds numbers."""
    return tuple(Column(label=label, unit=unit, numeric=numeric) for label, unit, numeric in heads)


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A header and rows as Markdown; a bar within a cell, as in |alpha|, would end it and is escaped."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |" for cells in lines) + "\n"
