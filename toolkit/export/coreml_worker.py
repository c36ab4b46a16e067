"""Runs in a process of its own (see tools.run_apart): TorchScript -> CoreML in the working folder.

Reads job.json and traced.pt; writes PRECISION.mlpackage for each precision of the job."""

import json
import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray

ROUNDS = 100
GROUPS = 256
"""Of a palette's weights, by even steps, and as many by quantiles, that the start tells apart: the first for the rare
large weights, the others for the many small."""


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    wanted = job["precisions"]
    whole = {name: convert(job, name) for name in ("float32", "float16") if name in wanted}
    if set(wanted) - set(whole) and "float16" not in whole:
        whole["float16"] = convert(job, "float16")
    for precision in wanted:
        model = whole.get(precision) or smaller(whole["float16"], precision)
        describe(model, job)
        model.save(f"{precision}.mlpackage")
        settle(Path(f"{precision}.mlpackage"))


def convert(job: dict[str, Any], precision: str) -> Any:
    """The traced module as an ML Program; float16 for the network alone."""
    import coremltools as ct
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated in torch
        traced = torch.jit.load("traced.pt")  # type: ignore[no-untyped-call]
    side = job["size_px"]
    half = ct.transform.FP16ComputePrecision(op_selector=InNetwork())
    return ct.convert(
        traced,
        inputs=[ct.ImageType(name="image", shape=(1, 3, side, side), color_layout=ct.colorlayout.RGB)],
        outputs=[ct.TensorType(name=name, dtype=np.float32) for name in job["outputs"]],
        convert_to="mlprogram",
        compute_precision=half if precision == "float16" else ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )


def smaller(model: Any, precision: str) -> Any:
    """A float16 model whose convolutions keep their weights in 8 bits, or as indices into a palette of 2**6 or 2**4."""
    import coremltools as ct

    opt = ct.optimize.coreml
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy and scikit-learn notices inside coremltools
        match precision:
            case "weights8":
                linear = opt.OpLinearQuantizerConfig(mode="linear_symmetric")
                return opt.linear_quantize_weights(model, opt.OptimizationConfig(linear))
            case "palette6" | "palette4":
                bits = int(precision[-1])
                custom = opt.OpPalettizerConfig(mode="custom", lut_function=lambda weights: palette(weights, bits))
                return opt.palettize_weights(model, opt.OptimizationConfig(custom))
    raise AssertionError(precision)


class InNetwork:
    """Tells coremltools which operations may compute in float16: those that do not depend on the heatmaps."""

    def __init__(self) -> None:
        self._decoding: set[str] | None = None

    def __call__(self, op: Any) -> bool:
        if self._decoding is None:
            self._decoding = decoding(op.enclosing_block.operations)
        return op.name not in self._decoding


def decoding(operations: Any) -> set[str]:
    """Names of the operations that depend on the heatmaps; the confidence is their height, the one reduce_max."""
    after = {op.x.name for op in operations if op.op_type == "reduce_max"}
    names = set()
    for op in operations:
        inputs = [v for value in op.inputs.values() for v in (value if isinstance(value, list | tuple) else [value])]
        if any(v is not None and v.name in after for v in inputs):
            names.add(op.name)
            after.update(output.name for output in op.outputs)
    return names


def describe(model: Any, job: dict[str, Any]) -> None:
    """Fill in what Xcode shows."""
    model.short_description = job["description"]
    model.author = job["author"]
    if job["licence"]:
        model.license = job["licence"]
    model.version = job["version"]
    model.input_description["image"] = job["input"]
    for name, text in job["outputs"].items():
        model.output_description[name] = text


def settle(package: Path) -> None:
    """Make a saved package the same in every conversion.

    coremltools names its items at random, and protobuf writes maps in any order.
    """
    from coremltools.proto import Model_pb2

    manifest = package / "Manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for identifier, item in sorted(content["itemInfoEntries"].items()):
        fixed = str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])).upper()
        content["itemInfoEntries"][fixed] = content["itemInfoEntries"].pop(identifier)
        if content["rootModelIdentifier"] == identifier:
            content["rootModelIdentifier"] = fixed
            path = package / "Data" / item["path"]
    manifest.write_text(json.dumps(content, indent=4, sort_keys=True), encoding="utf-8")
    model = Model_pb2.Model.FromString(path.read_bytes())
    path.write_bytes(model.SerializeToString(deterministic=True))


def palette(weights: NDArray[Any], bits: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """2**bits values in rising order, and for each weight, flattened, the index of the nearest one.

    The best division of the groups is found by dynamic programming, then Lloyd's rounds go on with single weights.
    """
    flat = weights.ravel().astype(np.float64)
    values = np.sort(flat)
    sums = np.concatenate([[0], np.cumsum(values)])
    centres = _start(values, sums, 2**bits)
    for _ in range(ROUNDS):
        bounds = np.concatenate([[0], np.searchsorted(values, _borders(centres)), [len(values)]])
        sizes = np.diff(bounds)
        means = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), centres)
        if np.array_equal(means, centres):
            break
        centres = means
    return centres.astype(weights.dtype), np.searchsorted(_borders(centres), flat).astype(np.uint8)


def _start(values: FloatArray, sums: FloatArray, count: int) -> FloatArray:
    """The means of the best division of sorted values into so many runs of whole groups; the last is repeated where
    there are fewer groups."""
    even = np.linspace(values[0], values[-1], GROUPS)[1:]
    cuts = np.concatenate([even, np.quantile(values, np.arange(1, GROUPS) / GROUPS)])
    ends = np.unique(np.concatenate([[0], np.searchsorted(values, cuts, "right"), [len(values)]]))
    squares = np.concatenate([[0], np.cumsum(np.square(values))])[ends]
    sizes = np.maximum(ends - ends[:, None], 1)
    # cost[i, j]: squared error of the run from group i to before group j
    cost = squares - squares[:, None] - np.square(sums[ends] - sums[ends][:, None]) / sizes
    cost[np.tril_indices(len(ends))] = np.inf
    best, cuts_before = cost[0], []
    for _ in range(min(count, len(ends) - 1) - 1):
        total = best[:, None] + cost
        cuts_before.append(total.argmin(0))
        best = total.min(0)
    bounds = [len(ends) - 1]
    for before in reversed(cuts_before):
        bounds.append(int(before[bounds[-1]]))
    runs = ends[[0, *reversed(bounds)]]
    means = np.diff(sums[runs]) / np.diff(runs)
    return np.pad(means, (0, count - len(means)), "edge")


def _borders(centres: FloatArray) -> FloatArray:
    return np.asarray((centres[1:] + centres[:-1]) / 2)


if __name__ == "__main__":
    main()
