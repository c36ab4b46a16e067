"""Batches made ahead are the batches."""

import threading
import time
from collections.abc import Iterator

import pytest

from toolkit.train.prefetch import DEPTH, ahead


def test_order_is_kept() -> None:
    """Every item once, in its place."""
    assert list(ahead(iter(range(50)))) == list(range(50))


def test_items_are_ready_before_they_are_asked_for() -> None:
    """As many as there is room for, and one in the maker's hand."""
    made = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    items = ahead(numbers())
    assert next(items) == 0
    deadline = time.monotonic() + 20
    while len(made) < DEPTH + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(made) == DEPTH + 2
    items.close()  # type: ignore[attr-defined]


def test_what_the_maker_raises_arrives() -> None:
    """After the items before it."""

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("a.jpg is damaged")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_nobody_works_for_a_loop_that_has_ended() -> None:
    """Closing the loop ends the thread."""
    before = threading.active_count()
    items = ahead(iter(range(1000)))
    next(items)
    assert threading.active_count() == before + 1
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
