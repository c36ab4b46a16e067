"""Batches made ahead in a thread, so that an accelerator need not wait for the processor."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
DEPTH = 2
"""Items that are ready at most."""


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items in the same order, made by a thread of its own; what it raises is raised here."""
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(DEPTH)
    unwanted = threading.Event()

    def put(item: T | None, error: BaseException | None) -> bool:
        """Whether anybody still wants it."""
        while not unwanted.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
        except BaseException as error:
            put(None, error)
        else:
            put(None, StopIteration())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # None only comes with an error
    finally:
        unwanted.set()
        thread.join()
