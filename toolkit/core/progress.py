"""What a stage tells its caller: progress while it runs, an outcome at its end. Only the command line prints them."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a task is."""

    task: str
    done: int
    total: int
    """0 where there is nothing to count."""
    note: str = ""
    """The latest figures, short."""
    text: str = ""
    """Lines to print and keep, such as an address to open."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage made."""

    text: str
    """For a person: what happened, and the next command."""
    records: tuple[dict[str, Any], ...] = field(default=())
    """For a program: plain JSON values."""
    ok: bool = True
    """False when a check failed: exit status 1."""


Steps = Generator[Progress, None, T]
"""A running task: it yields Progress and returns T."""


def finish(steps: Steps[T]) -> T:
    """Run a task to its end without showing its progress."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
