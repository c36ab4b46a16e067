"""Files: whole or absent, whatever fails on the way."""

import json
import os
import stat
from functools import partial
from pathlib import Path

import pytest

from toolkit.core import files
from toolkit.core.files import read_json, read_lines, sha256
from toolkit.core.images import read_image, stored
from toolkit.core.video import VideoReader
from toolkit.web.server import open_tls


class Killed(BaseException):
    """What a stop in the middle looks like from inside: not an Exception."""


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/../b", "/a", "a/b", "a/", "..\\a", "a\\b", "C:a", "C:\\a", "a\0b"]
)
def test_names_that_may_lead_out_of_their_folder_are_refused(name: str) -> None:
    """Those of other systems too, and the message shows them."""
    with pytest.raises(ValueError, match="may lead out of its folder") as caught:
        files.check_file_name(name)
    assert json.dumps(name) in str(caught.value)


@pytest.mark.parametrize("name", ["a", "a b.c", "..a", "a..", "10:30:00", "é人", "000001-5"])
def test_other_names_may_name_a_file(name: str) -> None:
    """Nothing is raised, and a file of that name lies in the folder."""
    files.check_file_name(name)
    assert (Path("folder") / name).parent == Path("folder")


def test_bytes_are_written_with_parents_and_usual_rights(tmp_path: Path):
    """Missing folders are made, the file is readable by all, nothing else is left."""
    path = tmp_path / "a" / "b" / "file.bin"
    files.write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Killed()], ids=["disk full", "killed"])
def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch, step, error):
    """When syncing or renaming fails, the old bytes stand and no temporary file is left."""
    path = tmp_path / "file.bin"
    files.write_bytes(path, b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        files.write_bytes(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("value", [float("nan"), [1, {"a": float("inf")}]])
def test_json_without_a_meaning_is_refused_before_writing(tmp_path: Path, value):
    """NaN and infinity raise ValueError and the old file stands."""
    path = tmp_path / "x.json"
    files.write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, value)
    with pytest.raises(ValueError, match="JSON"):
        files.write_lines(path, [1, value])
    assert files.read_json(path) == {"old": 1}


def test_json_round_trip(tmp_path: Path):
    """What is written comes back; the file ends with a newline."""
    value = {"name": "Gesicht \u00fc", "list": [1, 2.5, None, True]}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value
    assert (tmp_path / "x.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"nonsense"])
def test_bad_json_names_its_file(tmp_path: Path, content):
    """Empty, cut-off, wrongly encoded and other text raise ValueError with the path."""
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.json is not valid JSON"):
        files.read_json(tmp_path / "broken.json")


def test_lines_round_trip_and_absence(tmp_path: Path):
    """Records come back in order; without a file there are none."""
    records = [{"n": 1}, {"n": 2}]
    files.write_lines(tmp_path / "log.jsonl", records)
    assert files.read_lines(tmp_path / "log.jsonl") == records
    assert files.read_lines(tmp_path / "none.jsonl") == []


def test_a_bad_line_is_named_by_its_number(tmp_path: Path):
    """The second line of a log that is no record is reported as file:2."""
    (tmp_path / "log.jsonl").write_text('{"n": 1}\n{"n": \n')
    with pytest.raises(ValueError, match=r"log\.jsonl:2 is not valid JSON"):
        files.read_lines(tmp_path / "log.jsonl")


def test_records_with_odd_line_separators_stay_one_line(tmp_path: Path):
    """U+2028 and U+0085 inside a record, which str.splitlines would split at, survive."""
    records = [{"note": "a\u2028b\u0085c"}]
    files.write_lines(tmp_path / "log.jsonl", records)
    assert files.read_lines(tmp_path / "log.jsonl") == records
    (tmp_path / "raw.jsonl").write_text(json.dumps(records[0], ensure_ascii=False) + "\n", encoding="utf-8")
    assert files.read_lines(tmp_path / "raw.jsonl") == records


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path):
    """Files of the old folder are gone, those of the new one are there, and nothing is left beside it."""
    path = tmp_path / "deep" / "bundle"
    for name in ("old", "new"):
        with files.new_folder(path) as temporary:
            (temporary / name).write_text(name)
            assert not (path / name).exists()
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in path.parent.iterdir()] == ["bundle"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.parametrize("error", [ValueError("stop"), Killed()], ids=["error", "killed"])
def test_a_folder_that_fails_leaves_the_old_one_untouched(tmp_path: Path, error):
    """An exception in the block keeps the old folder and removes the half-made one."""
    path = tmp_path / "bundle"
    with files.new_folder(path) as temporary:
        (temporary / "old").write_text("old")
    with pytest.raises(type(error)), files.new_folder(path) as temporary:
        (temporary / "half").write_text("half")
        raise error
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_a_swap_that_fails_puts_the_old_folder_back(tmp_path: Path, monkeypatch):
    """When the new folder cannot be renamed into place, the old one stands there again."""
    path = tmp_path / "bundle"
    with files.new_folder(path) as temporary:
        (temporary / "old").write_text("old")
    rename = Path.rename

    def fail_into_place(self: Path, target: Path) -> Path:
        if Path(target) == path and not (self / "old").exists():
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_into_place)
    with pytest.raises(OSError, match="Input/output"), files.new_folder(path) as temporary:
        (temporary / "new").write_text("new")
    monkeypatch.undo()
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path):
    """new_folder does not replace a file of that name."""
    (tmp_path / "bundle").write_text("a file")
    with pytest.raises(OSError, match="bundle"), files.new_folder(tmp_path / "bundle"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
    assert (tmp_path / "bundle").read_text() == "a file"


def test_the_digest_of_a_folder_knows_its_names(tmp_path: Path):
    """Renaming a file changes the digest; where the folder stands and when files were made does not."""
    first, second = tmp_path / "one", tmp_path / "two"
    for folder, names in ((first, "ab"), (second, "ba")):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"content of {name}")
    assert files.sha256(first) == files.sha256(second)
    (second / "b").rename(second / "c")
    assert files.sha256(first) != files.sha256(second)


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path):
    """A known digest, whatever the file is called."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sizes_of_files_and_folders(tmp_path: Path):
    """A folder counts all files below it."""
    files.write_bytes(tmp_path / "a", b"12345")
    files.write_bytes(tmp_path / "deep" / "b", b"123")
    assert files.size_bytes(tmp_path / "a") == 5
    assert files.size_bytes(tmp_path) == 8


def test_a_new_file_appears_whole_at_the_end(tmp_path: Path):
    """It has the place's suffix meanwhile, parents are made, and the old file stays until then."""
    path = tmp_path / "deep" / "film.mp4"
    files.write_bytes(path, b"old")
    with files.new_file(path) as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["film.mp4"]


def test_a_new_file_that_fails_leaves_the_old_one(tmp_path: Path):
    """Whatever ends the block, also a kill from inside."""
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with pytest.raises(Killed), files.new_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise Killed
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_what_the_umask_leaves_and_an_old_one_keeps_its_mode(tmp_path: Path, umask: int) -> None:
    """Folders too; what was private stays so also while it is written."""

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(umask)
    try:
        for old in (None, 0o600, 0o640, 0o444):
            file, folder = tmp_path / f"{old}.json", tmp_path / f"{old}"
            if old is not None:
                file.touch()
                file.chmod(old)
                folder.mkdir()
                folder.chmod(old | 0o111)
            with files.new_file(file) as temporary:
                temporary.write_bytes(b"new")
                assert old is None or not mode(temporary) & 0o077
            with files.new_folder(folder) as temporary:
                assert old is None or not mode(temporary) & 0o077
            assert mode(file) == (0o666 & ~umask if old is None else old)
            assert mode(folder) == (0o777 & ~umask if old is None else old | 0o111)
    finally:
        os.umask(before)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one(tmp_path: Path, there: bool) -> None:
    """What it leads to is written, in its own folder, and nothing is left beside either."""
    target, link = tmp_path / "pictures" / "a.png", tmp_path / "links" / "b.png"
    link.parent.mkdir()
    link.symlink_to(Path("..") / "pictures" / "a.png")
    if there:
        files.write_bytes(target, b"old")
    files.write_bytes(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert [p.name for p in (*link.parent.iterdir(), *target.parent.iterdir())] == ["b.png", "a.png"]


def test_an_error_of_a_link_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was given, not the temporary file beside what it leads to."""
    link = tmp_path / "b.png"
    link.symlink_to(tmp_path / "a.png")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match=r"No space left on device: '.*b\.png'"):
        files.write_bytes(link, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["b.png"]


def refuses_folders(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let `os.open` or `os.fsync` refuse folders: as on Windows, and as on VirtualBox, SMB and FUSE mounts."""
    real = getattr(os, name)

    def refuse(what: int | Path, *more: int) -> int | None:
        if stat.S_ISDIR(os.fstat(what).st_mode) if isinstance(what, int) else Path(what).is_dir():
            raise OSError(22, "Invalid argument")
        return real(what, *more)

    monkeypatch.setattr(os, name, refuse)


@pytest.mark.parametrize("name", ["open", "fsync", "chmod"])
def test_a_folder_that_cannot_be_opened_or_synced_is_no_failure(tmp_path: Path, monkeypatch, name: str):
    """Nor is a mount without modes: bytes, files and folders stand at their places, and nothing else."""
    if name == "chmod":
        monkeypatch.setattr(Path, "chmod", lambda self, mode: (_ for _ in ()).throw(PermissionError(1, "no modes")))
    else:
        refuses_folders(monkeypatch, name)
    files.write_bytes(tmp_path / "a", b"1")
    with files.new_file(tmp_path / "b") as temporary:
        temporary.write_bytes(b"2")
    with files.new_folder(tmp_path / "c") as folder:
        (folder / "d").write_bytes(b"3")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["a", "b", "c", "c/d"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_by_every_reader(tmp_path: Path) -> None:
    """Nobody writes to it, so that its reader would wait for ever."""
    pipe = tmp_path / "a.png"
    os.mkfifo(pipe)
    for reader in (read_image, VideoReader, read_json, read_lines, sha256, partial(open_tls, key=None)):
        with pytest.raises(ValueError, match=r"a\.png is no regular file but a pipe"):
            reader(pipe)
    assert stored(pipe).size_wh == (0, 0)
