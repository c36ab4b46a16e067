"""Files compiled ahead of time for Qualcomm's chips: what is asked of the compiler, and what is said of its work."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit import bundle, runtime
from toolkit.bundle import Bundle
from toolkit.commands.convert import convert, verify_engine
from toolkit.commands.convert.convert import Convert
from toolkit.commands.convert.verify_engine import VerifyEngine
from toolkit.core.files import read_json, sha256
from toolkit.core.progress import finish
from toolkit.export import lint, npu
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import OUTPUTS, Sidecar

BY = {"ai-edge-litert": "2.3.0", "onnxruntime-qnn": "2.7.0"}
ANSWER = {"by": BY, "operations": 310, "taken": 310, "parts": 1}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A file to compile, in name."""
    path = tmp_path / "net-68pt-64-int8.tflite"
    path.write_bytes(b"a network")
    about = Sidecar(
        model=path.name,
        file_sha256=sha256(path),
        scheme="300w-68",
        points=68,
        size_px=64,
        input_layout="NHWC",
        outputs=OUTPUTS["points"],
        decoder="centroid",
        sigma_px=1.0,
        precision="int8",
        source_bundle="0" * 64,
        source_name="net",
        parity={"mean_px": 0.1},
    )
    sidecar.write(path, about)
    return path


def compiler(root: Path, program: str) -> Path:
    """An environment whose Python is a program."""
    place = root / "htp" / "bin" / "python"
    place.parent.mkdir(parents=True)
    (root / "htp" / ".compiler").touch()
    place.write_text(f"#!{sys.executable}\nimport sys, pathlib\nworker, model, chip, out = sys.argv[1:]\n{program}")
    place.chmod(0o755)
    return root


def test_the_compiler_is_asked_for_the_chip_by_its_makers_name(tmp_path: Path) -> None:
    """In its own environment, by the worker's path."""
    asked = npu.command(tmp_path, tmp_path / "a.tflite", "sm8650", tmp_path / "b.tflite")
    assert list(asked) == [
        str(tmp_path / "bin/python"),
        npu.npu_worker.__file__,
        *(str(tmp_path / "a.tflite"), "SM8650", str(tmp_path / "b.tflite")),
    ]


def test_a_compiled_file_says_for_which_chip_and_what_is_not_proven(plain: Path, tmp_path: Path) -> None:
    """All that is known of the file it was made of stays, but for that one's parity; no processor takes it."""
    program = "pathlib.Path(out).write_bytes(b'a program for ' + chip.encode())\n"
    program += f"print('chatter')\nprint({json.dumps(ANSWER)!r})"
    path, about = npu.compiled(plain, "sm8750", tmp_path, compiler(tmp_path / "engines", program))
    assert path.name == "net-68pt-64-int8-sm8750.tflite" and path.read_bytes() == b"a program for SM8750"
    assert sidecar.read(path) == about and about.compiled is not None
    told = about.compiled
    assert (told.chip, told.by, told.operations, told.taken, told.parts) == ("sm8750", BY, 310, 310, 1)
    assert told.plain_sha256 == sha256(plain) and told.proven == "nothing" and "never run on a phone" in told.not_proven
    assert about.parity == {} and about.source_bundle == "0" * 64
    assert "compiled" not in read_json(sidecar.path_of(plain))
    with pytest.raises(ValueError, match=r"compiled for sm8750 and runs on nothing else: take the file that it was"):
        runtime.load(path)


def test_what_cannot_be_compiled_is_said_in_a_line(plain: Path, tmp_path: Path) -> None:
    """No compiler, one that fails, and files that it does not take."""
    with pytest.raises(
        FileNotFoundError, match=r"no compiler for Qualcomm's chips at .*: run deploy/engines/fetch\.sh"
    ):
        npu.compiled(plain, "sm8650", tmp_path, tmp_path / "none")
    root = compiler(tmp_path / "engines", "sys.exit('none of its operations is taken')")
    with pytest.raises(ValueError, match=r"int8\.tflite cannot be compiled for sm8650 \(status 1\): none of"):
        npu.compiled(plain, "sm8650", tmp_path, root)
    with pytest.raises(
        ValueError, match=r"--npu compiles \.tflite files of points in float32, float16, int8, int8whole"
    ):
        Convert(bundle=tmp_path, to=("onnx",), precision=("float32",), npu=("sm8650",))


def test_the_program_is_found_in_a_compiled_file(tmp_path: Path) -> None:
    """By the place and size that the one operation has; a file in pieces is refused."""
    (tmp_path / "one.tflite").write_bytes(dispatching(1, b"the chip's bytes"))
    (tmp_path / "two.tflite").write_bytes(dispatching(2, b"the chip's bytes"))
    assert npu.program(tmp_path / "one.tflite") == (b"the chip's bytes", "qnn_partition_0")
    with pytest.raises(ValueError, match=r"two\.tflite is in 2 pieces"):
        npu.program(tmp_path / "two.tflite")


def dispatching(pieces: int, program: bytes) -> bytes:
    """A .tflite file of so many operations that each call a program behind its end."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    def file(offset: int) -> bytes:
        options = flexbuffers.Builder()
        with options.Map():
            options.Key("bytecode_offset")
            options.UInt(offset, 8)
            options.Key("bytecode_size")
            options.UInt(len(program), 8)
            options.Key("name")
            options.String("qnn_partition_0")
        model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
        code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, b"DISPATCH_OP"
        packed = bytearray(options.Finish())
        graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
        for _ in range(pieces):
            op = schema.OperatorT()
            op.opcodeIndex, op.customOptions, op.inputs, op.outputs = 0, list(packed), [], []
            graph.operators.append(op)
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    return file(len(file(1 << 20))) + program


@pytest.fixture
def engines() -> Iterator[Path]:
    """Where the compiler is."""
    root = Path(os.environ.get("SDHRNET_ENGINES", ".engines"))
    if not (root / "htp" / ".compiler").exists():
        pytest.skip(f"no compiler at {root}: make verify-engines")
    yield root


@pytest.mark.slow
def test_a_small_network_is_compiled_and_right_on_the_simulator(
    small_bundle: Bundle, tmp_path: Path, engines: Path
) -> None:
    """Whole, in one part, proven by the compiled bytes; and verified again from where it was put."""
    bundle.write(small_bundle, tmp_path / "net")
    options = Convert(
        bundle=tmp_path / "net", to=("tflite",), precision=("float32",), faces=4, npu=("sm8650",), engines=engines
    )
    outcome = finish(convert.run(options))
    assert outcome.ok, outcome.text
    (path,) = (tmp_path / "models" / npu.FOLDER).glob("*.tflite")
    about = sidecar.read(path)
    assert path.name.endswith("-float32-sm8650.tflite") and about.compiled is not None
    assert about.compiled.taken == about.compiled.operations > 50 and about.compiled.parts == 1
    assert about.parity["mean_px"] < 0.1 and "by Qualcomm's simulator" in about.compiled.proven
    again = finish(verify_engine.run(VerifyEngine(models=path, engine="htp", root=engines, faces=1)))
    assert again.ok and again.records[0]["chip"] == "sm8650" and again.records[0]["whole"]
    (plain,) = (tmp_path / "models").glob("*.tflite")
    (record,) = finish(verify_engine.run(VerifyEngine(models=plain, engine="npu", root=engines, faces=1))).records
    assert record["model"] == plain.name and record["file_sha256"] == sha256(plain) and record["parts"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float16", "int8", "int8io", "dynamic8"])
def test_the_compiler_leaves_what_describe_tells(converted, tmp_path: Path, engines: Path, precision: str) -> None:
    """Of every kind of file; those that are left in part are in several parts."""
    plain = converted.file(f"{precision}.tflite")
    left = lint.inspect(plain).left
    _, about = npu.compiled(plain, "sm8650", tmp_path, engines)
    assert left is not None and about.compiled is not None
    assert about.compiled.operations - about.compiled.taken == sum(left["npu"].values())
    assert (about.compiled.parts > 1) is bool(left["npu"])
