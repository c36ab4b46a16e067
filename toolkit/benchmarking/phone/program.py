"""LiteRT's benchmark program on a phone: its flags, its timings, and its predictions for a set of crops."""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from toolkit.benchmarking import accuracy
from toolkit.benchmarking.phone.adb import FOLDER, Phone
from toolkit.benchmarking.phone.litert_log import Round, parse, refusal
from toolkit.core.arrays import FloatArray
from toolkit.core.files import sha256
from toolkit.data.crops import PlainCrops
from toolkit.runtime import sidecar, tensors
from toolkit.runtime.sidecar import Sidecar
from toolkit.runtime.tflite import output_shapes

PROGRAM = "benchmark_model"


@dataclass(frozen=True, kw_only=True)
class DelegateRun:
    """One file on one delegate."""

    file: Path
    delegate: str
    threads: int
    npu_library: str | None = None

    @property
    def engine(self) -> str:
        """What a record calls it: a vendor's library by its file's name."""
        library = PurePosixPath(self.npu_library).name if self.delegate == "npu" and self.npu_library else None
        return "-".join(filter(None, (PROGRAM, self.delegate, library)))

    @property
    def flags(self) -> str:
        """What the program is told of it."""
        engine = {"cpu": "--use_xnnpack=true", "gpu": "--use_gpu=true", "npu": "--use_nnapi=true"}[self.delegate]
        if self.delegate == "npu" and self.npu_library:
            engine = f"--external_delegate_path={self.npu_library}"
        return f"--graph={remote(self.file)} --num_threads={self.threads} {engine}"


def remote(file: Path) -> str:
    """What a file is called on the phone: files of two folders may have one name."""
    return f"{sha256(file)[:12]}-{file.name}"


def prepare(phone: Phone, binary: Path, files: Sequence[Path]) -> None:
    """Copy the program and the files; raises OSError where the phone will not have them."""
    phone.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}")
    phone.push(binary, PROGRAM)
    phone.shell(f"chmod 755 {FOLDER}/{PROGRAM}")
    for file in files:
        phone.push(file, remote(file))


def clean(phone: Phone) -> None:
    """Leave nothing on the phone; one that went away cannot be cleaned."""
    try:
        phone.shell(f"rm -rf {FOLDER}", check=False)
    except OSError:
        return


def time(phone: Phone, run: DelegateRun, runs: int) -> Round | str:
    """One round: the figures, or the words in which a delegate refused.

    Raises:
        OSError: the phone went away, or the program cannot run there.
        ValueError: the program timed nothing for another reason.
    """
    more = f"--num_runs={runs} --warmup_runs=5 --report_peak_memory_footprint=true --verbose=true"
    text = phone.shell(f"cd {FOLDER} && ./{PROGRAM} {run.flags} {more}", check=False)
    if "not executable" in text or "Exec format error" in text or "Permission denied" in text:
        phone.shell(f"cd {FOLDER} && ./{PROGRAM} {run.flags} {more}")  # raises, with advice
    refused = refusal(text)
    return refused if refused is not None else parse(text)


def score(phone: Phone, run: DelegateRun, crops: PlainCrops) -> Mapping[str, object]:
    """Accuracy of the phone's own predictions; NO_SCORE with a reason where the program cannot write them.

    Raises:
        OSError: the phone went away.
    """
    about = sidecar.read(run.file)
    with tempfile.TemporaryDirectory() as folder:
        sent, got = Path(folder) / "crops", Path(folder) / "answers"
        sent.mkdir()
        for index, image in enumerate(crops.images):
            tensors.to_tensor(image, about).tofile(sent / f"{index:04d}.bin")
        phone.shell(f"cd {FOLDER} && rm -rf crops answers && mkdir answers")
        phone.push(sent, "crops")
        shape = ",".join(map(str, tensors.to_tensor(crops.images[0], about).shape))
        once = "--num_runs=1 --warmup_runs=0 --min_secs=0 --warmup_min_secs=0"
        said = phone.shell(
            f"cd {FOLDER} && for f in crops/*.bin; do ./{PROGRAM} {run.flags} {once} --input_layer=image "
            f"--input_layer_shape={shape} --input_layer_value_files=image:$f "
            "--output_filepath=answers/$(basename $f) || exit 1; done",
            check=False,
        )
        phone.pull("answers", got)
        answers = sorted(got.glob("*.bin"))
        if len(answers) != len(crops.images):
            last = (said.strip().splitlines() or ["nothing"])[-1]
            return {
                **accuracy.NO_SCORE,
                "accuracy_not_measured": f"{len(answers)} of {len(crops.images)} crops answered: {last}",
            }
        points = np.stack([_points(answer, run.file, about) for answer in answers])
    return accuracy.accuracy(points, crops.points_xy, crops.faces.scheme, crops.faces.subsets)


def _points(answer: Path, file: Path, about: Sidecar) -> FloatArray:
    """The points in a file that holds all output tensors, one after the other in the graph's order."""
    numbers = np.fromfile(answer, np.float32)
    shapes = output_shapes(file)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    if len(numbers) != sum(sizes):
        raise ValueError(f"{file.name} gave {len(numbers)} numbers on the phone, expected {sum(sizes)}")
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    outputs = {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    return tensors.to_prediction(outputs, about).points_xy


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """The fields of a record: medians over the rounds, the number of calls in all of them."""
    if not rounds:
        return {"latency_ms": None, "cold_start_ms": None, "memory_bytes": None, "delegated_share": None}
    runs, warmup = (sum(getattr(r, name) for r in rounds) for name in ("runs", "warmup"))
    load, first = _median(rounds, "init_ms"), _median(rounds, "first_ms")
    total = None if load is None or first is None else round(load + first, 4)
    memory = _median(rounds, "memory_bytes")
    return {
        "latency_ms": {
            "median": _median(rounds, "median_ms"), "p90": None, "p95": _median(rounds, "p95_ms"),
            "mean": _median(rounds, "mean_ms"), "runs": runs, "warmup": warmup, "rounds": len(rounds),
        },
        "cold_start_ms": {"load": load, "first": first, "total": total, "starts": len(rounds)},
        "memory_bytes": None if memory is None else round(memory),
        "delegated_share": rounds[-1].delegated_share,
    }  # fmt: skip


def _median(rounds: Sequence[Round], name: str) -> float | None:
    values = [getattr(r, name) for r in rounds]
    return None if any(v is None for v in values) else round(statistics.median(values), 4)
