"""Several networks as float32 TFLite files side by side: operations, size and time, measured in one run."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.core.files import size_bytes
from toolkit.core.progress import Progress, Steps
from toolkit.export.deployed import Deployed
from toolkit.export.lint import operations
from toolkit.export.pieces import Piece, convert_pieces
from toolkit.runtime.tflite import invocation
from toolkit.runtime.timing import Latency, interleaved


def measure_files(modules: Mapping[str, Deployed], size_px: Mapping[str, int], runs: int) -> Steps[dict[str, Any]]:
    """Convert deployed networks in one process and time them by turns on one thread.

    Args:
        modules: by name.
        size_px: the side of each one's crop.
        runs: timed calls of each; a tenth as many to warm up.

    Returns:
        By name: `operations` (a count by kind), `size_bytes`, `latency` and `engine`.
    """
    yield Progress(task="converting", done=0, total=1)
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        pieces = {name: Piece(module, ((3, size_px[name], size_px[name]),)) for name, module in modules.items()}
        paths = convert_pieces(pieces, Path(temporary))
        calls, engines = zip(*(invocation(path) for path in paths.values()), strict=True)
        times: list[Latency] = yield from interleaved(calls, runs, max(1, runs // 10))
        return {
            name: {
                "operations": operations(path),
                "size_bytes": size_bytes(path),
                "latency": latency,
                "engine": engine,
            }
            for (name, path), latency, engine in zip(paths.items(), times, engines, strict=True)
        }
