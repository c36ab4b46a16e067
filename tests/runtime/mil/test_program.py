"""Whole programs against torch and against what coremltools reads."""

import functools
import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec, Spec, s_hrnet
from toolkit.runtime import mil
from toolkit.runtime.mil import package

Array = NDArray[Any]


def relative(found: Array, expected: Tensor) -> float:
    """Largest difference over the largest value."""
    return float(np.abs(found - expected.numpy()).max() / expected.abs().max())


@pytest.mark.parametrize(("name", "tolerance"), [("f32", 2e-6), ("f32-17", 2e-6), ("f16", 2e-3), ("f16-18", 2e-3)])
def test_small_network_agrees_with_torch(
    packages: dict[str, Path], pieces: nn.Module, image: Array, name: str, tolerance: float
) -> None:
    """Relative difference in float32 and float16, non-square."""
    (found,) = mil.load(packages[name])({"image": image}).values()
    difference = relative(found, pieces(torch.from_numpy(image)))
    assert difference < tolerance
    assert name.startswith("f32") or difference > 1e-5  # it does round


def test_constants_are_those_that_coremltools_reads(ct: Any, packages: dict[str, Path]) -> None:
    """Every constant of a float16 package, against coremltools' own loader."""
    load = importlib.import_module("coremltools.converters.mil.frontend.milproto.load").load
    path = packages["f16"]
    spec = ct.models.utils.load_spec(str(path))
    weights = path / "Data/com.apple.CoreML/weights"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy deprecations inside coremltools
        program = load(spec, spec.specificationVersion, str(weights))
    expected = {op.outputs[0].name: op.val.val for op in program.functions["main"].operations if op.op_type == "const"}
    found = {
        name: operation.arguments["val"][0]
        for operation in package.read(path).operations
        if operation.kind == "const"
        for name in operation.outputs
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.slow
def test_image_input_with_scale_and_bias(
    ct: Any, convert: Callable[..., Any], pieces: nn.Module, image: Array, tmp_path: Path
) -> None:
    """CoreML's own preprocessing becomes part of the program, and the feature says that it is an RGB image."""
    bias = [-1.0, 2.0, 3.0]
    inputs = [ct.ImageType(name="image", shape=image.shape, scale=0.5, bias=bias)]
    convert(pieces, image.shape, "iOS15", inputs=inputs).save(str(tmp_path / "image.mlpackage"))
    program = mil.load(tmp_path / "image.mlpackage")
    (found,) = program({"image": image}).values()
    assert [feature.colour for feature in program.features] == ["RGB"]
    assert relative(found, pieces(torch.from_numpy(image) * 0.5 + torch.tensor(bias).view(3, 1, 1))) < 2e-6


def compressions(ct: Any) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Ways to keep weights small: deployment target and what to do to the model."""
    opt = ct.optimize.coreml

    def linear(**options: Any) -> Callable[[Any], Any]:
        config = opt.OptimizationConfig(opt.OpLinearQuantizerConfig(weight_threshold=0, **options))
        return lambda model: opt.linear_quantize_weights(model, config)

    def palette(**options: Any) -> Callable[[Any], Any]:
        config = opt.OptimizationConfig(opt.OpPalettizerConfig(weight_threshold=0, **options))
        return lambda model: opt.palettize_weights(model, config)

    return {
        "int8": ("iOS16", linear(mode="linear_symmetric")),
        "uint8": ("iOS16", linear(mode="linear", dtype="uint8")),
        "int8 blocks": ("iOS18", linear(mode="linear_symmetric", dtype="int8")),
        "int4 blocks": ("iOS18", linear(mode="linear", dtype="int4", granularity="per_block", block_size=2)),
        "palette 4": ("iOS16", palette(mode="uniform", nbits=4)),
        "palette 6": ("iOS16", palette(mode="uniform", nbits=6)),
        "palette 3 groups": (
            "iOS18",
            palette(mode="uniform", nbits=3, granularity="per_grouped_channel", group_size=2),
        ),
        "vector palette": ("iOS18", palette(mode="kmeans", nbits=4, cluster_dim=2)),
    }


@pytest.fixture(scope="session")
def converted(convert: Callable[..., Any], pieces: nn.Module, image: Array) -> Callable[[str], Any]:
    """The small network for a deployment target, converted once."""
    return functools.cache(lambda target: convert(pieces, image.shape, target))


COMPRESSIONS = (
    "int8", "uint8", "int8 blocks", "int4 blocks", "palette 4", "palette 6", "palette 3 groups", "vector palette"
)  # fmt: skip


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_compressed_weights_are_those_that_coremltools_expands(
    ct: Any, converted: Callable[[str], Any], pieces: nn.Module, image: Array, tmp_path: Path, name: str
) -> None:
    """A package gives what it gives after coremltools has decompressed it, to 1e-6, and not what the network gives."""
    target, compress = compressions(ct)[name]
    model = converted(target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy and scikit-learn notices inside coremltools
        small = compress(model)
        whole = ct.optimize.coreml.decompress_weights(small)
    results = {}
    for label, one in (("whole", whole), ("small", small)):
        one.save(str(tmp_path / f"{label}.mlpackage"))
        (results[label],) = mil.load(tmp_path / f"{label}.mlpackage")({"image": image}).values()
    kinds = {operation.kind for operation in package.read(tmp_path / "small.mlpackage").operations}
    assert any(kind.startswith("constexpr_") for kind in kinds)
    np.testing.assert_allclose(results["small"], results["whole"], atol=1e-6)
    assert relative(results["small"], pieces(torch.from_numpy(image))) > 1e-4


NETWORKS: dict[str, Spec] = {"s-hrnet": s_hrnet("300w", 68), "hrnet": HRNetSpec(points=68, modules=(1, 1, 1), blocks=1)}


@pytest.mark.slow  # converting a whole network takes ten seconds and more
@pytest.mark.parametrize(
    ("name", "half", "tolerance"), [("s-hrnet", False, 1e-5), ("s-hrnet", True, 4e-3), ("hrnet", False, 1e-5)]
)
def test_whole_networks_agree_with_torch(
    convert: Callable[..., Any], tmp_path: Path, name: str, half: bool, tolerance: float
) -> None:
    """The released slimmed network and a shallow teacher at 64 px, relative to the highest value."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(NETWORKS[name]).eval().requires_grad_(False)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean, module.running_var = torch.randn_like(module.bias) / 10, module.weight * 0.9
        nn.init.normal_(net.head.out.weight)
        image = torch.randn(1, 3, 64, 64)
    convert(net, image.shape, "iOS15", half=half).save(str(tmp_path / "net.mlpackage"))
    (found,) = mil.load(tmp_path / "net.mlpackage")({"image": image.numpy()}).values()
    assert relative(found, net(image)) < tolerance


def test_wrong_inputs_are_refused(packages: dict[str, Path], image: Array) -> None:
    """Another name, another shape."""
    program = mil.load(packages["f32"])
    with pytest.raises(ValueError, match="takes image; given: picture"):
        program({"picture": image})
    with pytest.raises(ValueError, match=r"image has shape \(1, 3, 40, 24\), the program declares float32"):
        program({"image": image.swapaxes(2, 3)})


def test_infinities_pass_silently(packages: dict[str, Path], image: Array) -> None:
    """A float16 overflow is a value, as on a device, and no warning."""
    (found,) = mil.load(packages["f16"])({"image": np.full_like(image, 1e30)}).values()
    assert not np.isfinite(found).all()


def test_reading_and_running_need_neither_torch_nor_coremltools(packages: dict[str, Path]) -> None:
    """In a process of its own: NumPy is enough."""
    code = (
        "import sys, numpy; from pathlib import Path; from toolkit.runtime import mil\n"
        f"mil.load(Path({str(packages['f16'])!r}))({{'image': numpy.zeros((1, 3, 24, 40))}})\n"
        "assert not {'torch', 'coremltools', 'tensorflow', 'google.protobuf'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
