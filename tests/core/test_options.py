"""Options are of their kinds, whoever makes them: a notebook gets the errors of the command line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from toolkit.core.options import Options


@dataclass(frozen=True, kw_only=True)
class Example(Options):
    """One option of every kind."""

    remove: Literal["operations", "channels"] = "operations"
    precisions: tuple[Literal["float32", "int8"], ...] = ()
    size: int | None = None
    lr: float = 1e-3
    out: Path | None = None
    augment: dict[str, float] = field(default_factory=dict)
    quiet: bool = False


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"remove": "chanels"}, "--remove must be operations or channels, got 'chanels'"),
        ({"precisions": ("int4",)}, "--precisions must be a tuple, each float32 or int8"),
        ({"size": 64.5}, "--size must be a whole number or None, got 64.5"),
        ({"size": True}, "--size must be a whole number or None, got True"),
        ({"lr": float("nan")}, "--lr must be a finite number, got nan"),
        ({"lr": "1e-3"}, "--lr must be a finite number, got '1e-3'"),
        ({"out": "runs/mine"}, "--out must be a path or None, got 'runs/mine'"),
        ({"augment": {"jpeg": float("inf")}}, "--augment must be a dict, each a finite number"),
        ({"quiet": 1}, "--quiet must be bool, got 1"),
    ],
)
def test_a_value_of_another_kind_is_refused(wrong: dict[str, Any], message: str) -> None:
    """The message has the option, what it takes and what was given."""
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(").replace("[", r"\[")):
        Example(**wrong)


def test_what_fits_is_taken() -> None:
    """Whole numbers where any number goes, lists where tuples go."""
    made = Example(precisions=["int8"], size=64, lr=1, out=Path("x"), augment={"jpeg": 1})  # type: ignore[arg-type]
    assert made.lr == 1
