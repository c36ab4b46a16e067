"""Stage: what the phone and browser sides must know and reproduce, as files that their builds and tests read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec

from toolkit import runtime
from toolkit.core.files import write_bytes, write_json
from toolkit.core.images import write_png
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.validation import check
from toolkit.core.zoo import MAIN, ModelPath, is_bundle
from toolkit.runtime import sidecar
from tools.contract.contract import FORMAT, contract_of
from tools.contract.golden import cases, drawn_faces, kept_faces
from tools.contract.terms import CONTRACT_SCHEMA, Terms, schemas


@dataclass(frozen=True, kw_only=True)
class Contract(Options):
    """Write contract.json, its JSON Schema and golden/, from which every platform's demo takes its numbers and its test
    its cases.

    The same model gives the same files, byte for byte on one kind of machine.
    """

    model: ModelPath = Path(MAIN)
    """A converted file, or a bundle's folder with converted files beside it (default: float16 of the main released
    model)."""
    out: OutFolder = Path("deploy")
    """The folder to write to; the schemas of the contract and of sidecars go there too."""
    redraw: bool = False
    """Draw the synthetic faces again, rather than keep those that lie in OUT/golden."""


def run(options: Contract) -> Steps[Outcome]:
    """Write both; see Contract."""
    check_outputs(options)
    path = _converted(options.model)
    about, siblings = sidecar.read(path), _siblings(path)
    golden = options.out / "golden"
    yield Progress(task="predicting golden faces", done=0, total=1)
    faces = ([] if options.redraw else kept_faces(golden)) or drawn_faces()
    made = cases(faces, runtime.load(path), about.sigma_px)
    for face in faces:
        picture = golden / f"{face.name}.png"
        if options.redraw or not picture.is_file():
            write_png(picture, face.image)
    for name, value in made.items():
        write_bytes(golden / name, (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode())
    contract = msgspec.json.decode(msgspec.json.encode(contract_of(about, siblings)))
    check(contract, Terms, "contract.json")
    write_json(options.out / "contract.json", {"$schema": CONTRACT_SCHEMA, **contract})
    for name, schema in schemas(FORMAT).items():
        write_json(options.out / name, schema)
    record = {"kind": "contract", "model": about.model, "file_sha256": about.file_sha256, "faces": len(faces)}
    return Outcome(text=f"{options.out / 'contract.json'} and {golden} for {about.model}", records=(record,))


def _siblings(path: Path) -> list[sidecar.Sidecar]:
    """The sidecars of all files beside a converted one that were made from the same bundle, itself included."""
    source = sidecar.read(path).source_bundle
    return [about for _, about in _made_from(source, path.parent)]


def _made_from(source: str, folder: Path) -> list[tuple[Path, sidecar.Sidecar]]:
    """The files of a folder, floats in and out, that were converted from a bundle, by its hash, with their sidecars."""
    files = runtime.models_in(folder) if folder.is_dir() else []
    described = [(file, sidecar.read(file)) for file in files if sidecar.path_of(file).is_file()]
    return [(file, about) for file, about in described if about.source_bundle == source and about.in_floats]


def _converted(model: Path) -> Path:
    """The file to take for a model: itself, or the most exact TFLite file that was made from a bundle.

    Raises:
        FileNotFoundError: nothing beside the bundle was converted from it.
    """
    if not is_bundle(model):
        return model
    from toolkit import bundle  # needs torch, which a converted file does not

    source = bundle.digest(model)
    for folder in (model.parent / "models", model.parent, model):
        made = {about.precision: file for file, about in _made_from(source, folder) if file.suffix == ".tflite"}
        for precision in get_args(sidecar.Precision):
            if precision in made:
                return made[precision]
    raise FileNotFoundError(f"no .tflite beside {model} was made from it: run `sdhrnet convert {model}` first")
