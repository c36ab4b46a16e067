"""A bundle, the folder that stages read and write: an architecture, its weights, and a card that says what it is.

spec.json            the architecture, whole
weights.safetensors  parameters and buffers, loaded strictly; nothing is ever unpickled
card.json            scheme, input, decoding, data, config, metrics, parents, versions, hashes of the two above
log.jsonl            a record an epoch
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from toolkit.core import heatmap, zoo
from toolkit.core.correspondence import span_of
from toolkit.core.files import naming, read_json, read_lines, sha256, write_bytes, write_json, write_lines
from toolkit.core.outputs import require_empty
from toolkit.core.schemes import Scheme, SchemeFile, file_of, known, scheme
from toolkit.core.validation import (
    CropSide,
    Positive,
    Real,
    Sha256,
    Share,
    Sigma,
    Text,
    check,
    check_fields,
    without_format,
)
from toolkit.data.licences import stated_or_known
from toolkit.models.building import blank
from toolkit.models.hrnet import HRNet
from toolkit.models.spec import Spec, from_json, to_json
from toolkit.models.supernet import HRSuperNet

FORMAT = 2
"""The version of card.json written here (2 added `hashes`); a higher one comes from a newer release."""
HASHED = ("spec.json", "weights.safetensors")
"""The files whose hashes a card carries. A card of format 1 has none, and its files are taken as they are."""
STAGING = ".bundle-"

is_bundle = zoo.is_bundle
"""Whether a path is a folder with a bundle in it; there it needs no torch."""
LAST_LAYER = ("head.out.weight", "head.out.bias")
"""The layer that has a channel for each landmark."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Channels = tuple[Real, Real, Real]


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle is, for people and for the stages that read it."""

    name: Text
    variant: str = ""
    """What tells a released model from another one of the same points and size."""
    stage: Text
    """The stage that made it: teacher, supernet, slim, distil or shape."""
    scheme: Text
    own_scheme: SchemeFile | None = None
    """Of a scheme of one's own its points, as they are written; without it the name is one that everybody knows."""
    size_px: CropSide
    """Side of the square crop it was trained for."""
    sigma_px: Sigma
    """Standard deviation of its targets in heatmap pixels; the decoder needs it."""
    decoder: heatmap.Decoder = "dark"
    confidence_floor: Share | None = None
    """Mean confidence of a face's points below which they may be nonsense; None where it was not fitted."""
    mean: Channels = IMAGENET_MEAN
    std: tuple[Positive, Positive, Positive] = IMAGENET_STD
    """Normalisation of RGB in [0, 1]."""
    data: dict[str, Any] = field(default_factory=dict)
    """Training and validation set by title, and the `licence` of the weights in words where anything is known."""
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    parents: dict[str, Sha256] = field(default_factory=dict)
    """Hashes of the bundles it was made from, by role."""
    made_with: dict[str, Any] = field(default_factory=dict)
    """Versions, commit, device and seconds."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.own_scheme is not None:
            known(self.own_scheme, f"own_scheme of {self.name}")
        scheme(self.scheme)

    def released_name(self, points: int) -> str:
        """What a model of so many points is called, such as sdhrnet-68pt-160."""
        return f"{self.name}-{points}pt-{self.size_px}{self.variant and '-'}{self.variant}"

    @property
    def licence(self) -> str | None:
        """The terms of its weights in words, as far as anything is known of them; research-only data always shows."""
        return stated_or_known(self.data.get("licence"), str(self.data.get("train", "")), len(self.parents))

    @property
    def taught_by(self) -> tuple[str, ...] | None:
        """What a distillation used beside the truth: peers, teacher, masks; empty where its terms were all off.

        None for other stages, and where the card does not say it. A shape layer's card keeps what its network was
        trained by.
        """
        terms = {"peers": "peers_weight", "teacher": "teacher_weight", "masks": "mask"}
        if self.stage not in ("distil", "shape") or not self.config.keys() & set(terms.values()):
            return None
        return tuple(name for name, key in terms.items() if self.config.get(key))


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A network with its card."""

    spec: Spec
    card: Card
    weights: dict[str, Tensor]
    log: tuple[dict[str, Any], ...] = ()

    @property
    def scheme(self) -> Scheme:
        """The landmark scheme of the card."""
        return scheme(self.card.scheme)

    def network(self) -> HRNet | HRSuperNet:
        """A fresh network with a copy of these weights, in evaluation mode, on the CPU."""
        net = blank(self.spec)
        net.load_state_dict(self.weights)
        return net.eval()


def rounded(bundle: Bundle) -> Bundle:
    """The bundle with its weights rounded to float16, which halves what is shipped; it still computes in float32."""
    weights = {k: v.half() if v.is_floating_point() else v for k, v in bundle.weights.items()}
    return dataclasses.replace(bundle, weights=weights)


def part(bundle: Bundle, wanted: Scheme) -> Bundle:
    """The network with the maps of one of its joint scheme's parts alone; any other bundle as it is.

    Raises:
        ValueError: its scheme is neither the wanted one nor joint with it, or it has a shape layer.
    """
    if bundle.scheme == wanted:
        return bundle
    span = span_of(wanted, bundle.scheme)
    weights = dict(bundle.weights)
    if bundle.spec.shape is not None:
        raise ValueError(f"{bundle.card.name} has a shape layer over all of its heads' points: it has no single head")
    for name in LAST_LAYER:
        weights[name] = weights[name][span].contiguous()
    spec = dataclasses.replace(bundle.spec, points=wanted.points)
    return dataclasses.replace(
        bundle, spec=spec, card=dataclasses.replace(bundle.card, scheme=wanted.name), weights=weights
    )


def of_network(net: HRNet | HRSuperNet, card: Card, log: tuple[dict[str, Any], ...] = ()) -> Bundle:
    """A bundle of a network's present weights, copied to the CPU."""
    return Bundle(spec=net.spec, card=card, weights=state(net), log=log)


def state(net: nn.Module) -> dict[str, Tensor]:
    """A contiguous CPU copy of parameters and buffers."""
    return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in net.state_dict().items()}


FILES = ("weights.safetensors", "card.json", "log.jsonl", "spec.json")
"""Of a bundle, in the order in which they are put in place: with the last one it is a bundle."""


def write(bundle: Bundle, folder: Path) -> None:
    """Write a bundle, replacing the files of one that stood there; whatever else is in the folder stays.

    A reader meets the old bundle, the new one, or none.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=STAGING) as staging:
            fresh = Path(staging)
            write_json(fresh / "spec.json", to_json(bundle.spec))
            write_bytes(fresh / "weights.safetensors", save(bundle.weights))
            hashes = {name: sha256(fresh / name) for name in HASHED}
            card = dataclasses.asdict(dataclasses.replace(bundle.card, own_scheme=file_of(bundle.scheme)))
            write_json(fresh / "card.json", {"format": FORMAT, "hashes": hashes, **card})
            write_lines(fresh / "log.jsonl", bundle.log)
            (folder / "spec.json").unlink(missing_ok=True)
            for name in FILES:
                (fresh / name).replace(folder / name)


def require_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder for a new bundle unless it is empty or not there, or holds a bundle that may be replaced.

    Hidden files do not count: nothing but a bundle's own files is ever replaced or removed.

    Raises:
        FileExistsError: it holds something else; the message says what to do.
    """
    if is_bundle(folder):
        if not overwrite:
            raise FileExistsError(f"{folder} holds a bundle: choose another --out, or replace it with --overwrite")
        return
    require_empty(folder, "holds no bundle")


def read(folder: Path) -> Bundle:
    """The bundle in a folder.

    Raises:
        FileNotFoundError: the folder, or a file that it needs, is not there.
        ValueError: a newer format, files that are not those of the card's hashes or are damaged, or weights that do not
            fit the spec.
    """
    for name in (*HASHED, "card.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is not a bundle: it has no {name}")
    card, spec = _card(folder), from_json(read_json(folder / "spec.json"), str(folder / "spec.json"))
    try:
        weights = load((folder / "weights.safetensors").read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{folder}/weights.safetensors is damaged ({error}): make the bundle again") from error
    with torch.device("meta"):  # shapes alone: a spec may ask for more memory than there is
        expected = {name: tuple(value.shape) for name, value in blank(spec).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != found:
        odd = sorted(set(expected.items()) ^ set(found.items()))[0][0]
        raise ValueError(f"{folder}: the weights do not fit spec.json, first at {odd}")
    if scheme(card.scheme).points != spec.points:
        raise ValueError(f"{folder}: card.json says {card.scheme}, the network of spec.json has {spec.points} points")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError(f"{folder}/weights.safetensors holds values that are not finite")
    weights = {name: v.float() if v.is_floating_point() else v for name, v in weights.items()}
    log = read_lines(folder / "log.jsonl", dict[str, Any])
    return Bundle(spec=spec, card=card, weights=weights, log=tuple(log))


def digest(folder: Path) -> str:
    """The hash that names a bundle in sidecars and cards: of its architecture and weights."""
    return sha256(folder / "spec.json", folder / "weights.safetensors")


def _card(folder: Path) -> Card:
    """The card in a folder, once the files that it vouches for are found to be the ones that were written."""
    path = folder / "card.json"
    whole = read_json(path)
    fields = without_format(whole, FORMAT, str(path))
    if whole["format"] >= 2:
        hashes = check(fields.pop("hashes", None), dict[str, Sha256], f"{path}: hashes")
        for name in HASHED:
            if name not in hashes:
                raise ValueError(f"{path}: hashes: has none of {name}")
            if hashes[name] != sha256(folder / name):
                raise ValueError(
                    f"{folder / name} is damaged: it is cut off or was changed since card.json took its hash; "
                    "copy the whole bundle again or make it again"
                )
    return check(fields, Card, str(path))  # type: ignore[no-any-return]
