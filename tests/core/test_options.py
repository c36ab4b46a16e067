"""Options are of their kinds, whoever makes them: a notebook gets the errors of the command line."""

import re
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
    seed: int = 0
    threads: tuple[int, ...] = (1,)
    faces: int = 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"remove": "chanels"}, '--remove: expected one of "channels", "operations", got "chanels"'),
        ({"precisions": ("int4",)}, '--precisions[0]: expected one of "float32", "int8", got "int4"'),
        ({"size": 64.5}, "--size: expected a whole number or null, got 64.5"),
        ({"size": True}, "--size: expected a whole number or null, got true"),
        ({"lr": float("nan")}, "--lr: expected finite numbers, got nan"),
        ({"lr": "1e-3"}, '--lr: expected a number, got "1e-3"'),
        ({"out": "runs/mine"}, '--out: expected a path or null, got "runs/mine"'),
        ({"augment": {"jpeg": float("inf")}}, "--augment: expected finite numbers, got {'jpeg': inf}"),
        ({"quiet": 1}, "--quiet: expected true or false, got 1"),
        ({"size": 99_999_999}, "--size must be at most 4,096, got 99999999"),
        ({"seed": 10**20}, "--seed must be at most 4,294,967,295, got 100000000000000000000"),
        ({"threads": (1, 2**31)}, "--threads must be at most 1,024, got 2147483648"),
        ({"faces": 10**5000}, "--faces must be at most 1,000,000, got a value of type int"),
        ({"faces": -(10**20)}, "--faces must be at least -1,000,000, got -100000000000000000000"),
    ],
)
def test_a_value_of_another_kind_is_refused(wrong: dict[str, Any], message: str) -> None:
    """The message has the option, what it takes and what was given."""
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Example(**wrong)


def test_what_fits_is_taken() -> None:
    """Whole numbers where any number goes, lists where tuples go."""
    made = Example(precisions=["int8"], size=64, lr=1, out=Path("x"), augment={"jpeg": 1})  # type: ignore[arg-type]
    assert made.lr == 1


def test_the_largest_whole_numbers_are_taken() -> None:
    """A bound belongs to what is taken; numbers that need not be whole have none."""
    made = Example(size=4096, seed=2**32 - 1, threads=(1, 1024), faces=1_000_000, lr=60_000_000)
    assert (made.size, made.threads, made.lr) == (4096, (1, 1024), 60_000_000)
