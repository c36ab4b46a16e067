"""Stage: what averaging two predictions takes off the flicker of one, and costs, beside Face Mesh."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from toolkit.benchmarking import competitors
from toolkit.benchmarking.candidates import Source, open_candidate
from toolkit.benchmarking.flicker import measured
from toolkit.benchmarking.framing import Framing
from toolkit.benchmarking.results import columns
from toolkit.core import heatmap
from toolkit.core.arrays import ImageArray
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import ModelPath
from toolkit.data import open_faces
from toolkit.data.audit import told
from toolkit.detect.ensemble import Mirrored, Twice
from toolkit.runtime.landmarker import Landmarker, Prediction
from toolkit.runtime.timing import interleaved

SHIFT_PX = heatmap.STRIDE // 2
"""Half a heatmap's pixel, by which what the grid of pixels does to a point turns around."""
CALLS, WARMUP = 40, 3
"""Crops, in turns, by which each way is timed."""


@dataclass(frozen=True, kw_only=True)
class Flicker(Options):
    """Flicker of networks that look once at each crop, and twice: at its mirror image or at a shifted crop as well.

    Clips are those of `sdhrnet benchmark robustness`, no smoothing. Face Mesh stands beside them.
    """

    models: tuple[ModelPath, ...]
    """Converted files and released models by name (as float16 TFLite)."""
    data: Path
    """Labelled faces of any known format, for the clips of photos."""
    split: Literal["train", "val"] = "val"
    """train or val: what is decided by this is not decided on test faces."""
    clips: int = 6
    """Clips of each kind."""
    results: OutRecords | None = None
    """The .jsonl file that the records are added to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "clips")


class Shifted(Twice):
    """The other picture is the crop moved right and down by SHIFT_PX."""

    def _other(self, crop: ImageArray) -> Prediction:
        moved = cv2.copyMakeBorder(crop, SHIFT_PX, 0, SHIFT_PX, 0, cv2.BORDER_REPLICATE)[: len(crop), : len(crop)]
        seen = self._landmarker(np.ascontiguousarray(moved, np.uint8))
        return Prediction(points_xy=seen.points_xy - SHIFT_PX, confidence=seen.confidence)


def run(options: Flicker) -> Steps[Outcome]:
    """Follow every clip in every way; see Flicker."""
    check_outputs(options)
    faces = open_faces(options.data, options.split, 1)
    yield from told(faces)
    opened = [open_candidate(Source(what=str(path))) for path in options.models]
    opened.append(open_candidate(Source(what="mediapipe")))
    rows: list[tuple[dict[str, Any], str, Landmarker, Framing]] = []
    for each in opened:
        if each.landmarker is None:
            raise ValueError(f"{each.source.what} cannot run here: {each.reason}")
        identity = {**each.identity, "engine": each.engine}
        rows.append((identity, "once", each.landmarker, each.framing))
        if not each.identity.get("peer"):
            rows.append((identity, "and its mirror image", Mirrored(each.landmarker), each.framing))
            rows.append((identity, "and shifted", Shifted(each.landmarker), each.framing))
    found = yield from measured([(landmarker, framing) for *_, landmarker, framing in rows], faces, options.clips)
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (each.size_px, each.size_px, 3), dtype=np.uint8) for *_, each, _ in rows]
    calls = [partial(landmarker, crop) for (*_, landmarker, _), crop in zip(rows, crops, strict=True)]
    times = yield from interleaved(calls, CALLS, WARMUP)
    about = conditions(1)
    about = {**about, "versions": {**about["versions"], **competitors.versions()}}
    records = tuple(
        {
            "kind": "flicker",
            **{k: v for k, v in identity.items() if k not in ("seed", "size_px")},
            "looks": way,
            "data": faces.title,
            "split": options.split,
            "clips": options.clips,
            "flicker_percent": own,
            "clock": "process",
            "ms_median": own_time.cpu_median,
            **about,
        }
        for (identity, way, *_), own, own_time in zip(rows, found, times, strict=True)
    )
    if options.results is not None:
        append(options.results, records)
    kinds = list(found[0])
    table = [["model", "looks at each crop", *kinds, "ms"]]
    for record in records:
        told_percent = [f"{record['flicker_percent'][kind]:.3f} %" for kind in kinds]
        table.append([record["model"], record["looks"], *told_percent, f"{record['ms_median']:.2f}"])
    return Outcome(text="\n".join(columns(table, left=2)), records=records)
