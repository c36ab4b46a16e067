"""Every operator against torch."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from toolkit.runtime.mil.ops import OPERATORS, Arguments
from toolkit.runtime.mil.ops.resize import grid
from toolkit.runtime.mil.program import round_half

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 9, 13)).astype(np.float32)  # sides differ, so that swapped axes show
TORCH_X = torch.from_numpy(X)


def run(kind: str, **inputs: Any) -> Any:
    """One operator on plain values; lists of arrays are several values of one input."""
    several = {"values"}
    values = {k: v if k in several else [v if isinstance(v, str) else np.asarray(v)] for k, v in inputs.items()}
    return OPERATORS[kind](Arguments(values))


def as_numpy(result: Any) -> Any:
    """Torch tensors, also in a list, as arrays."""
    return result.numpy() if isinstance(result, Tensor) else [part.numpy() for part in result]


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((2, 3), (1, 2))])
def test_conv_agrees_with_torch(
    groups: int, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    """Strides, padding, dilation and groups, depthwise with two filters a channel included, to 1e-5."""
    weight = RNG.normal(size=(12, 6 // groups, *kernel)).astype(np.float32)
    bias = RNG.normal(size=12).astype(np.float32)
    expected = functional.conv2d(
        functional.pad(TORCH_X, (2, 1, 1, 3)),
        torch.from_numpy(weight),
        torch.from_numpy(bias),
        stride,
        0,
        dilation,
        groups,
    )
    found = run(
        "conv", x=X, weight=weight, bias=bias, strides=stride, dilations=dilation, groups=groups,
        pad_type="custom", pad=[1, 3, 2, 1],
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_conv_pads_same_as_torch_does(kernel: tuple[int, int]) -> None:
    """Same padding at stride 1 keeps the sides, the odd zero going after."""
    weight = RNG.normal(size=(4, 6, *kernel)).astype(np.float32)
    with warnings.catch_warnings():  # torch tells that it copies the input for even kernels
        warnings.simplefilter("ignore")
        expected = functional.conv2d(TORCH_X, torch.from_numpy(weight), padding="same")
    np.testing.assert_allclose(run("conv", x=X, weight=weight, pad_type="same"), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("pad_type", "before"), [("same", 0), ("same_lower", 1)])
def test_conv_same_padding_at_stride_two_is_lopsided(pad_type: str, before: int) -> None:
    """Ten columns, kernel 3, stride 2: one zero in all, after or before."""
    x, weight = X[:, :, :, :10], RNG.normal(size=(4, 6, 1, 3)).astype(np.float32)
    expected = functional.conv2d(
        functional.pad(torch.from_numpy(x), (before, 1 - before)), torch.from_numpy(weight), stride=(1, 2)
    )
    found = run("conv", x=x, weight=weight, pad_type=pad_type, strides=[1, 2])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_conv_refuses_other_ranks_and_kernels_that_do_not_fit() -> None:
    """One-dimensional inputs, and a kernel larger than the padded map."""
    with pytest.raises(ValueError, match="2-D"):
        run("conv", x=X[0], weight=np.zeros((1, 6, 3), np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        run("conv", x=X, weight=np.zeros((1, 6, 11, 3), np.float32))


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 3), (1, 8)])
@pytest.mark.parametrize("corners", [False, True])
def test_upsampling_agrees_with_torch(height: int, width: int, corners: bool) -> None:
    """Bilinear with half-pixel centres or aligned corners, to 1e-5."""
    size = (9 * height, 13 * width)
    expected = functional.interpolate(TORCH_X, size, mode="bilinear", align_corners=corners)
    found = run(
        "upsample_bilinear", x=X, scale_factor_height=height, scale_factor_width=width, align_corners=corners
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(18, 26), (5, 20), (9, 13)])
def test_resizing_agrees_with_torch(size: tuple[int, int]) -> None:
    """Both resize operations, larger and smaller, to 1e-5."""
    mode = "UNALIGN_CORNERS"
    expected = functional.interpolate(TORCH_X, size, mode="bilinear", align_corners=False)
    by_sides = run(
        "resize_bilinear", x=X, target_size_height=size[0], target_size_width=size[1], sampling_mode=mode
    )  # fmt: skip
    np.testing.assert_allclose(by_sides, expected, atol=1e-5)
    np.testing.assert_allclose(run("resize", x=X, shape=size, resized_dims=2, sampling_mode=mode), expected, atol=1e-5)


def test_nearest_upsampling_repeats_pixels() -> None:
    """Whole factors, another one for each axis."""
    expected = functional.interpolate(TORCH_X, scale_factor=(2, 3), mode="nearest")
    found = run("upsample_nearest_neighbor", x=X, scale_factor_height=2, scale_factor_width=3)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("DEFAULT", [0, 0.4, 0.8, 1, 1]),
        ("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
    ],
)
def test_sampling_grids_are_those_of_the_documentation(sampling: str, expected: list[float]) -> None:
    """The worked example in MIL's own reference: 2 samples to 5."""
    np.testing.assert_allclose(grid(2, 5, sampling), expected, atol=1e-12)


Y = RNG.normal(size=(6, 1, 13)).astype(np.float32)
POSITIVE = np.abs(X) + 0.1
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "real_div": torch.div, "mod": torch.remainder,
    "floor_div": torch.floor_divide, "maximum": torch.maximum, "minimum": torch.minimum, "equal": torch.eq,
    "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le, "greater": torch.gt, "greater_equal": torch.ge,
}  # fmt: skip


@pytest.mark.parametrize("kind", BINARY)
def test_binary_operators_broadcast_like_torch(kind: str) -> None:
    """Signs of both kinds, an axis of length one and a missing one."""
    np.testing.assert_allclose(run(kind, x=X, y=Y), BINARY[kind](TORCH_X, torch.from_numpy(Y)), rtol=1e-6)


@pytest.mark.parametrize("kind", ["floor_div", "mod"])
def test_whole_number_division_rounds_down(kind: str) -> None:
    """Negative numbers too, and the type stays."""
    x, y = np.arange(-7, 8, dtype=np.int32), np.int32(4)
    found = run(kind, x=x, y=y)
    np.testing.assert_array_equal(found, BINARY[kind](torch.from_numpy(x), torch.tensor(4)))
    assert found.dtype == np.int32


@pytest.mark.parametrize(("kind", "function"), [("and", "and"), ("or", "or"), ("xor", "xor")])
def test_logical_operators_agree_with_torch(kind: str, function: str) -> None:
    """All four cases."""
    x, y = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    expected = getattr(torch, f"logical_{function}")(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_array_equal(run(f"logical_{kind}", x=x, y=y), expected)


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu, "relu6": functional.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "abs": torch.abs,
    "sign": torch.sign, "square": torch.square, "exp": torch.exp, "floor": torch.floor, "ceil": torch.ceil,
    "round": torch.round, "identity": lambda x: x,
}  # fmt: skip


@pytest.mark.parametrize("kind", UNARY)
def test_unary_operators_agree_with_torch(kind: str) -> None:
    """Values on both sides of every bend, halves included."""
    x = np.concatenate([4 * X.reshape(-1), np.arange(-3, 7, 0.5)]).astype(np.float32)
    np.testing.assert_allclose(run(kind, x=x), UNARY[kind](torch.from_numpy(x)), rtol=1e-6)


def test_roots_and_logarithms_agree_with_torch() -> None:
    """With the small constant that MIL adds."""
    x = torch.from_numpy(POSITIVE)
    np.testing.assert_allclose(run("sqrt", x=POSITIVE), x.sqrt(), rtol=1e-6)
    np.testing.assert_allclose(run("log", x=POSITIVE, epsilon=0.5), (x + 0.5).log(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run("rsqrt", x=POSITIVE, epsilon=0.5), (x + 0.5).rsqrt(), rtol=1e-6)
    np.testing.assert_allclose(run("inverse", x=POSITIVE), 1 / (x + 1e-4), rtol=1e-6)
    np.testing.assert_allclose(run("pow", x=POSITIVE, y=np.float32(1.5)), x**1.5, rtol=1e-6)


REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "reduce_max": torch.amax, "reduce_min": torch.amin, "reduce_sum": torch.sum, "reduce_mean": torch.mean
}  # fmt: skip


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("kind", REDUCTIONS)
def test_reductions_agree_with_torch(kind: str, keep: bool) -> None:
    """Two axes, one of them negative."""
    expected = REDUCTIONS[kind](TORCH_X, dim=(1, 3), keepdim=keep)
    np.testing.assert_allclose(run(kind, x=X, axes=[1, -1], keep_dims=keep), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, -1])
def test_index_reductions_agree_with_torch(axis: int) -> None:
    """The first index where values are equal."""
    x = np.array([[1, 3, 3], [1, 0, 0]], np.float32)
    tensor = torch.from_numpy(x)
    np.testing.assert_array_equal(run("reduce_argmax", x=x, axis=axis, keep_dims=False), tensor.argmax(axis))
    np.testing.assert_array_equal(run("reduce_argmin", x=x, axis=axis, keep_dims=True), tensor.argmin(axis, True))


def test_choices_and_softmax_agree_with_torch() -> None:
    """Clip, select and softmax along an inner axis."""
    np.testing.assert_array_equal(run("clip", x=X, alpha=-0.5, beta=1), TORCH_X.clamp(-0.5, 1))
    chosen = torch.where(TORCH_X > 0, TORCH_X, torch.from_numpy(Y))
    np.testing.assert_array_equal(run("select", cond=X > 0, a=X, b=Y), chosen)
    np.testing.assert_allclose(run("softmax", x=X, axis=2), TORCH_X.softmax(2), rtol=1e-5)


PLACES = np.array([[1, 2, 12], [3, 0, 0]])
SHAPES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "reshape": ("reshape", {"x": X, "shape": [0, -1, 13, 1]}, TORCH_X.reshape(2, -1, 13, 1)),
    "transpose": ("transpose", {"x": X, "perm": [2, 0, -1, 1]}, TORCH_X.permute(2, 0, 3, 1)),
    "expand_dims": ("expand_dims", {"x": X, "axes": [0, -1]}, TORCH_X[None, ..., None]),
    "squeeze": ("squeeze", {"x": X[:1, :, :1], "axes": [0]}, TORCH_X[0, :, :1]),
    "squeeze all": ("squeeze", {"x": X[:1, :, :1]}, TORCH_X[0, :, 0]),
    "slice": (
        "slice_by_index",
        {"x": X, "begin": [0, 1, -4, 2], "end": [2, 3, -1, 0], "stride": [1, 1, 2, 3],
         "begin_mask": [True, False, False, False], "end_mask": [False, False, False, True],
         "squeeze_mask": [False, True, False, False]},
        TORCH_X[:, 1, -4:-1:2, 2::3],
    ),
    "slice by size": ("slice_by_size", {"x": X, "begin": [1, 0, 2, -3], "size": [1, -1, 4, 2]},
                      TORCH_X[1:, :, 2:6, 10:12]),
    "split evenly": ("split", {"x": X, "num_splits": 3, "axis": 1}, TORCH_X.split(2, 1)),
    "split": ("split", {"x": X, "split_sizes": [4, 8, 1], "axis": -1}, TORCH_X.split([4, 8, 1], 3)),
    "concat": ("concat", {"values": [X, X[:, :2]], "axis": 1}, torch.cat([TORCH_X, TORCH_X[:, :2]], 1)),
    "stack": ("stack", {"values": [X, -X], "axis": -1}, torch.stack([TORCH_X, -TORCH_X], -1)),
    "tile": ("tile", {"x": X, "reps": [1, 2, 1, 3]}, TORCH_X.tile(1, 2, 1, 3)),
    "pad": ("pad", {"x": X, "pad": [1, 0, 2, 3], "constant_val": 7.0},
            functional.pad(TORCH_X, (2, 3, 1, 0), value=7.0)),
    "pad by reflection": ("pad", {"x": X, "pad": [1, 0, 2, 3], "mode": "reflect"},
                          functional.pad(TORCH_X, (2, 3, 1, 0), mode="reflect")),
    "pad by repetition": ("pad", {"x": X, "pad": [1, 0, 2, 3], "mode": "replicate"},
                          functional.pad(TORCH_X, (2, 3, 1, 0), mode="replicate")),
    "gather": ("gather", {"x": X, "indices": np.array([[5, 0, 3]]), "axis": 1}, TORCH_X[:, [[5, 0, 3]]]),
    "gather along axis": ("gather_along_axis", {"x": X[0, 0, :2], "indices": PLACES, "axis": 1},
                          TORCH_X[0, 0, :2].gather(1, torch.from_numpy(PLACES))),
    "gather nd": ("gather_nd", {"x": X, "indices": np.array([[1, 5], [0, 2]])}, TORCH_X[[1, 0], [5, 2]]),
    "fill": ("fill", {"shape": [2, 3], "value": 0.5}, torch.full((2, 3), 0.5)),
    "fill like": ("fill_like", {"ref_tensor": X, "value": 2.0}, torch.full_like(TORCH_X, 2)),
    "range": ("range_1d", {"start": 2, "end": 11, "step": 3}, torch.arange(2, 11, 3)),
    "shape": ("shape", {"x": X}, torch.tensor(TORCH_X.shape)),
    "linear": ("linear", {"x": X, "weight": X[0, 0], "bias": X[0, 0, :, 0]},
               functional.linear(TORCH_X, TORCH_X[0, 0], TORCH_X[0, 0, :, 0])),
    "matmul": ("matmul", {"x": X, "y": X, "transpose_y": True}, TORCH_X @ TORCH_X.mT),
    "matmul transposed": ("matmul", {"x": X, "y": X, "transpose_x": True}, TORCH_X.mT @ TORCH_X),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_tensor_operators_agree_with_torch(case: str) -> None:
    """Layout, slices, joins, gathers and products."""
    kind, inputs, expected = SHAPES[case]
    found, wanted = run(kind, **inputs), as_numpy(expected)
    pairs = zip(found, wanted, strict=True) if isinstance(found, list) else [(found, wanted)]
    for one, other in pairs:
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_batch_norm_agrees_with_torch() -> None:
    """Scale, shift and statistics a channel."""
    mean, shift, scale = X[0, :, 0, 0], X[0, :, 1, 1], X[0, :, 2, 2]
    variance = POSITIVE[0, :, 0, 0]
    expected = functional.batch_norm(TORCH_X, *map(torch.from_numpy, (mean, variance, scale, shift)), eps=1e-3)
    found = run("batch_norm", x=X, mean=mean, variance=variance, gamma=scale, beta=shift, epsilon=1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("concat", {"values": [X], "axis": 1, "interleave": True}, "interleaved"),
        ("gather", {"x": X, "indices": [0], "batch_dims": 1}, "batch_dims"),
        ("gather_nd", {"x": X, "indices": [0], "batch_dims": 1}, "batch_dims"),
        ("reshape", {"x": X, "shape": [0, -1]}, "rank"),
        ("resize", {"x": X, "shape": [4], "resized_dims": 1}, "two axes"),
        ("resize", {"x": X, "shape": [4, 4], "resized_dims": 2, "interpolation_mode": "NEAREST_NEIGHBOR"}, "LINEAR"),
        ("upsample_bilinear", {"x": X, "align_corners": True, "half_pixel_centers": True}, "must differ"),
        ("relu", {"y": X}, "'x' is missing"),
    ],
)
def test_unsupported_variants_are_refused(kind: str, inputs: dict[str, Any], message: str) -> None:
    """An operator says what it does not do rather than compute something else."""
    with pytest.raises(ValueError, match=message):
        run(kind, **inputs)


def test_rounding_is_that_of_a_cast_to_float16() -> None:
    """Every float16, every midpoint and its neighbours, subnormals, overflow, infinities and NaN."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    finite = np.sort(halves[np.isfinite(halves)])
    midpoints = (finite[1:] + finite[:-1]) / 2
    near = [np.nextafter(midpoints, np.float32(s)) for s in (-np.inf, np.inf)]
    random = RNG.normal(size=10_000).astype(np.float32) * np.float32(10.0) ** RNG.integers(-9, 5, 10_000)
    for values in (finite, midpoints, *near, random.astype(np.float32)):
        np.testing.assert_array_equal(round_half(values), values.astype(np.float16).astype(np.float32))
    odd = np.array([65519.9, 65520, -1e9, np.inf, np.nan], np.float32)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(round_half(odd), odd.astype(np.float16).astype(np.float32))
