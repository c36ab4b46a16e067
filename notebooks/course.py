"""What the chapters share: where they run, their dial, drawn faces, records, and the checks of the exercises.

A check compares the learner's function with the toolkit's and says `right`, or `not yet` and why; it never raises, so
that a chapter runs through whatever stands in its exercises. Solutions are in notebooks/solutions, a module a chapter.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import read_lines
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.schemes import W300_68, Scheme
from toolkit.core.zoo import WEIGHTS

ROOT = Path(__file__).parents[1]
Size = Literal["tiny", "gpu"]
Value = TypeVar("Value")
EXTRAS = {"torch": "train", "torch_pruning": "train", "matplotlib": "report", "skimage": "report"}
EXTRAS |= {"coremltools": "convert", "tensorflow": "convert", "ipywidgets": "notebooks", "mediapipe": "mediapipe"}
MARK = "sdhrnet"
"""In the metadata of a chapter's last output, and of the notebook once it is stamped."""
_READ: dict[str, str] = {}
"""SHA-256 of the records that were read, by folder and what was asked for."""
_STARTED = [time.perf_counter()]
CLOSE = 1e-4
"""How far an answer may be from the toolkit's, relative to its largest value."""


def begin(size: Size, *packages: str) -> Any:
    """Say where this chapter runs and what is missing, and give the torch device of its dial.

    Args:
        size: `tiny` for two old cores, `gpu` for a CUDA device.
        packages: that the chapter imports.
    """
    missing = sorted({EXTRAS[name] for name in packages if find_spec(name) is None})
    if missing:
        print(f"missing: in the clone's folder, pip install '.[{','.join(missing)}]', then restart the kernel")
    import torch

    device = torch.device("cuda" if size == "gpu" and torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} CPU cores"
    asked = "" if size != "gpu" or device.type == "cuda" else " (no CUDA device is here: the long run would take hours)"
    print(f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}, on {name}, size {size}{asked}")
    torch.manual_seed(0)
    _STARTED[:] = [time.perf_counter()]
    return device


def end() -> None:
    """Say how long the chapter ran; beside the words, for the stamp, which records it read."""
    from IPython.display import display

    seconds = round(time.perf_counter() - _STARTED[0])
    told = {"seconds": seconds, "read": dict(_READ)}
    display({"text/plain": f"this chapter ran in {seconds} s"}, raw=True, metadata={MARK: told})


def pick(size: Size, *, tiny: Value, gpu: Value) -> Value:
    """The value for the dial's place.

    Raises:
        ValueError: the dial has no such place.
    """
    if size not in ("tiny", "gpu"):
        raise ValueError(f'SIZE is "tiny" or "gpu", got {size!r}')
    return tiny if size == "tiny" else gpu


def drawn(count: int, *, seed: int, size_px: int = 64, scheme: Scheme = W300_68) -> tuple[ImageArray, FloatArray]:
    """Crops (N, S, S, 3) of faces that the toolkit draws, and their points (N, M, 2) in crop pixels."""
    from toolkit.core.correspondence import translated
    from toolkit.core.schemes import FIVE_5
    from toolkit.data.synthetic import SyntheticFaces

    given = W300_68 if scheme == FIVE_5 else scheme  # five points have a box that shows half of a face
    source = SyntheticFaces(count, seed=seed, size_px=max(96, size_px), scheme=given)
    images, points = [], []
    for face in (source[i] for i in range(count)):
        crop = crop_of_box(face.box_xyxy, size_px)
        images.append(cut(face.image, crop))
        points.append(crop.to_crop(translated(face.points_xy, given, scheme)))
    return np.stack(images), np.stack(points)


def records(folder: str, **wanted: object) -> list[dict[str, Any]]:
    """The measurements of results/FOLDER that have these values.

    Raises:
        FileNotFoundError: there is no such folder; results are in a clone and not in a wheel.
    """
    every = read_lines(ROOT / "results" / folder / "results.jsonl", dict[str, Any])
    found = [record for record in every if all(record.get(key) == value for key, value in wanted.items())]
    _READ[json.dumps([folder, wanted])] = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    return found


def changed(read: dict[str, str]) -> list[str]:
    """What a stamp names of the records that a chapter read and that are no longer the same."""
    for asked in read:
        folder, wanted = json.loads(asked)
        records(folder, **wanted)
    return [asked for asked, digest in read.items() if _READ[asked] != digest]


def say(text: str) -> None:
    """Show a sentence whose figures were computed."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def check(exercise: str, answer: Any) -> None:
    """Say whether an exercise's answer is right; see CHECKS."""
    print(verdict(exercise, answer))


def verdict(exercise: str, answer: Any) -> str:
    """`right`, or `not yet` and why.

    Raises:
        KeyError: there is no such exercise.
    """
    examine = CHECKS[exercise]
    try:
        wrong = examine(answer)
    except Exception as error:  # whatever a learner's function does, the chapter goes on
        wrong = f"it raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return f"{exercise}: right" if wrong is None else f"{exercise}: not yet; {wrong}"


def _differs(found: Any, expected: Any, what: str) -> str | None:
    """How an answer differs from the toolkit's, or None."""
    if found is None:
        return f"it gives nothing where {what} is wanted"
    a, b = np.asarray(_plain(found), np.float64), np.asarray(_plain(expected), np.float64)
    if a.shape != b.shape:
        return f"{what} has the shape {b.shape}, yours {a.shape}"
    far = float(np.abs(a - b).max())
    return None if far <= CLOSE * max(1e-6, float(np.abs(b).max())) else f"{what} is up to {far:.3g} away"


def _plain(value: Any) -> Any:
    return value.detach().numpy() if hasattr(value, "detach") else value


def _encode(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.heatmap import encode, from_heatmap

    for point, side, sigma in (((5.3, 9.8), 16, 1.0), ((12.0, 2.25), 24, 1.5)):
        expected = encode(from_heatmap(np.array(point)), 4 * side, sigma)
        if wrong := _differs(answer(point, side, sigma), expected, "the heatmap"):
            return wrong
    return None


def _newton(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.heatmap import decode, encode, peaks, smooth, to_heatmap

    random = np.random.default_rng(0)
    exact = encode(random.uniform(16, 48, (6, 2)), 64, 1.0)
    tilted = exact + 0.35 * np.roll(exact, (1, 1), axis=(1, 2))  # no longer as wide in one direction as in the other
    expected = to_heatmap(decode(tilted, "dark", 1.0)[0])
    maps = smooth(tilted.astype(np.float64), 1.0)
    for one, row, column, wanted in zip(maps, *peaks(maps), expected, strict=True):
        around = np.log(one[row - 1 : row + 2, column - 1 : column + 2])
        if wrong := _differs(answer(around), wanted - (column, row), "the step (across, down)"):
            return wrong
    return None


def _fuse(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.models.blocks import upsample
    from toolkit.models.spec import hrsupernet
    from toolkit.models.supernet import Block

    block = Block(hrsupernet(5), 5, 0).eval()
    block.encoder = torch.nn.Sequential()
    branches = {k: torch.randn(1, width, 16 >> k, 16 >> k) for k, width in enumerate(hrsupernet(5).widths)}
    alpha = {k: torch.tensor(0.5 - 0.4 * k) for k in branches}
    with torch.no_grad():
        terms = [upsample(block.edges[str(k)](x), 2**k) for k, x in branches.items()]
        return _differs(answer(terms, list(alpha.values())), block(branches, alpha), "the fused map")


def _loss(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.train.losses import mse

    found, truth, alpha = torch.rand(2, 5, 8, 8), torch.rand(2, 5, 8, 8), torch.linspace(-1, 1, 132)
    for price in (0.0, 0.03):
        expected = mse(found, truth, torch.ones(2, 5, 1, 1)) + price * alpha.abs().sum()
        if wrong := _differs(answer(found, truth, alpha, price), expected, "the loss"):
            return wrong
    return None


def _cut(answer: Callable[..., Any]) -> str | None:
    import torch
    from torch import nn
    from torch_pruning import DependencyGraph, prune_conv_out_channels

    torch.manual_seed(1)
    norm = nn.BatchNorm2d(6)
    assert norm.running_mean is not None
    norm.running_mean.uniform_(-1, 1)
    norm.weight.data.uniform_(0.5, 2)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    mine = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    mine.load_state_dict(net.state_dict())
    image = torch.randn(1, 3, 12, 12)
    graph = DependencyGraph().build_dependency(net, image, verbose=False)
    graph.get_pruning_group(net[0], prune_conv_out_channels, [2]).prune()
    answer(mine[0], mine[1], mine[3], 2)
    for name, value in net.state_dict().items():
        if wrong := _differs(mine.state_dict()[name], value, f"{name} of torch-pruning's network"):
            return wrong
    return None


def _left(answer: Callable[..., Any]) -> str | None:
    from toolkit.models.building import build
    from toolkit.models.spec import hrsupernet
    from toolkit.slimming.edges import SuperNetGraph

    spec = hrsupernet(5)
    graph = SuperNetGraph(build(spec))  # type: ignore[arg-type]
    edges = [(e.stage, e.source, e.target) for e in spec.edges]
    for seed in range(4):
        random = np.random.default_rng(seed)
        off = {edge for edge in edges if random.random() < 0.55}
        gone = [edge for edge, short in zip(spec.edges, edges, strict=True) if short in off]
        expected = {(e.stage, e.source, e.target) for e in graph.left(gone).edges}
        found = answer(edges, off)
        if found is None:
            return "it gives nothing where a set of edges is wanted"
        if set(found) != expected:
            more, fewer = len(set(found) - expected), len(expected - set(found))
            return f"of {len(expected)} edges that the graph leaves, {fewer} are missing, and {more} lead nowhere"
    return None


def _divergence(answer: Callable[..., Any]) -> str | None:
    import torch

    from toolkit.train.losses import distillation

    target, student = torch.randn(3, 5, 8, 8), torch.randn(3, 5, 8, 8)
    expected = distillation(target, student, torch.ones(3, 5, 1, 1), 1.0)
    return _differs(answer(target, student), expected, "the divergence")


BUGS = ("blue and red swapped", "values from 0 to 1", "rows and columns swapped", "half a pixel off", "x and y swapped")
"""What may be wrong with a file, in the words of chapter 6."""
ORDER = {"a": 2, "b": 4, "c": 0, "d": 3, "e": 1}
"""Which file has which."""


def _bugs(answer: dict[str, str]) -> str | None:
    unknown = sorted(set(answer.values()) - {*BUGS, ""})
    if unknown:
        return f"{unknown[0]!r} is none of the five: {', '.join(BUGS)}"
    right = sum(answer.get(name) == BUGS[bug] for name, bug in ORDER.items())
    return None if right == len(ORDER) else f"{right} of {len(ORDER)} are right"


def break_files(model: Path, out: Path) -> list[Path]:
    """Five copies of an ONNX file, each with one of the field's commonest mistakes in it."""
    import onnx

    out.mkdir(parents=True, exist_ok=True)
    made = []
    for name, bug in ORDER.items():
        whole = onnx.load(str(model))
        _break(whole.graph, BUGS[bug])
        made.append(out / f"{name}.onnx")
        onnx.save(whole, str(made[-1]))
    return made


def _break(graph: Any, bug: str) -> None:
    """Put a node with one of BUGS in front of a graph's image, or behind its points."""
    from onnx import TensorProto, helper

    image, points = graph.input[0].name, graph.output[0].name
    side = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    graph.initializer.extend(
        [
            helper.make_tensor("bug_bgr", TensorProto.INT64, [3], [2, 1, 0]),
            helper.make_tensor("bug_yx", TensorProto.INT64, [2], [1, 0]),
            helper.make_tensor("bug_range", TensorProto.FLOAT, [], [1 / 255]),
            helper.make_tensor("bug_half", TensorProto.FLOAT, [], [2.0 / side]),
        ]
    )
    before = {
        BUGS[0]: helper.make_node("Gather", [image, "bug_bgr"], ["bug_in"], axis=1),
        BUGS[1]: helper.make_node("Mul", [image, "bug_range"], ["bug_in"]),
        BUGS[2]: helper.make_node("Transpose", [image], ["bug_in"], perm=[0, 1, 3, 2]),
    }
    behind = {
        BUGS[3]: helper.make_node("Add", ["bug_out", "bug_half"], [points]),
        BUGS[4]: helper.make_node("Gather", ["bug_out", "bug_yx"], [points], axis=2),
    }
    for node in graph.node:
        if bug in before:
            node.input[:] = ["bug_in" if each == image else each for each in node.input]
        else:
            node.output[:] = ["bug_out" if each == points else each for each in node.output]
    if bug in before:
        graph.node.insert(0, before[bug])
    else:
        graph.node.append(behind[bug])


def points_of(model: Path, crop: ImageArray) -> FloatArray:
    """Points (M, 2) in crop pixels of a converted ONNX file, fed by the contract: RGB, 0..255, channels first."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    image = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32)
    points = session.run(None, {session.get_inputs()[0].name: image})[0][0]
    return np.asarray(points * crop.shape[0] - 0.5, np.float64)


def _quantise(answer: Callable[..., Any]) -> str | None:
    random = np.random.default_rng(2)
    for values in (random.normal(0, 1, 300), random.uniform(0, 6, 300), random.uniform(2, 3, 300)):
        given = answer(values)
        if given is None:
            return "it gives nothing where integers, scale and zero are wanted"
        integers, scale, zero = given
        low, high = min(values.min(), 0.0), max(values.max(), 0.0)
        if wrong := _differs(scale, (high - low) / 255, "the scale"):
            return wrong
        if zero != np.round(-128 - low / scale):
            return f"the zero is {np.round(-128 - low / scale):.0f}, yours {zero}"
        whole = np.clip(np.round(values / scale) + zero, -128, 127)
        if wrong := _differs(integers, whole, "what the integers stand for"):
            return wrong
    return None


def _follow(answer: Callable[..., Any]) -> str | None:
    from toolkit.core.smoothing import Smoother

    random, smoother = np.random.default_rng(3), Smoother()
    before = random.uniform(0, 100, (5, 2))
    speed, size = np.zeros_like(before), 0.0
    smoother(before, 0.0)
    for frame in range(1, 6):
        points = before + random.normal(0, 2, before.shape)
        size = float(np.ptp(points, axis=0).max())
        given = answer(points, before, speed, size, 0.04)
        if given is None:
            return "it gives nothing where smoothed points and their speed are wanted"
        expected = smoother(points, 0.04 * frame)
        if wrong := _differs(given[0], expected, "the smoothed points"):
            return wrong
        before, speed = given
    return None


def _frontier(answer: Callable[..., Any]) -> str | None:
    from toolkit.reporting.pareto import Dot, frontier

    random = np.random.default_rng(4)
    for count in (1, 5, 30):
        costs, errors = random.uniform(1, 9, count).round(1), random.uniform(2, 6, count).round(1)
        models = {f"model {i}": (float(c), float(e)) for i, (c, e) in enumerate(zip(costs, errors, strict=True))}
        dots = [Dot(name=n, colour="", marker="o", cost=c, nme=e) for n, (c, e) in models.items()]
        found = answer(models)
        if found is None:
            return "it gives nothing where names are wanted"
        expected = [dot.name for dot in frontier(dots)]
        if sorted(found) != sorted(expected):
            return f"of {count} models the toolkit keeps {len(expected)}, you {len(found)}, or others"
    return None


def _decision(answer: str) -> str | None:
    """The most accurate file of those that keep within chapter 9's limits."""
    fits = [r for r in shipped() if r["ms"] <= LIMIT_MS and r["mb"] <= LIMIT_MB]
    best = min(fits, key=lambda r: float(r["nme"]))
    if answer not in {r["name"] for r in shipped()}:
        return f"{answer!r} is no file of the table"
    return None if answer == best["name"] else "it breaks a limit, or another file within both is more accurate"


LIMIT_MS, LIMIT_MB = 4.0, 2.0
"""The decision of chapter 9: milliseconds of a call on one thread, and megabytes of a download."""


def shipped() -> list[dict[str, Any]]:
    """The released files and others on the same faces and boxes: name, ms, mb, nme, and whether it is ours."""
    found: dict[str, dict[str, Any]] = {}
    for record in records("release", kind="benchmark", boxes="same boxes"):
        times = record["latency_ms"]
        if times and record["nme_mean"] is not None:
            row = {"name": record["model"], "engine": record["engine"], "ours": not record["peer"]}
            row |= {"ms": times["cpu_median"], "mb": record["size_bytes"] / 1e6, "nme": record["nme_mean"]}
            found.setdefault(record["model"], row)
    return list(found.values())


CHECKS: dict[str, Callable[[Any], str | None]] = {
    "encode": _encode,
    "newton": _newton,
    "fuse": _fuse,
    "loss": _loss,
    "cut": _cut,
    "left": _left,
    "divergence": _divergence,
    "bugs": _bugs,
    "quantise": _quantise,
    "follow": _follow,
    "frontier": _frontier,
    "decision": _decision,
}
"""What is wrong with an answer in words, or None; by the exercise's name."""


Exam = tuple[Sequence[ImageArray], FloatArray]
"""Crops and their points."""


def grade(model: Any, faces: Exam, eyes: tuple[int, int], *, nme: float, ms: float) -> bool:
    """The capstone's marks: error in percent of the eye distance, and the time of a call, against their limits.

    Machines differ, and one machine from minute to minute. So a released file is timed by turns with the learner's, and
    the time is told as it would be on the machine of that file's record.
    """
    from toolkit.core.quiet import no_chatter
    from toolkit.landmarkers import open_model

    images, truth = faces
    found = np.stack([model(image).points_xy for image in images])
    apart = np.linalg.norm(truth[:, eyes[0]] - truth[:, eyes[1]], axis=1)
    error = 100 * float((np.linalg.norm(found - truth, axis=2).mean(axis=1) / apart).mean())
    with no_chatter():
        known = open_model(WEIGHTS / KNOWN)
    blank = np.zeros((known.size_px, known.size_px, 3), np.uint8)
    (recorded,) = [float(row["ms"]) for row in shipped() if row["name"] == KNOWN]
    turns = [(_ms(model, image), _ms(known, blank)) for image in [*images] * 3]
    mine, reference = (min(times) for times in zip(*turns, strict=True))  # other work only adds to a time
    print(f"a call takes {mine:.2f} ms here and now, {KNOWN} {reference:.2f}, and {recorded:.2f} on record")
    marks = {"error, %": (error, nme), "processor time there, ms": (mine / reference * recorded, ms)}
    for name, (value, limit) in marks.items():
        print(f"{'passed' if value <= limit else 'not yet'}: {name} {value:.2f}, at most {limit:g}")
    return all(value <= limit for value, limit in marks.values())


KNOWN = "sdhrnet-68pt-96-int8.tflite"
"""The released file that times are compared with."""


def _ms(model: Any, crop: ImageArray) -> float:
    """Processor time of a call."""
    start = time.process_time()
    model(crop)
    return 1000 * (time.process_time() - start)
