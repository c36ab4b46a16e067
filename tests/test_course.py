"""The course's exercises: a check passes the solution, says `not yet` to stubs and wrong answers, and never raises."""

import ast
import re
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
torch = pytest.importorskip("torch", reason="the train extra is not installed")

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ASKED = re.compile(r'course\.check\("(\w+)", (\w+)\)')


def load(path: Path) -> ModuleType:
    """A module of the notebooks' folder, which is no package."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


course = load(NOTEBOOKS / "course.py")


def exercises() -> dict[str, tuple[Path, str]]:
    """The chapter and the source of each exercise's cell, by the exercise's name."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found |= {name: (path, cell.source) for name, _ in ASKED.findall(cell.source)}
    return found


EXERCISES = exercises()


def solution(name: str) -> Any:
    """The answer that stands in the solutions, under the name that the exercise's cell gives it."""
    path, source = EXERCISES[name]
    (answer,) = [given for asked, given in ASKED.findall(source) if asked == name]
    return getattr(load(NOTEBOOKS / "solutions" / f"chapter_{path.stem[:2]}.py"), answer)


def test_every_exercise_has_a_check_and_every_check_is_asked():
    """One of each, and none too many."""
    assert set(EXERCISES) == set(course.CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(course.CHECKS))
def test_a_solution_is_right(name: str):
    """That of the solutions' folder."""
    assert course.verdict(name, solution(name)) == f"{name}: right"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(course.CHECKS))
def test_a_cell_as_it_is_committed_is_not_yet_right(name: str, capsys: pytest.CaptureFixture[str]):
    """Its stub runs without an error, so that a chapter runs through."""
    exec(EXERCISES[name][1], {"course": course})  # noqa: S102  # a cell of our own
    assert f"{name}: not yet" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(course.CHECKS))
def test_a_cell_with_its_solution_in_is_right(name: str, capsys: pytest.CaptureFixture[str]):
    """As a learner leaves it: the stub is replaced, and the cell's own check says so."""
    path, source = EXERCISES[name]
    text = (NOTEBOOKS / "solutions" / f"chapter_{path.stem[:2]}.py").read_text(encoding="utf-8")
    asked = source[source.index("course.check(") :]
    exec(f"{text}\n{asked}", {"course": course})  # noqa: S102
    assert f"{name}: right" in capsys.readouterr().out


def swapped_axes(point: Any, side: int, sigma: float) -> Any:
    """x taken for rows."""
    return solution("encode")(point[::-1], side, sigma)


def without_mixed(logs: Any) -> Any:
    """As if the top were never tilted."""
    straight = logs.copy()
    straight[::2, ::2] = 0
    return solution("newton")(straight)


def only_the_first(first: Any, norm: Any, second: Any, channel: int) -> None:
    """What breaks a network in chapter 3."""
    keep = [i for i in range(first.out_channels) if i != channel]
    first.weight = torch.nn.Parameter(first.weight[keep])


def shifted(values: Any) -> Any:
    """One whole number off."""
    whole, scale, zero = solution("quantise")(values)
    return whole + 1, scale, zero


def raises(*_: object) -> None:
    """A slip of a learner's."""
    raise ZeroDivisionError("in the exercise")


WRONG: dict[str, list[Any]] = {
    "encode": [swapped_axes, lambda point, side, sigma: np.zeros((side, side)), lambda *_: np.zeros(3)],
    "newton": [without_mixed, lambda logs: (0.0, 0.0), lambda logs: -np.array(solution("newton")(logs))],
    "fuse": [lambda terms, alpha: torch.relu(sum(terms)), lambda terms, alpha: sum(map(torch.mul, terms, alpha))],
    "loss": [
        lambda p, t, alpha, price: ((p - t) ** 2).mean(),
        lambda p, t, alpha, price: ((p - t) ** 2).mean() + price * alpha.sum(),
        lambda p, t, alpha, price: ((p - t) ** 2).sum() + price * alpha.abs().sum(),
    ],
    "cut": [only_the_first, lambda first, norm, second, channel: solution("cut")(first, norm, second, 0)],
    "left": [
        lambda edges, off: set(edges) - off,
        lambda edges, off: set(),
        lambda edges, off: set(edges),
    ],
    "divergence": [
        lambda target, student: solution("divergence")(student, target),
        lambda target, student: ((target - student) ** 2).mean(),
    ],
    "bugs": [dict.fromkeys("abcde", "x and y swapped"), dict.fromkeys("abcde", "bad luck"), {}],
    "quantise": [
        lambda values: (np.round(values), 1.0, 0.0),
        shifted,
    ],
    "follow": [
        lambda points, before, speed, size, dt: (points, speed),
        lambda points, before, speed, size, dt: solution("follow")(points, before, speed, 2 * size, dt),
    ],
    "frontier": [list, lambda models: [], lambda models: [min(models)]],
    "decision": ["", "dlib", "sdhrnet-68pt-128-int8.tflite"],
}


def test_there_is_a_wrong_answer_to_every_exercise():
    """So that no check goes without."""
    assert set(WRONG) == set(course.CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "answer"), [(name, wrong) for name, every in WRONG.items() for wrong in every])
def test_a_wrong_answer_is_not_yet_right(name: str, answer: Callable[..., Any] | str):
    """The mistakes that are made."""
    assert course.verdict(name, answer).startswith(f"{name}: not yet; ")


@pytest.mark.parametrize("name", sorted(set(course.CHECKS) - {"bugs", "decision"}))
def test_an_answer_that_raises_is_not_yet_right(name: str):
    """Whatever it raises, in one line."""
    assert course.verdict(name, raises).endswith("it raised ZeroDivisionError: in the exercise")


@pytest.mark.parametrize("name", sorted(course.CHECKS))
def test_a_solution_s_stub_is_the_same_function(name: str):
    """The arguments that a chapter asks for are those of its solution."""
    (first, *_) = [each for each in ast.parse(EXERCISES[name][1]).body if not isinstance(each, ast.Import)]
    if isinstance(first, ast.FunctionDef):
        code = solution(name).__code__
        assert [one.arg for one in first.args.args] == list(code.co_varnames[: code.co_argcount])


def test_the_dial_has_two_places():
    """A misspelt one is refused."""
    assert (course.pick("tiny", tiny=1, gpu=2), course.pick("gpu", tiny=1, gpu=2)) == (1, 2)
    with pytest.raises(ValueError, match='SIZE is "tiny" or "gpu"'):
        course.pick("huge", tiny=1, gpu=2)


def test_a_long_run_stands_beside_a_short_one(monkeypatch: pytest.MonkeyPatch):
    """The newest with the same words, of this chapter; a long run is told alone, and both are kept for records."""
    said: list[str] = []
    about = {"chapter": 2, "seconds": 600, "device": "a GPU"}
    known = [{**about, "what": "error, %", "value": 4.0}, {**about, "what": "error, %", "value": 3.0, "seconds": 90}]
    monkeypatch.setattr(course, "records", lambda folder, **wanted: known if wanted["chapter"] == 2 else [])
    monkeypatch.setattr(course, "say", said.append)
    monkeypatch.setattr(course, "_CAME_TO", kept := [])
    for size, chapter, what in (
        ("tiny", 2, "error, %"),
        ("gpu", 2, "error, %"),
        ("tiny", 5, "error, %"),
        ("tiny", 2, "x"),
    ):
        course.came_to(size, chapter, what, np.float32(7.1234))
    assert said == [
        'Error, %: 7.12; with `SIZE = "gpu"` 3.00, in 1 min 30 s on a GPU.',
        *["Error, %: 7.12."] * 2,
        "X: 7.12.",
    ]
    assert kept[0] == {"what": "error, %", "value": 7.123} and len(kept) == 4


class Slow:
    """A model that finds every point one pixel off."""

    def __call__(self, crop: Any) -> Any:
        return type("Found", (), {"points_xy": np.array([[11.0, 10.0], [21.0, 10.0]])})()


@pytest.mark.parametrize(("limit", "passed"), [(9.0, False), (11.0, True)])
def test_the_capstone_is_graded_by_its_error(limit: float, passed: bool, capsys: pytest.CaptureFixture[str]):
    """One of ten pixels between the eyes is ten percent."""
    exam = [np.zeros((32, 32, 3), np.uint8)], np.array([[[10.0, 10.0], [20.0, 10.0]]])
    assert course.grade(Slow(), exam, (0, 1), nme=limit, ms=1000) is passed
    assert "10.00" in capsys.readouterr().out
