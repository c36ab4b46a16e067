"""The command line: quick to start, clear when wrong, and nothing but what was asked for on standard output."""

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from tests.faces import face_points
from toolkit import cli
from toolkit.cli import COMMANDS, SDHRNET, main
from toolkit.cli.catalogue import MOVED
from toolkit.cli.errors import guarded, sentence
from toolkit.cli.program import Program
from toolkit.core.images import write_image
from toolkit.core.options import Options, flag
from toolkit.core.outputs import check_outputs, kinds
from toolkit.data.formats.pts import write_pts
from tools.__main__ import TOOLS

ROOT = Path(__file__).parents[1]
ALWAYS = {"--json", "--quiet", "--help"}
EVERY = {f"{p.name} {name}": (p, command) for p in (SDHRNET, TOOLS) for name, command in p.commands.items()}
"""The commands of both programs."""


def imported_by(statement: str) -> set[str]:
    """Top-level modules that a statement brings in, in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(' '.join(m for m in sys.modules if '.' not in m))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_help_starts_in_under_a_second() -> None:
    """Of processor time, since the machine may be busy, and the best of three."""
    times = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, "-m", "toolkit.cli", "--help"], check=True, capture_output=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(times) < 1


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """And how to go on."""
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name}" in text for name in COMMANDS) and "sdhrnet quickstart" in text


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ("benchmark m --device adb --binary b", "benchmark phone m --binary b"),
        ("benchmark --robustness m", "benchmark robustness m"),
        ("slim --supernet s --sweep", "slim sweep --supernet s"),
        ("benchmark m --peers dlib --detector", "benchmark m --competitors dlib --detector"),
        ("benchmark --robustness m --peers=dlib", "benchmark robustness m --competitors dlib"),
        ("verify --arm m", "verify arm m"),
        ("supernet --out o --preset paper", "supernet --preset paper-300w --out o"),
        ("distil --published cofw --out o", "distil --peers-weight 3 --teacher-weight 0.1 --out o"),
        ("video --measure --faces 1", "video measure --faces 1"),
        ("data pace --runs 3", "data throughput --runs 3"),
        ("evaluate --boxes m --data d", "evaluate --boxes detector m --data d"),
        ("evaluate m --boxes", "evaluate m --boxes detector"),
        ("photo --image a.jpg --boxes", "photo a.jpg --boxes"),
        ("photo --boxes --image=a.jpg", "photo --boxes a.jpg"),
    ],
)
def test_an_old_spelling_is_understood(words: str, now: str) -> None:
    """A flag that named a command may stand anywhere; an option of another name stays before its values."""
    found = words.split()
    for moved in MOVED:
        found = moved.replaced(found) or found
    assert found == now.split()


@pytest.mark.parametrize(
    "words", ["evaluate m --boxes detector", "evaluate --boxes labels m", "photo a.jpg --boxes", "slim"]
)
def test_the_spelling_of_today_stays(words: str) -> None:
    """And nothing is said."""
    assert not any(moved.replaced(words.split()) for moved in MOVED)


@pytest.mark.slow
def test_an_old_spelling_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The command of today answers; its records stay alone on standard output."""
    assert main(["data", "pace", "--count", "2", "--size", "32", "--json"]) == 0
    output = capsys.readouterr()
    assert "`sdhrnet data pace` is now `sdhrnet data throughput`" in output.err
    assert json.loads(output.out)["faces_per_second"] > 0


@pytest.mark.parametrize(
    ("words", "guess"),
    [("evalute m", "sdhrnet evaluate"), ("data chek", "sdhrnet data check"), ("benchmrk phone", "sdhrnet benchmark")],
)
def test_a_misspelt_command_is_guessed(words: str, guess: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With status 2."""
    assert main(words.split()) == 2
    assert f"did you mean `{guess}" in capsys.readouterr().err


def test_a_misspelt_option_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that every command takes too."""
    with pytest.raises(SystemExit) as end:
        main(["describe", "hrsupernet", "--jason"])
    assert end.value.code == 2
    assert "--json" in capsys.readouterr().err


def test_quiet_is_without_a_word_of_a_library(capfd: pytest.CaptureFixture[str]) -> None:
    """TensorFlow Lite tells of its delegate; an error of ours is told all the same."""
    assert main(["evaluate", "sdhrnet-68pt-128", "--synthetic", "1", "--quiet"]) == 0
    assert capfd.readouterr().err == ""
    assert main(["evaluate", "nowhere.tflite", "--quiet"]) == 2
    assert "nowhere.tflite" in capfd.readouterr().err


@pytest.mark.parametrize("word", ["data", "benchmark", "slim", "verify", "video"])
def test_a_word_of_several_commands_lists_them(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is run."""
    assert main([word]) == 0
    text = capsys.readouterr().out
    assert all(f"  {c.name} " in text for c in SDHRNET.family(word)) and len(SDHRNET.family(word)) > 1


@pytest.mark.slow
@pytest.mark.parametrize("word", ["ablate", "contract"])
def test_a_tool_of_the_repository_runs_from_a_clone(word: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Under its old name, and says the new one."""
    assert main([word, *(["distil"] if word == "ablate" else []), "--help"]) == 0
    output = capfd.readouterr()
    assert f"`sdhrnet {word}` is now `python -m tools {word}`" in output.err
    assert f"usage: python -m tools {word}" in output.out


def test_a_tool_of_the_repository_is_named_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a wheel: one line."""
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "toolkit" / "cli" / "__init__.py"))
    assert main(["ablate", "distil"]) == 2
    assert capsys.readouterr().err == (
        "sdhrnet: `ablate` is a tool of the repository: in a clone, run `python -m tools ablate`\n"
    )


@pytest.mark.parametrize("statement", ["import toolkit.runtime", "import toolkit.detect", "import toolkit.data"])
def test_the_device_side_needs_neither_torch_nor_tensorflow(statement: str) -> None:
    """A phone's or a Raspberry Pi's install has neither."""
    assert not {"torch", "tensorflow", "coremltools", "onnx"} & imported_by(statement)


def test_the_package_imports_nothing_heavy() -> None:
    """Not even NumPy."""
    assert not {"numpy", "cv2", "torch", "tyro"} & imported_by("import toolkit, toolkit.cli")


@pytest.mark.parametrize("name", EVERY)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help exits with 0 and describes each option, --json and --quiet among them."""
    program, command = EVERY[name]
    with pytest.raises(SystemExit) as end:
        program.main([*command.name.split(), "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    options = {flag(f.name) for f in dataclasses.fields(command.load().options) if "Positional" not in str(f.type)}
    assert f"usage: {name}" in text and all(option in text for option in options | {"--json", "--quiet"})


WITHOUT_TORCH = """
import sys
import toolkit.cli.without_torch as stands
from toolkit.cli import SDHRNET
stands.find_spec = lambda name: None
for name in SDHRNET.commands:
    try:
        SDHRNET.main([*name.split(), "--help"])
    except SystemExit as end:
        assert not end.code, name
SDHRNET.main(["--completion", "bash"])
left = [name for name in sys.modules if name.startswith(("torch", "safetensors.torch", "toolkit.train"))]
assert not left and not hasattr(sys.modules["toolkit"], "train"), left
"""


@pytest.mark.slow
def test_every_command_explains_and_completes_itself_without_torch() -> None:
    """Which is not imported, if it is there; and nothing is left of what stood for it."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert all(f"usage: sdhrnet {name} " in done.stdout for name in COMMANDS)
    assert "--latency-table" in done.stdout.rpartition("complete")[0]


def test_another_toolkit_that_hides_ours_is_named(tmp_path: Path) -> None:
    """With where it lies and what to do, in one line."""
    (tmp_path / "toolkit").mkdir()
    (tmp_path / "toolkit" / "__init__.py").touch()
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "sdhrnet", "photo"],
        cwd=tmp_path,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"`toolkit` at {tmp_path / 'toolkit'} is another project's" in done.stderr


def made(config: Any, path: Path, same: set[str]) -> Any:
    """Options that were not looked at: one path for all these, others of their own, defaults else."""
    options = object.__new__(config)
    for field in dataclasses.fields(config):
        default = field.default_factory() if callable(field.default_factory) else field.default
        if field.name in same:
            value: Any = (path,) if "tuple" in str(field.type) else str(path) if "str" in str(field.type) else path
        else:
            value = path.with_name(field.name) if default is dataclasses.MISSING else default
        object.__setattr__(options, field.name, value)
    return options


@pytest.mark.parametrize("name", EVERY)
def test_no_command_writes_over_what_it_reads(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair of an output and an input is refused before anything is read, and each pair of outputs."""
    monkeypatch.chdir(tmp_path)
    stage = EVERY[name][1].load()
    config = stage.options
    paths = {n for n, hint in get_type_hints(config).items() if "Path" in str(hint)}
    outputs = {n: kind for n, kind in kinds(config)}
    assert outputs.keys() <= paths and paths & {"out", "results", "json_out", "csv_out", "draw"} <= outputs.keys()
    free = {("bundle", "out")} if name == "sdhrnet convert" else set()  # converted files may lie in their bundle
    for one, other in product(paths, outputs):
        if one != other and (one, other) not in free:
            with pytest.raises(ValueError, match=f"--{other.replace('_', '-')}"):
                next(stage.run(made(config, tmp_path / "same.file", {one, other})))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EVERY)
def test_no_command_replaces_a_file_unless_told_to(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file that a command writes is refused before anything is read where one is there, but for --overwrite."""
    monkeypatch.chdir(tmp_path)
    stage = EVERY[name][1].load()
    mine = tmp_path / "mine.file"
    mine.write_text("a user's")
    for output in (output for output, kind in kinds(stage.options) if kind == "file"):
        options = made(stage.options, mine, {output})
        with pytest.raises(FileExistsError, match=rf"{flag(output)} \S+ is there already.*--overwrite"):
            next(stage.run(options))
        object.__setattr__(options, "overwrite", True)
        check_outputs(options)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["a user's"]


@pytest.mark.parametrize("words", ["photo p1/me.jpg", "photo", "video clip.mov", "data preview"])
def test_files_that_a_command_names_itself_are_not_replaced(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names file and option, and status 2; the first is kept."""
    monkeypatch.chdir(tmp_path)
    for path in ("me-landmarks.png", "astronaut-landmarks.png", "clip-landmarks.mp4", "sheet.png"):
        Path(path).write_text("the first")
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert "is there already: choose another place, or replace it with --overwrite" in told and told.count("\n") == 1
    assert {path.read_text() for path in tmp_path.iterdir()} == {"the first"}


@pytest.mark.parametrize("name", EVERY)
def test_every_command_checks_its_options(name: str) -> None:
    """By the base that all share."""
    assert issubclass(EVERY[name][1].load().options, Options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "no command 'frobnicate'"),
        (["describe", "nothing-here"], "neither a bundle, a converted file nor an architecture"),
        (["describe", "hrsupernet", "--size", "70"], "multiple of 32"),
        (["evaluate", "nowhere.tflite"], "nowhere.tflite"),
        (["slim", "--supernet", "nowhere", "--out", "x"], "there is no nowhere here"),
        (["teacher", "--out", "x", "--data", "nowhere"], "no folder at nowhere"),
        (["teacher", "--out", "x", "--device", "abacus"], "--device auto"),
        (["benchmark", "nowhere"], "nowhere"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No traceback, no half-written folder."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert message in output.err and output.out == ""
    assert output.err.count("\n") == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a.json"), "a.json: No space left on device; make room, or choose"),
        (OSError(28, "No space left on device"), "No space left on device; make room, or choose"),
        (PermissionError(13, "Permission denied", "a.jpg"), "a.jpg: Permission denied; change its rights, or choose"),
        (FileNotFoundError("no photo at a.jpg"), "no photo at a.jpg"),
    ],
)
def test_an_error_of_the_system_is_told_in_words(error: OSError, line: str) -> None:
    """The file first, no number, and what to do."""
    assert sentence(error).startswith(line) and "Errno" not in sentence(error)


def test_unknown_options_are_refused() -> None:
    """By the parser, with status 2."""
    with pytest.raises(SystemExit) as end:
        main(["describe", "hrsupernet", "--colour"])
    assert end.value.code == 2


def test_an_unwritable_place_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--out under a file cannot become a folder."""
    (tmp_path / "file").write_text("")
    assert main(["quickstart", "--out", str(tmp_path / "file" / "run")]) == 2
    assert "file" in capsys.readouterr().err


@pytest.mark.slow
def test_describe_prints_counts_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The supernet's 3,403,430 parameters and 132 factors; as JSON with --json."""
    assert main(["describe", "hrsupernet"]) == 0
    assert "3,403,430 + 132 importance factors" in capsys.readouterr().out
    assert main(["describe", "s-hrnet-cofw", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    expected = {"points": 29, "params_full": 1_074_637, "params_paper": 1_015_852}
    assert {k: record[k] for k in expected} == expected
    assert {"macs_full", "macs_paper"} <= set(record)


def test_a_missing_extra_gives_the_install_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A base install that is asked to train says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [m for m in sys.modules if m.startswith("toolkit.commands.train.teacher")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["teacher", "--out", "x"]) == 2
    assert "pip install '.[train]'" in capsys.readouterr().err


def test_what_the_terminal_cannot_print_is_escaped(tmp_path: Path) -> None:
    """A name with an ë on an ASCII terminal: status 2 for the missing file, not for its name."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.cli", "photo", "Zoë.png"],
        cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "sdhrnet: no picture at Zo\\xeb.png\n")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["describe s-hrnet-cofw", "--help", "data --help", "slim --help"])
def test_a_reader_that_has_gone_is_no_failure(words: str) -> None:
    """`sdhrnet ... | head -0`: status 0, and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "toolkit.cli", *words.split()]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_full_disk_at_standard_output_is_a_failure() -> None:
    """The records were not written: status 2."""
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a device that is always full")
    command = [sys.executable, "-m", "toolkit.cli", "describe", "s-hrnet-cofw", "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left" in done.stderr


def test_only_a_command_that_can_leave_faces_out_names_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same bad face in both; the option that is named works."""
    for name, points in (("good", face_points((2, 2, 60, 60))), ("bad", np.ones((1, 2)))):
        write_image(tmp_path / f"{name}.png", np.zeros((64, 64, 3), np.uint8))
        (tmp_path / f"{name}.pts").write_text(write_pts(points))
    preview = ["data", "preview", str(tmp_path), "--split", "test", "--out", str(tmp_path / "out.webp"), "--quiet"]
    for words, named in ((preview, True), (["data", "boxes", str(tmp_path), "--quiet"], False)):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert "bad.pts: has 1 points, expected 68" in error and ("--skip-bad" in error) == named
    assert main([*preview, "--skip-bad"]) == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sl", "slim"),
        ("data p", "preview pseudo-label pack"),
        ("slim s", "sweep"),
        ("slim sweep --bu", "--budgets"),
        ("slim --importance g", "gamma"),
        ("evaluate m --boxes d", "detector"),
        ("photo --q", "--quiet"),
    ],
)
def test_a_shell_completes(words: str, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, second words, options and choices."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    assert main(["--completion", "bash"]) == 0
    (tmp_path / "completion.bash").write_text(capsys.readouterr().out)
    ask = 'source ./completion.bash; COMP_WORDS=(sdhrnet $1); COMP_CWORD=$2; _sdhrnet; echo "${COMPREPLY[*]}"'
    command = ["bash", "-c", ask, "bash", words, str(len(words.split()))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == found.split()


def test_a_shell_without_completion_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    assert main(["--completion", "fish"]) == 2
    assert "expected one of bash, zsh" in capsys.readouterr().err


FOLDERS = (".", "docs", "deploy", "deploy/*", "results/*")
TEXTS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.md") if path.name != "CHANGELOG.md")
TEXTS += [*sorted(ROOT.glob("notebooks/*.ipynb")), ROOT / "Makefile"]
CALL = re.compile(r"(?:^ *|[`!]|RUN\)/)(sdhrnet|python -m tools) ([a-z][^`\n]*)(?=`|$)", re.MULTILINE)


def calls(path: Path) -> Iterator[tuple[Program, list[str]]]:
    """The command lines that a text shows, whole lines of code or between backquotes, without comments."""
    text = path.read_text()
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    lines = re.sub(r" *(?:&&|\|\|) *", "\n", re.sub(r" *\\\n *", " ", text))  # a shell's chain is several calls
    for name, words in CALL.findall(lines):
        yield (SDHRNET if name == "sdhrnet" else TOOLS), shlex.split(words.split(" #")[0].replace("'", ""))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_call_in_a_text_is_one_of_today(path: Path) -> None:
    """Its command is there, under its present name, and has each of its options."""
    for program, words in calls(path):
        assert not any(moved.replaced(words) for moved in program.moved), words
        name = next((name for n in (2, 1) if (name := " ".join(words[:n])) in program.commands), "")
        if not name and program.family(words[0]) and len(words) == 1:
            continue  # a word of several commands, which lists them
        assert name, f"{path} calls {program.name} {' '.join(words)}"
        options = {flag(f.name) for f in dataclasses.fields(program.commands[name].load().options)}
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - options - ALWAYS
        assert not unknown, f"{path} calls {program.name} {name} with {unknown}"


def test_the_texts_are_read() -> None:
    """README's calls and those of the tools' READMEs are among them."""
    found = [(program.name, words[0]) for path in TEXTS for program, words in calls(path)]
    assert {("sdhrnet", "quickstart"), ("sdhrnet", "benchmark"), ("python -m tools", "ablate")} <= set(found)
    assert len(found) > 100


def test_what_a_stopped_command_kept_is_said(capsys: pytest.CaptureFixture[str]):
    """In its own words, or that what was finished is kept; the status tells the signal."""

    def stopped(*notes: str) -> Callable[[], int]:
        def run() -> int:
            stop = KeyboardInterrupt(15)
            for note in notes:
                stop.add_note(note)
            raise stop

        return run

    assert guarded("a", stopped("stopped after 3 frames; o.mp4 has those")) == 128 + 15
    assert capsys.readouterr().err == "\nstopped after 3 frames; o.mp4 has those\n"
    assert guarded("a", stopped()) == 128 + 15
    assert "what was finished is kept" in capsys.readouterr().err


def test_only_a_training_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Other commands have no --resume."""

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.cli.program.watch", stopped)
    assert main(["photo"]) == 130
    assert capsys.readouterr().err == "\nstopped; what was finished is kept\n"
    assert main(["teacher", "--out", "never-made"]) == 130
    assert "goes on with --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo", ""], "an argument is empty"),
        (["photo", "--out", ""], "--out is empty"),
        (["evaluate", "sdhrnet-68pt-128", "--data="], "--data is empty"),
    ],
)
def test_an_empty_word_is_refused(capsys: pytest.CaptureFixture[str], words: list[str], message: str):
    """It would be the current folder."""
    assert main(words) == 2
    assert capsys.readouterr().err == f"sdhrnet: {message}: give a value or leave it out\n"
