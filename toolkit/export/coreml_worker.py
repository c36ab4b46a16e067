"""Runs in a process of its own (see tools.run_apart): TorchScript -> CoreML in the working folder.

Reads job.json and traced.pt; writes PRECISION.mlpackage for each precision of the job.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    for precision in job["precisions"]:
        model = convert(job, precision)
        describe(model, job)
        model.save(f"{precision}.mlpackage")


def convert(job: dict[str, Any], precision: str) -> Any:
    """The traced module as an ML Program; float16 for the network alone."""
    import coremltools as ct
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated in torch
        traced = torch.jit.load("traced.pt")  # type: ignore[no-untyped-call]
    side = job["size_px"]
    half = ct.transform.FP16ComputePrecision(op_selector=Network())
    return ct.convert(
        traced,
        inputs=[ct.ImageType(name="image", shape=(1, 3, side, side), color_layout=ct.colorlayout.RGB)],
        outputs=[ct.TensorType(name=name, dtype=np.float32) for name in job["outputs"]],
        convert_to="mlprogram",
        compute_precision=half if precision == "float16" else ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )


class Network:
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
    model.license = job["licence"]
    model.version = job["version"]
    model.input_description["image"] = job["input"]
    for name, text in job["outputs"].items():
        model.output_description[name] = text


if __name__ == "__main__":
    main()
