"""A converted file on an engine that wants an environment of its own; run there by path, with NumPy and the engine.

    python engine_worker.py htp|gpu|compiled MODEL CROPS.npy OUT.npz

CROPS.npy has (N, S, S, 3) float32 in 0..255. OUT.npz has points (N, M, 2) in crop sides, confidence (N, M), and
`about`: JSON of the engine's name, and where it tells, of the file's operations and those that it took.
"""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

SOC_MODEL = "57"
"""Qualcomm's number of the SM8650, whose NPU is simulated."""
QNN = "QNNExecutionProvider"

Call = Callable[[Any], list[Any]]
"""A crop (1, S, S, 3) -> the outputs, by their shapes (1, M, 2) and (1, M)."""


def htp(model: Path) -> tuple[Call, dict[str, Any]]:
    """An .onnx file on Qualcomm's HTP simulator, floats in half precision, as far as it takes it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = _simulated(model, options, {"enable_htp_fp16_precision": "1", "soc_model": SOC_MODEL})
    parts = session.get_provider_graph_assignment_info()
    nodes = [(part.ep_name == QNN, node.op_type) for part in parts for node in part.get_nodes()]
    about = {
        "engine": f"onnxruntime-qnn {version('onnxruntime-qnn')}, HTP simulator, SM8650, float16",
        "operations": len(nodes),
        "taken": sum(taken for taken, _ in nodes),
        "parts": sum(part.ep_name == QNN for part in parts),
        "left": [kind for taken, kind in nodes if not taken],
    }
    return lambda crop: session.run(None, {"image": crop.transpose(0, 3, 1, 2)}), about


def compiled(model: Path) -> tuple[Call, dict[str, Any]]:
    """An .onnx file around a program that was compiled for one of Qualcomm's chips, on the HTP simulator."""
    import onnxruntime

    session = _simulated(model, onnxruntime.SessionOptions(), {})
    about = {"engine": f"onnxruntime-qnn {version('onnxruntime-qnn')}, HTP simulator, compiled ahead of time"}
    return lambda crop: session.run(None, {"image": crop}), about


def _simulated(model: Path, options: Any, provider: dict[str, str]) -> Any:
    """A session of an .onnx file on the HTP simulator, given onnxruntime's options and more of the provider's."""
    import onnxruntime
    import onnxruntime_qnn as qnn  # type: ignore[import-not-found]

    onnxruntime.register_execution_provider_library(QNN, qnn.get_library_path())
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == QNN]
    options.add_provider_for_devices(devices[:1], {"backend_path": qnn.get_qnn_htp_path(), **provider})
    return onnxruntime.InferenceSession(str(model), sess_options=options)


def gpu(model: Path) -> tuple[Call, dict[str, Any]]:
    """A .tflite file on LiteRT's GPU engine over WebGPU and Vulkan, whatever draws there: here a processor."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    compiled = CompiledModel.from_file(str(model), hardware_accel=HardwareAccelerator.GPU | HardwareAccelerator.CPU)
    ((signature, tensors),) = compiled.get_signature_list().items()
    details = compiled.get_output_tensor_details(signature)
    shapes = [details[name]["shape"] for name in tensors["outputs"]]
    inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)

    def call(crop: Any) -> list[Any]:
        inputs[0].write(np.ascontiguousarray(crop).ravel())
        compiled.run_by_index(0, inputs, outputs)
        return [
            np.array(buffer.read(int(np.prod(shape)), np.float32)).reshape(shape)
            for buffer, shape in zip(outputs, shapes, strict=True)
        ]

    about = {"engine": f"ai-edge-litert {version('ai-edge-litert')}, WebGPU", "whole": compiled.is_fully_accelerated()}
    return call, about


def main(engine: str, model: str, crops: str, out: str) -> None:
    """The file as a program."""
    call, about = {"htp": htp, "gpu": gpu, "compiled": compiled}[engine](Path(model))
    points: list[Any] = []
    confidence: list[Any] = []
    for crop in np.load(crops):
        for value in call(np.asarray(crop, np.float32)[None]):
            (points if value.ndim == 3 else confidence).append(value[0])
    np.savez(out, points=np.stack(points), confidence=np.stack(confidence), about=json.dumps(about))


if __name__ == "__main__":
    main(*sys.argv[1:])
