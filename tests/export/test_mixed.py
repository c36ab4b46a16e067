"""Static int8 that is left in float in part: only where it has to be, and no more of it than that."""

from typing import Any

import numpy as np
import pytest

from toolkit.export import mixed
from toolkit.export.mixed import SHARES, WITHIN, within_budget
from toolkit.export.parity import BUDGETS
from toolkit.export.static_int8 import Way

SIZE_PX = 64
CROPS = np.zeros((4, SIZE_PX, SIZE_PX, 3), np.uint8)
NAMES = [f"operation {i}" for i in range(40)]
LIMIT_PX = WITHIN * BUDGETS["int8"].mean_px


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> dict[float, float]:
    """By how many pixels a file moves points whose first share is in float; filled by the test."""
    by_share: dict[float, float] = {}

    def quantised(_: bytes, way: Way) -> bytes:
        return f"{way.front} {way.image_in_float}".encode()

    def answers(data: bytes, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        px = 0.0 if data == b"plain" else by_share.get(float(data.split()[0]), 9.0)
        points = np.full((len(crops), 68, 2), (px / SIZE_PX, 0.0), np.float32)
        return points, np.zeros((len(crops), 68), np.float32)

    class Model:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def __call__(self, crop: np.ndarray) -> None:
            assert crop.shape == (SIZE_PX, SIZE_PX, 3)

    fakes: dict[str, Any] = {
        **{"quantised": quantised, "_answers": answers, "_Model": Model},
        **{"with_ranges": lambda plain, *_: plain, "network": lambda _: NAMES, "integer_ends": lambda d: d + b" ends"},
        "with_whole_decoding": lambda data, reach: data + f" decoded within {reach}".encode(),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(mixed, name, fake)
    return by_share


def test_what_keeps_its_budget_is_in_int8_whole(moves: dict[float, float]) -> None:
    """With room to spare for other faces."""
    moves[0.0] = LIMIT_PX - 0.01
    assert within_budget(b"plain", CROPS, "int8", 2) == (b"0.0 True", None)
    assert within_budget(b"plain", CROPS, "int8io", 2) == (b"0.0 False ends", None)
    assert within_budget(b"plain", CROPS, "int8whole", 2) == (b"0.0 True decoded within 2", None)


def test_no_more_is_left_in_float_than_has_to_be(moves: dict[float, float]) -> None:
    """The first share that keeps the budget; what it changed and what it costs are told."""
    moves |= {0.0: 0.4, 0.25: LIMIT_PX + 0.01, 0.5: 0.125, 0.75: 0.0}
    data, about = within_budget(b"plain", CROPS, "int8", 2)
    assert data == b"0.5 True" and about is not None
    assert (about.operations, about.float_operations, about.int8_px, about.mixed_px) == (40, 20, 0.4, 0.125)
    assert min(about.int8_ms, about.mixed_ms, about.float32_ms) >= 0
    assert "the first 20 of the network's 40 operations are in float32" in about.text
    assert "points move by 0.12 px, all in int8 by 0.40 px" in about.text


def test_what_nothing_mends_is_left_whole_for_the_proof_to_refuse(moves: dict[float, float]) -> None:
    """A file called int8 with hardly any int8 in it would be a lie."""
    moves |= dict.fromkeys(SHARES, 0.5)
    assert within_budget(b"plain", CROPS, "int8", 2) == (b"0.0 True", None)


def test_a_confidence_counts_as_well(moves: dict[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that stay do not excuse it."""
    moves |= dict.fromkeys(SHARES, 0.0)
    points = mixed._answers

    def doubtful(data: bytes, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return points(data, crops)[0], np.full((len(crops), 68), 0.2 if data.startswith(b"0.0") else 0.0, np.float32)

    monkeypatch.setattr(mixed, "_answers", doubtful)
    assert within_budget(b"plain", CROPS, "int8", 2)[0] == b"0.25 True"
