"""Stage: a bundle -> files for phones and other engines, each proved against the bundle before it is put in place."""

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.files import folder_for
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.zoo import WEIGHTS, BundlePath
from toolkit.data import Split
from toolkit.data.crops import SpreadCrops, open_crops
from toolkit.export import conversion, npu
from toolkit.export.conversion import Origin, Target, Wanted
from toolkit.export.deployed import check_heatmaps, check_whole
from toolkit.export.engines import prove_on
from toolkit.export.npu import Chip
from toolkit.export.proof import Reference, keep, prove, reference, table
from toolkit.export.tflite import CALIBRATED, Converter
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import Output, Precision

SIMULATED_FACES = 4
"""That a compiled file is run on: the simulator takes seconds for each."""


@dataclass(frozen=True, kw_only=True)
class Convert(Options):
    """TFLite, CoreML and ONNX files of a bundle: pixels in, points out, each with its parity in a sidecar.

    Every file is loaded and compared with the bundle, in crop pixels and in NME, before it is put in place. One that
    breaks the budget of its precision is not written, and the exit status is 1. Static int8 that would break it stays
    in float32 in part, and says so.
    """

    bundle: Positional[BundlePath]
    """The bundle to convert, or the name of a released model."""
    out: OutFolder | None = None
    """Folder for the files (default: models, beside the bundle; in the current folder for a released one)."""
    to: tuple[Target, ...] = ("tflite", "coreml", "onnx")
    """Formats."""
    precision: tuple[Precision, ...] = ("float32", "float16", "int8")
    """Precisions; each format gives those of them that it has. TFLite: float32, float16, int8 (static, float at both
    ends), int8whole (as int8, decoded by operations that every engine takes, so that the file stays in one part; of
    networks that decode by the centroid), int8io (static, uint8 pixels in, integers out), dynamic8 (weights alone).
    CoreML: float32, float16, weights8, palette6, palette4 (weights of 8, 6 and 4 bits). ONNX: float32."""
    output: Output = "points"
    """points: decoded inside the file, a shape layer included; heatmaps: for a platform that decodes by itself, of a
    bundle without a shape layer."""
    converter: Converter = "channels-last"
    """How TFLite is made: by this toolkit's own reading of the ONNX graph, which follows where channels lie and is
    exact at every size; or by onnx2tf, which takes networks of any kind and guesses layouts by sizes, wrongly where a
    map has as many channels as rows: such a file breaks its budget and is not written."""
    data: Path | None = None
    """Faces for calibration and parity, as for training; without it, synthetic faces."""
    calibration: int = 128
    """Training faces that static int8 takes its ranges from."""
    faces: int = 32
    """Validation faces that parity is measured on."""
    overwrite: bool = False
    """Replace files that were converted from another bundle; those of the same one are always replaced."""
    keep: bool = False
    """Write a file that breaks its budget too; `verify` will still refuse it."""
    npu: tuple[Chip, ...] = ()
    """Also compile the .tflite files of points for these chips of Qualcomm's, into OUT/npu (sm8650 is the Snapdragon 8
    Gen 3), and run them on Qualcomm's simulator: float32, float16, int8 and int8whole."""
    engines: Path = Path(".engines")
    """Where compiler and simulator are, made by deploy/engines/fetch.sh."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.calibration < 1 or self.faces < 1:
            raise ValueError("calibration and faces must be at least 1")
        self.wanted()
        fit = "tflite" in self.to and self.output == "points" and set(npu.PRECISIONS).intersection(self.precision)
        if self.npu and not fit:
            raise ValueError(f"--npu compiles .tflite files of points in {', '.join(npu.PRECISIONS)}: ask for one")

    @property
    def folder(self) -> Path:
        """Where the files go."""
        source = self.bundle.resolve()
        return self.out or (Path() if source.parent == WEIGHTS.resolve() else source.parent) / "models"

    def wanted(self) -> Wanted:
        """Formats and precisions, checked."""
        return Wanted(targets=self.to, precisions=self.precision, output=self.output, converter=self.converter)


def run(options: Convert) -> Steps[Outcome]:
    """Convert, prove and put in place; see Convert."""
    out = options.folder
    check_outputs(options, out=out, within=("bundle",))
    loaded = bundle.read(options.bundle)
    if options.output == "heatmaps":
        check_heatmaps(loaded)
    if "tflite" in options.to and "int8whole" in options.precision:
        check_whole(loaded)
    _check_names(options, loaded, out)
    if options.npu:
        npu.compiler(options.engines)
    faces = yield from _crops(options, loaded, "val", options.faces, "crops for parity")
    calibration = None
    if "tflite" in options.to and set(CALIBRATED).intersection(options.precision):
        calibration = yield from _crops(options, loaded, "train", options.calibration, "crops for calibration")
    origin = Origin(
        bundle=loaded,
        digest=bundle.digest(options.bundle),
        output=options.output,
        calibration=calibration,
        converter=options.converter,
    )
    expected = reference(loaded, faces)
    records: list[dict[str, Any]] = []
    compiled: list[dict[str, Any]] = []
    with folder_for(out):
        for done, target in enumerate(options.to):
            yield Progress(task=f"converting to {target}", done=done, total=len(options.to))
            with tempfile.TemporaryDirectory(dir=out, prefix=".converting-") as temporary:
                made = _convert(origin, options.wanted(), target, Path(temporary))
                for path in made:
                    yield Progress(task=f"converting to {target}", done=done, total=len(options.to), note=path.name)
                    records.append(_finish(path, out, expected, always=options.keep))
        for chip in options.npu:
            for path in [out / record["model"] for record in records if record.get("precision") in npu.PRECISIONS]:
                if path.suffix == ".tflite" and path.exists():
                    yield Progress(task=f"compiling for {chip}", done=0, total=1, note=path.name)
                    compiled.append(_compile(options, path, chip, expected))
    ok = all(record["ok"] for record in (*records, *compiled))
    text = "\n".join([table(records), *map(_compiled_line, compiled), _advice(out, ok=ok, kept=options.keep)])
    return Outcome(text=text, records=(*records, *compiled), ok=ok)


def _check_names(options: Convert, loaded: bundle.Bundle, out: Path) -> None:
    """Raises FileExistsError where a file that is to be made would replace somebody else's, or another bundle's."""
    source = bundle.digest(options.bundle)
    for path in _files(options, loaded, out):
        beside = sidecar.path_of(path)
        if path.exists() and not beside.exists():
            raise FileExistsError(f"{path} has no sidecar, so it is not replaced: choose another --out")
        if beside.exists() and sidecar.source_of(path) != source and not options.overwrite:
            raise FileExistsError(
                f"{path} was not converted from {options.bundle} as it is now: choose another --out, or replace it "
                "with --overwrite"
            )


def _files(options: Convert, loaded: bundle.Bundle, out: Path) -> Iterator[Path]:
    """Those that are to be made."""
    wanted = options.wanted()
    for target in options.to:
        for precision in wanted.precisions_of(target):
            path = out / conversion.file_name(loaded, options.output, target, precision)
            yield path
            if target == "tflite" and precision in npu.PRECISIONS:
                yield from (out / npu.FOLDER / npu.file_name(path, chip) for chip in options.npu)


def _crops(options: Convert, loaded: bundle.Bundle, split: Split, count: int, task: str) -> Steps[SpreadCrops]:
    size_px = loaded.card.size_px
    return (yield from open_crops(options.data, split, count, scheme=loaded.scheme, size_px=size_px, task=task))


def _convert(origin: Origin, wanted: Wanted, target: Target, folder: Path) -> list[Path]:
    crops = origin.calibration.crops if origin.calibration else ()
    made = conversion.make(origin.bundle, wanted, target, folder, crops)
    for precision, one in made.items():
        conversion.describe(one, origin, target, precision)
    return [one.path for one in made.values()]


def _finish(path: Path, out: Path, expected: Reference, *, always: bool) -> dict[str, Any]:
    """Prove one fresh file; put it in place where it keeps its budget."""
    parity, record = prove(path, expected, threads=1)
    keep(path, parity)
    if parity.ok or always:
        place(path, out / path.name)
    return {**record, **conditions(1)}


def _compile(options: Convert, plain: Path, chip: Chip, expected: Reference) -> dict[str, Any]:
    """Compile one file, run it on the simulator, and put it in place where it keeps its budget."""
    out = options.folder / npu.FOLDER
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".compiling-") as temporary:
        path, about = npu.compiled(plain, chip, Path(temporary), options.engines)
        assert about.compiled is not None
        if about.compiled.parts > 1 or about.compiled.taken < about.compiled.operations:
            taken = f"{about.compiled.taken} of {about.compiled.operations} operations in {about.compiled.parts} parts"
            raise ValueError(
                f"{chip} takes {taken} of {plain.name}, which nothing here can prove: leave its precision out"
            )
        few = expected.first(SIMULATED_FACES)
        parity, record = prove_on("htp", options.engines, path, few, about)
        proven = f"points of {len(few.predictions)} faces, from the compiled bytes, by Qualcomm's simulator of its NPU"
        told = dataclasses.replace(about.compiled, proven=proven)
        sidecar.write(path, dataclasses.replace(about, compiled=told, parity=parity.record()))
        if record["ok"] or options.keep:
            place(path, out / path.name)
    return {**record, **conditions(1)}


def _compiled_line(record: dict[str, Any]) -> str:
    lines = [
        f"{npu.FOLDER}/{record['model']}: {record['operations_taken']} of {record['operations']} operations in "
        f"{record['parts']} part, {record['mean_px']:.4f} px on the simulator"
    ]
    return "\n".join(lines + [f"  FAILED: {reason}" for reason in record["reasons"]])


def place(path: Path, target: Path) -> None:
    """Move a file and its sidecar over what stood there; a reader meets a matching pair or a clear refusal.

    The sidecar comes first: a file without one was never put there by this command.
    """
    sidecar.path_of(path).replace(sidecar.path_of(target))
    if target.is_dir():
        shutil.rmtree(target)
    path.replace(target)


def _advice(out: Path, *, ok: bool, kept: bool) -> str:
    if ok:
        return f"wrote {out}; next: sdhrnet verify {out}"
    if kept:
        return f"wrote {out}, with the files that broke their budget"
    wrote = f"wrote {out}, without" if out.exists() else "nothing is written of"
    return f"{wrote} the files that broke their budget (--keep writes them too)"
