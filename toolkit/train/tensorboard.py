"""TensorBoard events: an epoch's record as one file, whole or absent, by TensorBoard's own format classes.

torch's SummaryWriter would do as well, but starts TensorFlow where that is installed: seconds, and hundreds of MB in
every training process.
"""

import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from toolkit.core.files import write_bytes
from toolkit.train.logging import EVENT, EVENTS

BINS = 40


def write_events(folder: Path, record: Mapping[str, Any], pictures: Mapping[str, bytes]) -> None:
    """Write an epoch's events into `folder/tensorboard`.

    Args:
        folder: the run's.
        record: its numbers become scalars, those of a group as `group/name`; lists of numbers become histograms.
        pictures: PNG files by name.
    """
    step = int(record["epoch"])
    values = [*_values("", record), *(_picture(name, png) for name, png in pictures.items())]
    buffer = io.BytesIO()
    writer, now = RecordWriter(buffer), time.time()
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    writer.write(Event(wall_time=now, step=step, summary=Summary(value=values)).SerializeToString())
    write_bytes(folder / EVENTS / f"{EVENT}{step:06d}", buffer.getvalue())


def _values(group: str, record: Mapping[str, Any]) -> Iterator[Any]:
    for name, value in record.items():
        tag = f"{group}/{name}" if group else name
        if isinstance(value, Mapping):
            yield from _values(tag, value)
        elif isinstance(value, list):
            yield Summary.Value(tag=tag, histo=_histogram(np.asarray(value, np.float64)))
        elif isinstance(value, int | float) and name != "epoch":
            yield Summary.Value(tag=tag, simple_value=value)


def _histogram(values: "np.ndarray[Any, np.dtype[np.float64]]") -> HistogramProto:
    counts, edges = np.histogram(values, BINS)
    return HistogramProto(
        min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=np.square(values).sum(),
        bucket_limit=edges[1:].tolist(), bucket=counts.tolist(),
    )  # fmt: skip


def _picture(name: str, png: bytes) -> Any:
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))  # PNG's header
    return Summary.Value(
        tag=f"samples/{name}",
        image=Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png),
    )
