"""What a name means wherever a model is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit import runtime
from toolkit.core.options import Options
from toolkit.core.zoo import MAIN, WEIGHTS, BundlePath, ModelPath, files, names, resolve, resolved

SMALL = "sdhrnet-68pt-128"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is an empty one."""
    monkeypatch.chdir(tmp_path)


def test_a_name_is_one_file_where_a_model_runs_and_a_bundle_elsewhere() -> None:
    """The float16 file, which every wheel has; the same by str and by Path, and with the name of a file."""
    assert resolve(SMALL) == resolve(Path(SMALL)) == WEIGHTS / f"{SMALL}-float16.tflite"
    assert resolve(SMALL, "bundle") == WEIGHTS / SMALL
    assert resolve(f"{MAIN}-int8.tflite") == WEIGHTS / f"{MAIN}-int8.tflite"
    assert MAIN in names() and all(resolve(name).is_file() for name in names())


def test_what_is_there_or_is_a_path_is_no_name(tmp_path: Path) -> None:
    """A folder of a released model's name in the current one comes first; so do paths, whether there or not."""
    (tmp_path / SMALL).mkdir()
    assert resolve(SMALL) == Path(SMALL)
    for path in ("folder/none", "none.tflite", "./none.onnx"):
        assert resolve(path) == Path(path) or path.startswith("./")


@pytest.mark.parametrize(
    ("word", "hint"), [("sdhrnet-68pt-129", f"did you mean {SMALL}\\?"), ("frog", "name a model by")]
)
def test_an_unknown_name_lists_the_known_ones(word: str, hint: str) -> None:
    """With the nearest one, where one is near."""
    with pytest.raises(FileNotFoundError, match=f"there is no {word} here.*{hint}.*{MAIN}"):
        resolve(word)


@dataclass(frozen=True, kw_only=True)
class Asking(Options):
    """Some options."""

    model: ModelPath = Path(MAIN)
    teacher: BundlePath | None = None
    models: tuple[ModelPath, ...] = ()
    data: Path | None = None


def test_options_that_ask_for_a_model_take_names() -> None:
    """One, several, or none; a default too. Other paths stay."""
    plain, asked = Asking(), Asking(teacher=Path(SMALL), models=(Path(SMALL), Path("a/b")), data=Path(SMALL))
    assert (plain.model, plain.teacher) == (resolve(MAIN), None)
    assert asked.teacher == WEIGHTS / SMALL and asked.data == Path(SMALL)
    assert asked.models == (resolve(SMALL), Path("a/b"))


@pytest.mark.parametrize(
    ("value", "hint"), [(None, ModelPath | None), (Path(SMALL), Path), (3, int), ("x", str | None)]
)
def test_other_values_are_left_alone(value: Any, hint: Any) -> None:
    """Whatever they are."""
    assert resolved(value, hint) is value


def test_the_files_of_a_name() -> None:
    """All that there are, in `models_in` too; none of a longer or a wrong name."""
    found = files(SMALL)
    assert {path.name.removeprefix(f"{SMALL}-") for path in found} >= {"float16.tflite"}
    assert all(path.suffix in runtime.SUFFIXES for path in found) and runtime.models_in(Path(SMALL)) == found
    assert files("sdhrnet-68pt") == files("") == []
    assert runtime.models_in(found[0]) == [found[0]]
    for place, why in ((Path("frog"), "no released model"), (Path("a/frog"), "no folder at a")):
        with pytest.raises(FileNotFoundError, match=why):
            runtime.models_in(place)
