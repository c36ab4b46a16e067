"""Parity of one file on disk, and its record."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import runtime
from toolkit.bundle import Bundle, digest, is_bundle, read
from toolkit.core.files import sha256, size_bytes
from toolkit.core.progress import Steps
from toolkit.data.crops import SpreadCrops, open_crops
from toolkit.export import lint
from toolkit.export.deployed import TorchLandmarker
from toolkit.export.layers import start_of_difference
from toolkit.export.parity import Parity, compare, predictions
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Prediction
from toolkit.runtime.sidecar import Mixed


@dataclass(frozen=True)
class Reference:
    """What files are compared with: a bundle and its own predictions for some crops."""

    bundle: Bundle
    crops: SpreadCrops
    predictions: list[Prediction]

    def first(self, count: int) -> "Reference":
        """Of so many faces, for an engine that takes its time."""
        truth_xy = None if self.crops.truth_xy is None else self.crops.truth_xy[:count]
        crops = dataclasses.replace(self.crops, crops=self.crops.crops[:count], truth_xy=truth_xy)
        return Reference(self.bundle, crops, self.predictions[:count])


class Sources:
    """The bundles that converted files came from, by hash."""

    def __init__(self, models: Path, given: Path | None, folders: Iterable[Path]) -> None:
        """Look for them.

        Args:
            models: what a user called the files.
            given: their bundle; None takes all beside the folders and in them.
            folders: where the files are.

        Raises:
            FileNotFoundError: the given one is none.
        """
        self._models, self._given = models, given
        if given is not None and not is_bundle(given):
            raise FileNotFoundError(f"{given} is not a bundle: it has no spec.json")
        nearby = [each for folder in folders for place in (folder.parent, folder) for each in sorted(place.iterdir())]
        self._folders = {digest(folder): folder for folder in ([given] if given else nearby) if is_bundle(folder)}

    def of(self, source: str) -> Path:
        """The bundle of a hash.

        Raises:
            ValueError: it is not there.
        """
        if source in self._folders:
            return self._folders[source]
        if self._given is not None:
            raise ValueError(f"it was converted from another bundle ({source[:12]}) than {self._given}")
        raise ValueError(f"its bundle ({source[:12]}) is not beside {self._models}: name it by --bundle")


def reference(bundle: Bundle, crops: SpreadCrops) -> Reference:
    """Run a bundle on crops, once for all its files."""
    return Reference(bundle, crops, predictions(TorchLandmarker(bundle), crops.crops))


def reference_on(folder: Path, data: Path | None, faces: int) -> Steps[Reference]:
    """The same of a bundle's folder on so many test faces. Raises as bundle.read and data.crops.open_crops do."""
    loaded = read(folder)
    size_px = loaded.card.size_px
    crops = yield from open_crops(data, "test", faces, scheme=loaded.scheme, size_px=size_px)
    return reference(loaded, crops)


def prove(path: Path, expected: Reference, threads: int) -> tuple[Parity, dict[str, Any]]:
    """Load a converted file as a user would, compare it with its bundle's predictions, and say how it went.

    Raises:
        ValueError: the file or its sidecar is damaged, or it does not run.
        FileNotFoundError: it has no sidecar.
    """
    about = sidecar.read(path)
    landmarker = runtime.load(path, threads=threads)
    parity = compare(landmarker, expected.predictions, expected.crops, about.precision)
    starts_at = None if parity.ok else start_of_difference(expected.bundle, path, expected.crops.crops[0])
    found = lint.inspect(path)
    rounded = found.rounded if about.indices == "int32" else ()
    parity = dataclasses.replace(parity, reasons=(*parity.reasons, *found.breaches, *rounded))
    record = {
        "kind": "parity",
        "model": path.name,
        "file_sha256": about.file_sha256,
        "engine": landmarker.engine,
        "precision": about.precision,
        "size_bytes": size_bytes(path),
        "operations": sum(found.operations.values()),
        "transposes": sum(count for name, count in found.operations.items() if name.upper() == "TRANSPOSE"),
        "xnnpack_parts": found.parts,
        "mixed": dataclasses.asdict(about.mixed) if about.mixed else None,
        **parity.record(),
        "starts_at": starts_at,
    }
    return parity, record


def refusal(path: Path, reason: str) -> dict[str, Any]:
    """The record of a file that could not even be run: of its bytes as they are, whatever its sidecar says."""
    identity = {"kind": "parity", "model": path.name, "file_sha256": sha256(path), "size_bytes": size_bytes(path)}
    return {**identity, "reasons": [reason], "ok": False}


def keep(path: Path, parity: Parity) -> None:
    """Write a file's parity into its sidecar."""
    sidecar.write(path, dataclasses.replace(sidecar.read(path), parity=parity.record()))


def table(records: Sequence[dict[str, Any]]) -> str:
    """Parity records as lines for a person, with the reasons of a breach below."""
    width = max(len(r["model"]) for r in records)
    head = f"{'file'.ljust(width)}  {'mean px':>8}  {'worst px':>8}  {'> 1 px':>7}  {'NME change':>10}  {'MB':>6}"
    lines = [head]
    for r in records:
        delta = "not measured" if r.get("nme_delta") is None else f"{r['nme_delta']:+.3f} pp"
        if "mean_px" in r:
            figures = f"{r['mean_px']:8.4f}  {r['worst_px']:8.3f}  {100 * r['moved_over_1px']:5.2f} %  {delta:>10}"
            lines.append(f"{r['model'].ljust(width)}  {figures}  {r['size_bytes'] / 1e6:6.2f}")
        else:
            lines.append(r["model"])
        if r.get("mixed"):
            lines.append(f"  {Mixed(**r['mixed']).text}")
        lines += [f"  FAILED: {reason}" for reason in r["reasons"]]
        if r.get("starts_at"):
            lines.append(f"  {r['starts_at']}")
    return "\n".join(lines)
