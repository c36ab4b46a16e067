"""HRNetV2-W18's published ImageNet weights, from a file that the user has.

The format is safetensors with the tensor names of the authors' classification checkpoint
(`hrnetv2_w18_imagenet_pretrained.pth`, github.com/HRNet/HRNet-Image-Classification), such as `conv1.weight`,
`layer1.0.bn1.running_mean` and `stage2.0.fuse_layers.1.0.0.0.weight`. That checkpoint is a pickle, which can run code
when it is opened, so that nothing here opens it; where it is trusted, it becomes such a file by

    python -c "import sys, torch, safetensors.torch as s; s.save_file({k: v.contiguous() for k, v in
    torch.load(sys.argv[1], map_location='cpu', weights_only=True).items()}, sys.argv[2])" IN.pth OUT.safetensors
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from toolkit.core.files import sha256
from toolkit.models.hrnet import HRNet
from toolkit.models.spec import HRNET_STAGES, SuperNetSpec
from toolkit.models.supernet import HRSuperNet

HEAD = "head."
WRAPPERS = ("_orig_mod.", "module.", "_orig_mod.")
BLOCK = {"0": "conv1", "1": "bn1", "3": "conv2", "4": "bn2", "6": "conv3", "7": "bn3"}
"""Layers of a residual block by their place in its body."""
RULES: tuple[tuple[str, str], ...] = (
    (r"stem\.([0134])", "{block}"),
    (r"layer1\.(\d+)\.body\.([013467])", "layer1.{0}.{block}"),
    (r"layer1\.(\d+)\.shortcut\.([01])", "layer1.{0}.downsample.{1}"),
    (r"entry\.0\.([01])", "transition1.0.{0}"),
    (r"entry\.1\.([01])", "transition1.1.0.{0}"),
    (r"new_branch\.0\.([01])", "transition2.2.0.{0}"),
    (r"new_branch\.1\.([01])", "transition3.3.0.{0}"),
    (r"stages\.(\d)\.(\d+)\.branches\.(\d)\.(\d+)\.body\.([0134])", "stage{stage}.{1}.branches.{2}.{3}.{block}"),
    (r"stages\.(\d)\.(\d+)\.fusion\.rows\.(\d)\.(\d)\.(\d+)", "stage{stage}.{1}.fuse_layers.{2}.{3}.{fused}"),
)
"""Our module's name, and the checkpoint's, made of the numbers in it."""
MODULES = ("stage2.0", "stage3.0", "stage3.1", "stage3.2", "stage3.3", "stage4.0", "stage4.1", "stage4.2")
"""HRNet's modules: residual units on as many branches as the stage's number says, and a fusion behind them."""
TRANSITIONS = {
    **{(2, "0", "0"): "transition1.0", (2, "0", "1"): "transition1.1.0"},
    **{(4, "1", "2"): "transition2.2.0", (9, "2", "3"): "transition3.3.0"},
}
"""Of HRNet as a supernet, by stage, source and target."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a file gave a network."""

    tensors: int
    """How many were taken."""
    fresh: tuple[str, ...]
    """Tensors of the network that the checkpoint has nothing for, and that keep their start: the landmark head's, and
    what else a supernet has of its own."""
    unused: int
    """Tensors of the file that the network has no place for, such as the classifier's."""


def published_name(name: str) -> str | None:
    """What the checkpoint calls one of HRNet's tensors; None for the head's, which it does not have."""
    module, _, tensor = name.rpartition(".")
    for pattern, published in RULES:
        found = re.fullmatch(pattern, module)
        if found:
            numbers = found.groups()
            layer = published.format(
                *numbers, block=BLOCK.get(numbers[-1]), stage=int(numbers[0]) + 2, fused=_fused(numbers)
            )
            return f"{layer}.{tensor}"
    assert name.startswith(HEAD), name
    return None


def supernet_name(name: str, spec: SuperNetSpec) -> str | None:
    """What the checkpoint calls one of a supernet's tensors; None where it has nothing like it, such as MBConvs.

    HRNet as a supernet has a place for all. HRSuperNet's eight fusions behind stage 2 are those of HRNet's eight
    modules, between the branches that HRNet has by then; in residual units, so are their blocks.
    """
    like_hrnet = spec.stages == HRNET_STAGES
    fused = dict(zip((3, 5, 6, 7, 8, 10, 11, 12) if like_hrnet else range(3, 11), MODULES, strict=True))
    encoded = dict(zip((2, 4, 5, 6, 7, 9, 10, 11) if like_hrnet else range(2, 10), MODULES, strict=True))
    match name.split("."):
        case ["stem", *_]:
            return published_name(name)
        case ["stage1", *rest] if spec.bottlenecks:
            return published_name(".".join(["layer1", *rest]))
        case ["stages", stage, branch, "encoder", unit, "body", layer, tensor] if spec.unit == "residual":
            module = encoded.get(int(stage))
            return f"{module}.branches.{branch}.{unit}.{BLOCK[layer]}.{tensor}" if _has(module, branch) else None
        case ["stages", stage, target, "edges", source, layer, tensor]:
            if like_hrnet and (int(stage), source, target) in TRANSITIONS:
                return f"{TRANSITIONS[int(stage), source, target]}.{layer}.{tensor}"
            module = fused.get(int(stage))
            place = _fused(("0", "0", target, source, layer))
            return f"{module}.fuse_layers.{target}.{source}.{place}.{tensor}" if _has(module, source, target) else None
    return None


def _has(module: str | None, *branches: str) -> bool:
    """Whether one of HRNet's modules has some branches."""
    return module is not None and all(int(branch) < int(module[len("stage")]) for branch in branches)


def _fused(numbers: tuple[str, ...]) -> str:
    """Place within a fusion's transform: up is one convolution, down a chain of them with a ReLU between."""
    target, source, place = numbers[-3:] if len(numbers) == 5 else ("0", "0", "0")
    index = int(place)
    return place if source > target else f"{index // 3}.{index % 3}"


def file_hash(weights: Path | None) -> str | None:
    """The hash of the file to start from; None where there is none, which is told of when it is read."""
    return sha256(weights) if weights is not None and weights.is_file() else None


def pretrained(net: HRNet | HRSuperNet, weights: Path | None) -> dict[str, Any]:
    """Load the weights, if there are any, and say for the card which they were and what they left as it was."""
    if weights is None:
        return {}
    loaded = load_imagenet(net, weights)
    about = {"file": weights.name, "file_sha256": sha256(weights), **dataclasses.asdict(loaded)}
    return {"weights": about | {"fresh": list(loaded.fresh)}}


def load_imagenet(net: HRNet | HRSuperNet, path: Path) -> Loaded:
    """Give a network the weights in a file that it has a place for; its head keeps its start.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no safetensors file, lacks a layer, or a layer has another shape.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}: give a safetensors file of HRNetV2-W18's ImageNet weights")
    try:
        given = load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a safetensors file ({error}); a .pth checkpoint is converted by the command in "
            "toolkit/models/imagenet.py"
        ) from error
    given = dict(_unwrapped(given))
    own = net.state_dict()
    names = {name: published_name(name) if isinstance(net, HRNet) else supernet_name(name, net.spec) for name in own}
    _require_fit(path, own, names, given)
    taken = {name: given[place] for name, place in names.items() if place is not None and place in given}
    with torch.no_grad():
        for name, value in taken.items():
            own[name].copy_(value)
    fresh = tuple(name for name, place in names.items() if place is None)
    return Loaded(tensors=len(taken), fresh=fresh, unused=len(given) - len(taken))


def _unwrapped(given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors without what a wrapper around the network (DataParallel, torch.compile) puts before every name."""
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in given):
            given = {name.removeprefix(prefix): value for name, value in given.items()}
    return given


def _require_fit(
    path: Path, own: Mapping[str, Tensor], names: Mapping[str, str | None], given: Mapping[str, Tensor]
) -> None:
    for name, place in names.items():
        if place is None or (place not in given and name.endswith("num_batches_tracked")):  # older torch has none
            continue
        if place not in given:
            raise ValueError(f"{path} has no {place}: are these the weights of HRNetV2-W18?")
        if given[place].shape != own[name].shape:
            raise ValueError(
                f"{path}: {place} has the shape {tuple(given[place].shape)}, HRNetV2-W18 needs {tuple(own[name].shape)}"
            )
