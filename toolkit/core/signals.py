"""What ends a program from outside, made one thing: an exception that every `with` and `finally` sees."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Sent by kill, timeout, systemd and docker stop; and when a terminal is closed. Windows has no SIGHUP."""


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
