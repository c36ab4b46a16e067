"""Where a converted file starts to differ from its bundle: the map of every convolution against the file's own tensors.

Converters rename, reorder and fuse what they convert, so that a layer is found in the file by its values: the tensor of
its shape that is closest to its map, or to that map after a ReLU or ReLU6 that the converter put into the convolution.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.bundle import Bundle
from toolkit.core.arrays import ImageArray
from toolkit.export.deployed import DeployedNetwork
from toolkit.runtime import mil, sidecar, tensors
from toolkit.runtime.sidecar import Precision
from toolkit.runtime.tflite import all_tensors

Map = NDArray[np.float32]
"""(C, h, w)."""

EIGHT_BITS = 0.3
AGREES: dict[Precision, float] = {"float32": 1e-3, "float16": 0.02}
"""Up to which relative error (root mean square over that of the map) a layer still computes what it should; rounding to
8 and 6 bits adds up over a hundred layers, to 0.1 where it was measured, a third of EIGHT_BITS."""


def start_of_difference(bundle: Bundle, path: Path, crop: ImageArray) -> str:
    """The first layer of a converted file whose map is not that of its bundle, in words.

    Raises:
        ValueError: the file or its sidecar is damaged, or it does not run.
    """
    precision = sidecar.read(path).precision
    allowed = AGREES.get(precision, EIGHT_BITS)
    found = list(file_maps(path, crop))
    last, worst, before = "", ("", 0.0), 0.0
    for name, own in layer_maps(bundle, crop).items():
        error = _closest(own, found)
        if not error <= allowed:
            after = f" after {last}, which still agrees" if last else ""
            return f"the difference starts at {name}{after}: relative error {error:.2g}"
        if error - before > worst[1]:
            worst = name, error - before
        last, before = name, error
    if precision in AGREES:
        return f"the difference starts in the decoding: all layers up to {last} agree"
    return f"no layer stands out: the relative error grows to {before:.2g} by {last}, most of all at {worst[0]}"


def layer_maps(bundle: Bundle, crop: ImageArray) -> dict[str, Map]:
    """The normalised image and every convolution's map for one crop, by name and in the order of computing."""
    network = DeployedNetwork(bundle).eval().requires_grad_(False)
    found: dict[str, Map] = {}

    def keep(name: str, value: Tensor) -> None:
        found[name] = value[0].numpy()

    def image(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        keep("the subtraction of the mean", inputs[0])

    def layer(name: str) -> Callable[..., None]:
        return lambda _, __, output: keep(name, output)

    network.net.register_forward_pre_hook(image)
    for name, module in network.net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(layer(_words(name)))
    with torch.inference_mode():
        network(torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)[None].float())
    return found


def _words(name: str) -> str:
    """A module's name, with the paper's count of stages where it has stages."""
    head, _, rest = name.partition(".")
    if head != "stages":
        return name
    stage, branch, layer = rest.split(".", 2)
    return f"stage {int(stage) + 2}, branch {branch}, {layer}"


def file_maps(path: Path, crop: ImageArray) -> Iterator[Map]:
    """Every (C, h, w) tensor that a converted file computes for one crop."""
    about = sidecar.read(path)
    if path.suffix == ".mlpackage":
        for results in mil.load(path).steps({"image": crop.transpose(2, 0, 1)[None].astype(np.float32)}):
            yield from (value[0] for value in results.values() if value.ndim == 4)
        return
    image = tensors.to_tensor(crop, about)
    if path.suffix == ".tflite":
        yield from (value[0].transpose(2, 0, 1) for value in all_tensors(path, image) if value.ndim == 4)
    else:
        yield from (value[0] for value in _onnx(path, image) if value.ndim == 4)


def _onnx(path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
    """Every tensor of an .onnx file."""
    import onnx
    import onnxruntime

    model = onnx.load(str(path))
    names = [name for node in model.graph.node if node.op_type != "Constant" for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(names, {"image": image}))


def _closest(own: Map, found: list[Map]) -> float:
    """The smallest relative error of a map, as it is or after a ReLU, among tensors of its shape."""
    same = [other for other in found if other.shape == own.shape]
    variants = [own, np.maximum(own, 0), np.clip(own, 0, 6)]
    errors = [_relative(other, variant) for other in same for variant in variants]
    return min(errors, default=float("inf"))


def _relative(found: Map, expected: Map) -> float:
    size = float(np.square(expected).mean())
    error = float(np.square(found - expected).mean())
    return float(np.sqrt(error / size)) if size and np.isfinite(error) else float("inf")
