"""Runs in a process of its own (see tools.run_apart): a bundle -> float32 TFLite by litert-torch in the working folder.

Reads job.json; writes model.tflite.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toolkit import bundle
from toolkit.export.deployed import Deployed
from toolkit.export.static_int8 import kind
from toolkit.export.tflite_worker import named


class ChannelsLast(nn.Module):
    """A deployed module that takes (1, S, S, 3), as the files of the default converter do."""

    def __init__(self, module: Deployed) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.module(image.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def main() -> None:
    """Do the job in the working folder."""
    import litert_torch

    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    loaded = bundle.read(Path(job["bundle"]))
    side = loaded.card.size_px
    made = litert_torch.convert(ChannelsLast(Deployed(loaded)).eval(), (torch.zeros(1, side, side, 3),))
    made.export("plain.tflite")
    data = with_int32_arg_max(Path("plain.tflite").read_bytes())
    Path("model.tflite").write_bytes(named(data, job["outputs"]))


def with_int32_arg_max(data: bytes) -> bytes:
    """The file with every arg-max giving int32 that gave int64, as torch's does, and was cast to int32 at once."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph: Any = model.subgraphs[0]
    for op in [op for op in graph.operators if kind(model, op) == "ARG_MAX"]:
        first, *others = [reader for reader in graph.operators if op.outputs[0] in reader.inputs]
        if (
            kind(model, first) == "CAST"
            and graph.tensors[first.outputs[0]].type == schema.TensorType.INT32
            and not others
        ):
            op.outputs, op.builtinOptions.outputType = first.outputs, schema.TensorType.INT32
            graph.operators.remove(first)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    main()
