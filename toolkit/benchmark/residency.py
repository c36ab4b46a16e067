"""Where CoreML says that a package's operations will run: its compute plan, which only macOS 14.4 and later has."""

from collections import Counter
from pathlib import Path
from typing import Any

DEVICES = {
    "MLCPUComputeDevice": "cpu",
    "MLGPUComputeDevice": "gpu",
    "MLNeuralEngineComputeDevice": "neural_engine",
}


def residency(path: Path, units: str) -> dict[str, int] | None:
    """Operations by the device that CoreML prefers for each, constants left out; None where it does not tell.

    A package that falls back to the CPU does so without a word: this is where it shows.

    Args:
        path: the .mlpackage.
        units: what CoreML may use, in the words of runtime.coreml.

    Raises:
        ModuleNotFoundError: coremltools is not installed.
    """
    import coremltools as ct
    from coremltools.models.compute_plan import MLComputePlan

    allowed = ct.ComputeUnit[units.upper()]
    try:
        compiled = ct.models.MLModel(str(path), compute_units=allowed).get_compiled_model_path()
        plan = MLComputePlan.load_from_path(path=compiled, compute_units=allowed)
    except Exception:  # coremltools raises bare exceptions where the system is too old
        return None
    program = plan.model_structure.program
    if program is None:
        return None
    counts: Counter[str] = Counter()
    for operation in program.functions["main"].block.operations:
        usage: Any = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None:
            name = type(usage.preferred_compute_device).__name__
            counts[DEVICES.get(name, name)] += 1
    return dict(counts)


def off_cpu(counts: dict[str, int] | None) -> float | None:
    """The share of operations that GPU or neural engine run."""
    total = sum(counts.values()) if counts else 0
    return None if counts is None or total == 0 else round(1 - counts.get("cpu", 0) / total, 4)
