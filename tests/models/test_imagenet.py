"""ImageNet weights: the published checkpoint's names, by a list of our own, find their places and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from toolkit.models.building import build
from toolkit.models.hrnet import HRNet
from toolkit.models.imagenet import load_imagenet, published_name
from toolkit.models.spec import HRNetSpec

WIDTHS = (18, 36, 72, 144)
Shape = tuple[int, ...]


def conv_bn(conv: str, norm: str, c_in: int, c_out: int, kernel: int) -> Iterator[tuple[str, Shape]]:
    yield f"{conv}.weight", (c_out, c_in, kernel, kernel)
    yield from ((f"{norm}.{name}", (c_out,)) for name in ("weight", "bias", "running_mean", "running_var"))
    yield f"{norm}.num_batches_tracked", ()


def published() -> Iterator[tuple[str, Shape]]:
    """The checkpoint's tensors as its authors' HighResolutionNet registers them, with a part of its classifier."""
    yield from conv_bn("conv1", "bn1", 3, 64, 3)
    yield from conv_bn("conv2", "bn2", 64, 64, 3)
    for block in range(4):
        at, c_in = f"layer1.{block}", 256 if block else 64
        for number, shape in enumerate(((c_in, 64, 1), (64, 64, 3), (64, 256, 1)), start=1):
            yield from conv_bn(f"{at}.conv{number}", f"{at}.bn{number}", *shape)
        if block == 0:
            yield from conv_bn(f"{at}.downsample.0", f"{at}.downsample.1", 64, 256, 1)
    yield from conv_bn("transition1.0.0", "transition1.0.1", 256, 18, 3)
    yield from conv_bn("transition1.1.0.0", "transition1.1.0.1", 256, 36, 3)
    yield from conv_bn("transition2.2.0.0", "transition2.2.0.1", 36, 72, 3)
    yield from conv_bn("transition3.3.0.0", "transition3.3.0.1", 72, 144, 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        for module in range(modules):
            yield from exchange(f"stage{stage}.{module}", stage)
    yield "classifier.weight", (1000, 2048)


def exchange(at: str, branches: int) -> Iterator[tuple[str, Shape]]:
    for k, width in enumerate(WIDTHS[:branches]):
        for block in range(4):
            for number in (1, 2):
                name = f"{at}.branches.{k}.{block}"
                yield from conv_bn(f"{name}.conv{number}", f"{name}.bn{number}", width, width, 3)
    for i in range(branches):
        for j in range(branches):
            name = f"{at}.fuse_layers.{i}.{j}"
            if j > i:
                yield from conv_bn(f"{name}.0", f"{name}.1", WIDTHS[j], WIDTHS[i], 1)
            for k in range(i - j):
                out = WIDTHS[i] if k == i - j - 1 else WIDTHS[j]
                yield from conv_bn(f"{name}.{k}.0", f"{name}.{k}.1", WIDTHS[j], out, 3)


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, Tensor]:
    """Every tensor filled with a number of its own."""
    return {
        name: torch.tensor(i) if shape == () else torch.full(shape, i / 1000)
        for i, (name, shape) in enumerate(published(), start=1)
    }


def network() -> HRNet:
    net = build(HRNetSpec(points=68))
    assert isinstance(net, HRNet)
    return net


def test_every_tensor_of_the_checkpoint_finds_its_place(checkpoint: dict[str, Tensor], tmp_path: Path) -> None:
    """All but the classifier, each once, whole; the landmark head keeps its start and is named."""
    save_file(checkpoint, tmp_path / "w18.safetensors")
    net = network()
    before = {name: value.clone() for name, value in net.head.state_dict().items()}
    loaded = load_imagenet(net, tmp_path / "w18.safetensors")
    assert (loaded.tensors, loaded.unused) == (len(checkpoint) - 1, 1)
    assert set(loaded.fresh) == {f"head.{name}" for name in before}
    state = net.state_dict()
    places = {name: published_name(name) for name in state}
    assert sorted(filter(None, places.values())) == sorted(checkpoint.keys() - {"classifier.weight"})
    for name, place in places.items():
        expected = before[name.removeprefix("head.")] if place is None else checkpoint[place]
        assert torch.equal(state[name], expected), name


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem.3.weight", "conv2.weight"),
        ("layer1.0.body.7.running_var", "layer1.0.bn3.running_var"),
        ("layer1.0.shortcut.0.weight", "layer1.0.downsample.0.weight"),
        ("stages.1.3.branches.2.0.body.4.bias", "stage3.3.branches.2.0.bn2.bias"),
        ("stages.2.0.fusion.rows.0.3.1.weight", "stage4.0.fuse_layers.0.3.1.weight"),
        ("stages.2.1.fusion.rows.3.0.4.weight", "stage4.1.fuse_layers.3.0.1.1.weight"),
        ("stages.2.1.fusion.rows.3.0.6.weight", "stage4.1.fuse_layers.3.0.2.0.weight"),
        ("head.out.weight", None),
    ],
)
def test_names(ours: str, theirs: str | None) -> None:
    """By hand: up is one convolution, down a chain, block layers count from 1."""
    assert published_name(ours) == theirs


def test_a_file_without_counters_is_enough(checkpoint: dict[str, Tensor], tmp_path: Path) -> None:
    """Checkpoints from before torch 0.4.1 have no num_batches_tracked."""
    old = {name: value for name, value in checkpoint.items() if not name.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "old.safetensors")
    assert load_imagenet(network(), tmp_path / "old.safetensors").tensors == len(old) - 1


@pytest.mark.slow
def test_what_does_not_fit_is_refused_and_changes_nothing(checkpoint: dict[str, Tensor], tmp_path: Path) -> None:
    """Another shape, a missing layer, a pickle, and no file at all; each error names what is wrong."""
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    wide = checkpoint | {"transition1.0.0.weight": torch.zeros(32, 256, 3, 3)}
    save_file(wide, tmp_path / "w32.safetensors")
    with pytest.raises(ValueError, match=r"transition1.0.0.weight has the shape \(32, 256, 3, 3\).*\(18, 256, 3, 3\)"):
        load_imagenet(net, tmp_path / "w32.safetensors")
    save_file({k: v for k, v in checkpoint.items() if k != "bn2.bias"}, tmp_path / "short.safetensors")
    with pytest.raises(ValueError, match=r"has no bn2.bias"):
        load_imagenet(net, tmp_path / "short.safetensors")
    torch.save(checkpoint, tmp_path / "w18.pth")
    with pytest.raises(ValueError, match=r"not a safetensors file.*\.pth"):
        load_imagenet(net, tmp_path / "w18.pth")
    with pytest.raises(FileNotFoundError, match="safetensors"):
        load_imagenet(net, tmp_path / "none")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."])
def test_a_wrappers_name_before_all_others_is_left_out(
    checkpoint: dict[str, Tensor], tmp_path: Path, wrapper: str
) -> None:
    """DataParallel and torch.compile put one there; where not all names have it, it is no wrapper's."""
    save_file({wrapper + name: value for name, value in checkpoint.items()}, tmp_path / "w18.safetensors")
    assert load_imagenet(network(), tmp_path / "w18.safetensors").unused == 1
    save_file({**checkpoint, "module.more": torch.zeros(1)}, tmp_path / "more.safetensors")
    assert load_imagenet(network(), tmp_path / "more.safetensors").unused == 2
