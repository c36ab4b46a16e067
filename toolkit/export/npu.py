"""Ahead of time for Qualcomm's NPUs: a .tflite file compiled for one chip, and its program as the simulator takes it.

LiteRT's compiler with Qualcomm's libraries puts what it takes of a file into programs for one chip; the phone compiles
nothing. The result is a .tflite file again, which runs on that chip alone, through LiteRT's dispatch library. Here
Qualcomm's own simulator runs the very bytes of the program, wrapped into an .onnx file.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from toolkit.core.files import sha256
from toolkit.core.validation import check, parse
from toolkit.export import npu_worker
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import Compiled, Precision, Sidecar

Chip = Literal[
    "sm8350", "sm8450", "sm8475", "sm8550", "sm8650", "sm8750", "sm8845", "sm8850", "sa8255", "sa8295"
]  # fmt: skip
"""Qualcomm's chips that LiteRT's compiler knows; sm8650 is the Snapdragon 8 Gen 3, sm8750 the 8 Elite."""
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8", "int8whole")
"""Of the files that are compiled, those with floats at both ends; floats are computed in half precision."""
FOLDER = "npu"
"""Where compiled files are, inside the folder of those they are made of: no processor runs them."""
NOT_PROVEN = "never run on a phone: neither its time, nor that the phone's driver takes it"


def compiler(root: Path) -> Path:
    """The compiler's environment, which is that of the simulator.

    Raises:
        FileNotFoundError: it was not made, or before it had the compiler.
    """
    if not (root / "htp" / ".compiler").exists():
        raise FileNotFoundError(
            f"no compiler for Qualcomm's chips at {root}: run deploy/engines/fetch.sh {root} python3 htp (x86-64 Linux)"
        )
    return root / "htp"


def file_name(plain: Path, chip: Chip) -> str:
    """NAME-int8-sm8650.tflite."""
    return f"{plain.stem}-{chip}{plain.suffix}"


def command(own: Path, plain: Path, chip: Chip, out: Path) -> Sequence[str]:
    """What compiles a file in the compiler's environment."""
    return [str(own / "bin/python"), npu_worker.__file__, str(plain.resolve()), chip.upper(), str(out.resolve())]


def compiled(plain: Path, chip: Chip, folder: Path, root: Path) -> tuple[Path, Sidecar]:
    """Compile a .tflite file into a folder, and write its sidecar, without parity as yet.

    Raises:
        FileNotFoundError: the compiler is not there.
        ValueError: it failed, which is said in its last words, or took nothing of the file.
    """
    about = sidecar.read(plain)
    out = folder / file_name(plain, chip)
    done = subprocess.run(
        command(compiler(root), plain, chip, out), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        words = " ".join(done.stderr.split()[-40:])
        raise ValueError(f"{plain.name} cannot be compiled for {chip} (status {done.returncode}): {words}")
    said: Any = parse(done.stdout.splitlines()[-1].encode(), "the compiler's answer")
    told = check({**said, "chip": chip, "plain_sha256": about.file_sha256, "not_proven": NOT_PROVEN}, Compiled, chip)
    made = replace(about, model=out.name, file_sha256=sha256(out), compiled=told, parity={})
    sidecar.write(out, made)
    return out, made


def program(path: Path) -> tuple[bytes, str]:
    """The one program of a compiled file, and its name.

    Raises:
        ValueError: it was compiled in several parts, between which a processor would compute.
    """
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    data = path.read_bytes()
    operators = schema.ModelT.InitFromPackedBuf(data, 0).subgraphs[0].operators
    if len(operators) != 1:
        raise ValueError(f"{path.name} is in {len(operators)} pieces: the simulator runs a file that is one program")
    options: Any = flexbuffers.Loads(bytes(operators[0].customOptions))
    start = options["bytecode_offset"]
    return data[start : start + options["bytecode_size"]], options["name"]


def as_onnx(path: Path, about: Sidecar, folder: Path) -> Path:
    """A compiled file's program in an .onnx file around it, for onnxruntime's QNN provider.

    Raises:
        ValueError: it is not one program.
        ModuleNotFoundError: onnx is not installed.
    """
    import onnx
    from onnx import TensorProto, helper

    data, name = program(path)
    (folder / "program.bin").write_bytes(data)
    side, points = about.size_px, about.points
    shapes = {"image": [1, side, side, 3], "points": [1, points, 2], "confidence": [1, points]}
    image, *outputs = (helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in shapes.items())
    node = helper.make_node(
        "EPContext",
        ["image"],
        [output.name for output in outputs],
        name=name,
        domain="com.microsoft",
        main_context=1,
        embed_mode=0,
        ep_cache_context="program.bin",
        source="QNN",
        partition_name=name,
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph([node], "compiled", [image], outputs), opset_imports=domains)
    onnx.save(model, str(folder / "compiled.onnx"))
    return folder / "compiled.onnx"
