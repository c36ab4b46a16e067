"""Where a command may write: nothing that is read is lost, no output covers another, and all is known at the start."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.core.files import write_lines
from toolkit.core.outputs import (
    EditedFile,
    NewFolder,
    OutFile,
    OutFolder,
    OutRecords,
    WritesFiles,
    check_new,
    check_outputs,
    require_empty,
)


@dataclass(frozen=True, kw_only=True)
class Example(WritesFiles):
    """Reads a picture, a folder and models; writes files, records and a folder."""

    image: Path | None = None
    data: Path | None = None
    models: tuple[Path, ...] = ()
    out: OutFile | None = None
    json_out: OutFile | None = None
    results: OutRecords | None = None
    folder: OutFolder | None = None
    replaced: NewFolder | None = None
    page: EditedFile | None = None


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"a picture")
    return Path("a.jpg")


@pytest.mark.parametrize("way", ["same", "dots", "absolute", "symbolic link", "hard link", "link to the folder"])
def test_what_is_read_is_not_written_to(image: Path, way: str) -> None:
    """However the same file is named."""
    other = {"same": image, "dots": Path("x/../a.jpg"), "absolute": image.resolve()}.get(way, Path("b.jpg"))
    if way == "symbolic link":
        other.symlink_to(image)
    elif way == "hard link":
        os.link(image, other)
    elif way == "link to the folder":
        Path("here").symlink_to(".", target_is_directory=True)
        other = Path("here/a.jpg")
    for name in ("out", "json_out", "results"):
        with pytest.raises(ValueError, match=f"--{name.replace('_', '-')} {other} is the image that is read"):
            check_outputs(Example(image=image, **{name: other}))
    with pytest.raises(ValueError, match="is the models that is read"):
        check_outputs(Example(models=(Path("m"), image), out=other))


@pytest.mark.parametrize("second", ["b.png", "./b.png", "x/../b.png", "B.PNG"])
def test_two_outputs_need_two_names(image: Path, second: str) -> None:
    """Also by a name that some file systems take for the same, and where one is the command's default."""
    with pytest.raises(ValueError, match=r"--out and --json-out are both b\.png"):
        check_outputs(Example(image=image, out=Path("b.png"), json_out=Path(second)))
    with pytest.raises(ValueError, match=r"--out and --json-out are both b\.png"):
        check_outputs(Example(image=image, json_out=Path(second)), out=Path("b.png"))


def test_a_file_of_a_folder_that_is_read_is_not_replaced(image: Path, tmp_path: Path) -> None:
    """A new one beside it may be written, and records may be added to, unless they are none."""
    options = Example(data=tmp_path, out=image.absolute(), overwrite=True)
    with pytest.raises(ValueError, match="is a file of the data that is read"):
        check_outputs(options)
    check_outputs(options, within=("data",))
    check_outputs(Example(data=tmp_path, out=tmp_path / "new.png"))
    write_lines(tmp_path / "results.jsonl", [{"kind": "evaluate"}])
    check_outputs(Example(data=tmp_path, results=tmp_path / "results.jsonl"))
    write_lines(tmp_path / "log.jsonl", [{"epoch": 1}])
    with pytest.raises(ValueError, match=r"log\.jsonl:1 is not a measurement record"):
        check_outputs(Example(data=tmp_path, results=tmp_path / "log.jsonl"))


def test_a_file_that_is_there_is_not_replaced(image: Path, tmp_path: Path) -> None:
    """By an option or by a name of the command's own, through a link too; --overwrite, records and a page may."""
    (tmp_path / "diary.png").touch()
    (tmp_path / "link.png").symlink_to("diary.png")
    for name in ("diary.png", "link.png"):
        for options, places in ((Example(json_out=Path(name)), {}), (Example(), {"json_out": Path(name)})):
            with pytest.raises(FileExistsError, match=rf"--json-out {name} is there already: .* with --overwrite"):
                check_outputs(options, **places)
            check_outputs(dataclasses.replace(options, overwrite=True), **places)
    (tmp_path / "results.jsonl").touch()
    check_outputs(Example(results=Path("results.jsonl"), page=Path("diary.png"), folder=tmp_path))
    with pytest.raises(ValueError, match="is the image that is read"):
        check_outputs(Example(image=image, out=image, overwrite=True))


def test_a_command_knows_its_own_product(tmp_path: Path) -> None:
    """By a mark near its beginning; one that comes later is none."""
    ours, other = tmp_path / "ours.html", tmp_path / "other.html"
    ours.write_text("<html>made by us" + "x" * 5000)
    other.write_text("x" * 5000 + "made by us")
    check_outputs(Example(out=ours), marks={"out": b"made by us"})
    for name in ("out", "json_out"):
        with pytest.raises(FileExistsError, match=r"other\.html is there already"):
            check_outputs(Example(**{name: other}), marks={"out": b"made by us"})
    check_new("the plot", tmp_path / "new.svg")
    with pytest.raises(FileExistsError, match=r"^the plot .*ours\.html is there already"):
        check_new("the plot", ours)


def test_a_folder_that_is_replaced_holds_nothing_else_of_the_command(tmp_path: Path) -> None:
    """Neither what is read nor another output, at any depth, by a link or before it is there; others may lie beside."""
    folder, network = tmp_path / "labelled", tmp_path / "labelled" / "deep" / "net"
    network.mkdir(parents=True)
    (tmp_path / "link").symlink_to(network, target_is_directory=True)
    for read in (network, tmp_path / "link"):
        with pytest.raises(ValueError, match=r"--replaced \S+labelled holds the models that is read"):
            check_outputs(Example(models=(tmp_path, read), replaced=folder, overwrite=True))
    check_outputs(Example(models=(network,), folder=folder))
    for new in (folder, tmp_path / "new"):
        for name in ("results", "out", "folder"):
            with pytest.raises(ValueError, match=rf"--{name} \S+inside is in --replaced, which is replaced"):
                check_outputs(Example(replaced=new, **{name: new / "inside"}))
        check_outputs(Example(models=(tmp_path / "model",), replaced=new, results=tmp_path / "results.jsonl"))


def test_a_place_that_cannot_be_written_is_known_at_the_start(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for a file, a file for a folder, a file on the way, a read-only folder; what is not there yet may be."""
    check_outputs(Example(out=Path("new/folder/b.png"), folder=Path("new/other")))
    with pytest.raises(ValueError, match=r"--out \. is a folder: name a file"):
        check_outputs(Example(out=Path()))
    with pytest.raises(ValueError, match=r"--folder a\.jpg is a file: name a folder"):
        check_outputs(Example(folder=image))
    with pytest.raises(ValueError, match="--out /dev/null is a device"):
        check_outputs(Example(out=Path(os.devnull)))
    for options in (Example(out=image / "b.png"), Example(folder=image / "new"), Example(results=image / "x/r.jsonl")):
        with pytest.raises(ValueError, match=r"a\.jpg is a file, not a folder"):
            check_outputs(options)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for options in (Example(out=Path("new/b.png")), Example(folder=Path())):
        with pytest.raises(ValueError, match="is read-only; choose another place"):
            check_outputs(options)


def test_only_an_empty_folder_is_free(tmp_path: Path) -> None:
    """Or one that is not there; hidden files do not count."""
    require_empty(tmp_path / "new", "holds no run")
    (tmp_path / ".DS_Store").touch()
    require_empty(tmp_path, "holds no run")
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match=r"is not empty \(thesis\.txt\) and holds no run: choose another --out"):
        require_empty(tmp_path, "holds no run")
