"""SD-HRNet face landmarks from training to a phone.

    import toolkit

    with toolkit.load("sdhrnet-68pt-160") as model:
        for face in model.find("me.jpg"):  # or an image (H, W, 3) uint8 RGB
            print(face.points_xy, face.confidence, face.box_xyxy, face.roll_deg)

`load` opens a released model, a bundle or a converted file. The stages are functions that take the options of their
commands: toolkit.slim(toolkit.Slim(supernet=..., out=...)). Data flows one way; each reads the folder of the one before
and writes its own:

    data -> teacher, supernet -> slim -> distil           (bundles: a network and its card)
         -> convert -> verify -> benchmark -> report      (converted files, records, a page)
         -> load(...).find(image)                         (points, without torch)

docs/architecture.md has the map of the rooms. Importing this package imports nothing heavy; a name is imported when it
is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.commands.convert.convert import Convert
    from toolkit.commands.convert.verify import Verify
    from toolkit.commands.measure.benchmark import Benchmark
    from toolkit.commands.measure.evaluate import Evaluate
    from toolkit.commands.measure.report import Report
    from toolkit.commands.train.distil import Distil
    from toolkit.commands.train.shape import Shape
    from toolkit.commands.train.slim import Slim
    from toolkit.commands.train.supernet import Supernet
    from toolkit.commands.train.teacher import Teacher
    from toolkit.core.progress import Outcome, Progress
    from toolkit.detect.landmarks import FaceLandmarks
    from toolkit.landmarkers import Model, load
    from toolkit.stages import benchmark, convert, distil, evaluate, report, shape, slim, supernet, teacher, verify

__version__ = "0.2.0.dev0"

__all__ = [
    "Benchmark",
    "Convert",
    "Distil",
    "Evaluate",
    "FaceLandmarks",
    "Model",
    "Outcome",
    "Progress",
    "Report",
    "Shape",
    "Slim",
    "Supernet",
    "Teacher",
    "Verify",
    "benchmark",
    "convert",
    "distil",
    "evaluate",
    "load",
    "report",
    "shape",
    "slim",
    "supernet",
    "teacher",
    "verify",
]

_HOMES = {
    "Benchmark": "toolkit.commands.measure.benchmark",
    "Convert": "toolkit.commands.convert.convert",
    "Distil": "toolkit.commands.train.distil",
    "Evaluate": "toolkit.commands.measure.evaluate",
    "FaceLandmarks": "toolkit.detect.landmarks",
    "Model": "toolkit.landmarkers",
    "Outcome": "toolkit.core.progress",
    "Progress": "toolkit.core.progress",
    "Report": "toolkit.commands.measure.report",
    "Shape": "toolkit.commands.train.shape",
    "Slim": "toolkit.commands.train.slim",
    "Supernet": "toolkit.commands.train.supernet",
    "Teacher": "toolkit.commands.train.teacher",
    "Verify": "toolkit.commands.convert.verify",
    "load": "toolkit.landmarkers",
}
"""Where the names above come from, as type checkers read there; the others are stages."""


if not TYPE_CHECKING:  # where a misspelt name is an error

    def __getattr__(name: str) -> object:
        """One of the names above, from its home (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'toolkit' has no attribute {name!r}; it has {', '.join(__all__)}")
        value: object = getattr(import_module(_HOMES.get(name, "toolkit.stages")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What there is, without importing it."""
    return [*__all__, "__version__"]
