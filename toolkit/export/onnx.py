"""torch -> ONNX: a format to run, and the way to TFLite."""

import warnings
from pathlib import Path

import torch
from torch import nn

from toolkit.export.tools import require

OPSET = 17


def to_onnx(module: nn.Module, size_px: int, outputs: tuple[str, ...], path: Path, *, maps: int | None = None) -> None:
    """Write a deployed module as ONNX: input `image` (1, 3, S, S) float32, static shapes.

    Args:
        module: the whole, or a part of it.
        size_px: side of the input.
        outputs: their names.
        path: the file.
        maps: of a module that decodes alone, how many heatmaps it takes, as `heatmaps` (1, M, S, S).

    Raises:
        ModuleNotFoundError: the convert extra is not installed.
        ValueError: the network has an operation that ONNX lacks; the message names it.
    """
    require("onnx", "onnxscript")
    example = torch.zeros(1, maps or 3, size_px, size_px)
    with warnings.catch_warnings():
        # torch deprecates this exporter; the new one takes 3 to 5 times as long for the same graph
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                module,
                (example,),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=["heatmaps" if maps else "image"],
                output_names=list(outputs),
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ValueError(f"the network cannot be written as ONNX: {str(error).splitlines()[0]}") from error
