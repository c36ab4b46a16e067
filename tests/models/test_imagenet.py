"""ImageNet weights: the published checkpoint's names, by a list of our own, find their places and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from toolkit.models.building import build
from toolkit.models.hrnet import HRNet
from toolkit.models.imagenet import load_imagenet, published_name, supernet_name
from toolkit.models.spec import HRNetSpec, hrnet_supernet, hrsupernet
from toolkit.models.supernet import HRSuperNet

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


@pytest.mark.slow
def test_hrnet_as_a_supernet_computes_what_hrnet_does(tmp_path: Path) -> None:
    """With all of its weights and factors of 1: the same heatmaps to 1e-5, on a picture that is not square."""
    torch.manual_seed(3)
    net, supernet = network().eval(), HRSuperNet(hrnet_supernet(68)).eval()
    for norm in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, std=0.3)
    for conv in (m for m in net.modules() if isinstance(m, torch.nn.Conv2d)):
        torch.nn.init.kaiming_normal_(conv.weight)
    save_file(
        {place: v for k, v in net.state_dict().items() if (place := published_name(k))}, tmp_path / "w.safetensors"
    )
    loaded = load_imagenet(supernet, tmp_path / "w.safetensors")
    assert set(loaded.fresh) == {"alpha", *(f"head.{name}" for name in net.head.state_dict())} and loaded.unused == 0
    supernet.head.load_state_dict(net.head.state_dict())
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = net(image)
        assert (supernet(image) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem.3.weight", "conv2.weight"),
        ("stages.3.0.edges.1.0.weight", "stage2.0.fuse_layers.0.1.0.weight"),
        ("stages.6.2.edges.0.3.weight", "stage3.2.fuse_layers.2.0.1.0.weight"),
        ("stages.10.3.edges.0.6.weight", "stage4.2.fuse_layers.3.0.2.0.weight"),
        ("stages.3.2.edges.0.0.weight", None),
        ("stages.2.1.edges.0.0.weight", None),
        ("stages.3.0.encoder.0.body.0.weight", None),
        ("stage1.0.body.0.weight", None),
        ("alpha", None),
    ],
)
def test_what_hrsupernet_shares_with_hrnet(ours: str, theirs: str | None) -> None:
    """The stem, and the fusions between branches that HRNet has by then; of its MBConvs nothing."""
    assert supernet_name(ours, hrsupernet(68)) == theirs


def test_hrsupernet_of_residual_units_shares_their_blocks_too() -> None:
    """Those of the eight modules; its stage 1 has none of HRNet's Bottlenecks, and its branch 3 is early."""
    spec = hrsupernet(68, unit="residual")
    assert supernet_name("stages.2.1.encoder.3.body.4.bias", spec) == "stage2.0.branches.1.3.bn2.bias"
    assert supernet_name("stages.9.3.encoder.0.body.0.weight", spec) == "stage4.2.branches.3.0.conv1.weight"
    assert supernet_name("stages.5.3.encoder.0.body.0.weight", spec) is None
    assert supernet_name("stage1.0.body.0.weight", spec) is None
