"""What a stage tells its caller: progress while it runs, an outcome at its end; and how it is ended from outside."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Sent by kill, timeout, systemd and docker stop; and when a terminal is closed. Windows has no SIGHUP."""


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


@contextmanager
def end_as_ctrl_c() -> Iterator[None]:
    """While the block runs, TERM and HUP raise KeyboardInterrupt, as Ctrl+C does, with their number.

    Only the first of them does: a closed terminal and `timeout` send theirs twice, and what is being written should
    be finished. One that is ignored (nohup) stays ignored. Processes forked inside end by it as usual.
    """
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return
    owner, before = os.getpid(), {number: signal.getsignal(number) for number in ENDS}
    taken = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    ended = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not ended:
            ended = True
            raise KeyboardInterrupt(number)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


@contextmanager
def whole_steps() -> Iterator[Callable[[], bool]]:
    """While the block runs, the first Ctrl+C, TERM or HUP waits for its end, so that nothing is half written.

    The block asks between two steps whether one waits, and then ends. A second Ctrl+C acts at once.

    Yields:
        Whether one waits.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDS)}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}
    waiting: list[tuple[int, FrameType | None]] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append((number, frame))
        if signal.SIGINT in handlers:
            signal.signal(signal.SIGINT, handlers[signal.SIGINT])

    for number in handlers:
        signal.signal(number, wait)
    try:
        yield lambda: bool(waiting)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if waiting:
        number, frame = waiting[0]
        handlers[signal.Signals(number)](number, frame)
