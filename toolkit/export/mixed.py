"""Static int8 that keeps its budget: where all of it in int8 moves points too far, the first operations stay in float.

Rounding near the image is carried through everything after it; rounding near the heatmaps is not. Measured on a network
that had hardly learned anything and whose heatmaps are flat (128 synthetic faces, 64 px, mean displacement): all of its
260 operations in int8 0.84 px; the first half in float 0.49, the first three quarters 0.12; the last three quarters in
float 0.74.

Runs where TensorFlow is: in tflite_worker's process.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray
from toolkit.core.progress import finish
from toolkit.export.parity import EIGHT_BITS as BUDGET
from toolkit.export.static_int8 import BEYOND, Way, front, integer_ends, network, quantised, with_ranges
from toolkit.export.whole_int8 import with_whole_decoding
from toolkit.runtime.sidecar import Mixed, Precision
from toolkit.runtime.timing import interleaved

SHARES = (0.0, 0.25, 0.5, 0.625, 0.75, 0.875)
"""Shares of the network's operations that are left in float, tried in this order."""
WITHIN = 0.7
"""Share of the budget that is used up on the calibration crops at most: on other faces points may move further."""
RUNS, WARMUP = 30, 5
"""Timed and untimed calls of each file."""


def within_budget(plain: bytes, crops: ImageArray, precision: Precision, reach: int) -> tuple[bytes, Mixed | None]:
    """A float32 file in static int8: as much of it as keeps points in their place, or all of it where nothing does.

    Args:
        plain: with points and confidences out.
        crops: (N, S, S, 3) that ranges are taken from and points are compared on.
        precision: int8, int8whole or int8io.
        reach: of the decoding of int8whole, see whole_int8.

    Returns:
        The file, and what of it is in float beside the decoding; None where nothing is.
    """
    calibrated = with_ranges(plain, crops, BEYOND)
    expected = _answers(plain, crops)
    made: list[bytes] = []
    moved_px: list[float] = []
    finished = integer_ends if precision == "int8io" else bytes
    for share in SHARES:
        data = quantised(calibrated, Way(front=share, image_in_float=precision != "int8io"))
        made.append(with_whole_decoding(data, reach) if precision == "int8whole" else data)
        points, confidence = (found - wanted for found, wanted in zip(_answers(made[-1], crops), expected, strict=True))
        moved_px.append(crops.shape[1] * float(np.linalg.norm(points, axis=2).mean()))
        within_px = moved_px[-1] <= WITHIN * BUDGET.allowed_px(crops.shape[1])
        if within_px and np.abs(confidence).mean() <= WITHIN * BUDGET.confidence:
            break
    else:
        return finished(made[0]), None
    if len(made) == 1:
        return finished(made[0]), None
    calls = [partial(_Model(data), crops[0]) for data in (made[0], made[-1], plain)]
    int8_ms, mixed_ms, float32_ms = (times.cpu_median for times in finish(interleaved(calls, RUNS, WARMUP)))
    names = network(calibrated)
    about = Mixed(
        operations=len(names),
        float_operations=front(names, SHARES[len(made) - 1]),
        int8_px=round(moved_px[0], 4),
        mixed_px=round(moved_px[-1], 4),
        int8_ms=int8_ms,
        mixed_ms=mixed_ms,
        float32_ms=float32_ms,
    )
    return finished(made[-1]), about


def _answers(data: bytes, crops: ImageArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points (N, M, 2) in [0, 1] of the crop, and confidences (N, M)."""
    call = _Model(data)
    points, confidence = zip(*map(call, crops), strict=True)
    return np.concatenate(points), np.concatenate(confidence)


class _Model:
    """A file with float ends, on one thread."""

    def __init__(self, data: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=data, num_threads=1)
        self._interpreter.allocate_tensors()
        self._image = self._interpreter.get_input_details()[0]["index"]
        by_rank = {len(d["shape"]): d["index"] for d in self._interpreter.get_output_details()}
        self._outputs = by_rank[3], by_rank[2]

    def __call__(self, crop: ImageArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points (1, M, 2) and confidences (1, M)."""
        self._interpreter.set_tensor(self._image, crop[None].astype(np.float32))
        self._interpreter.invoke()
        points, confidence = (self._interpreter.get_tensor(index) for index in self._outputs)
        return points, confidence
