"""Help and completion without torch: stand-ins let a command's options be read, as Sphinx's autodoc_mock_imports does.

A command's module imports what the command runs on, of which a base install has all but torch; what other extras bring
is imported where it is used. Options need none of it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

TORCH = ("torch", "torch_pruning", "safetensors.torch")
"""What is missing without the extra `train`, with all of its modules."""


@contextmanager
def options_readable() -> Iterator[None]:
    """Where there is no torch, let its imports succeed; at the end all that was imported meanwhile is forgotten."""
    if find_spec("torch") is not None:
        yield
        return
    finder, before = _Finder(), set(sys.modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name not in before and _may_have_seen(name)]:
            del sys.modules[name]
            parent, _, own = name.rpartition(".")
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(own, None)


class _Anything(type):
    """A class that has every attribute, and is generic in anything."""

    def __getattr__(cls, name: str) -> "_Anything":
        if name.startswith("__"):  # what Python itself asks for
            raise AttributeError(name)
        return cls

    def __getitem__(cls, of: object) -> "_Anything":
        return cls


class _Thing(metaclass=_Anything):
    """Stands for any class, function or value of torch."""

    def __init__(self, *args: object, **options: object) -> None:
        """Of whatever it is made."""

    def __call__(self, decorated: Any) -> Any:
        return decorated


class _Module(ModuleType):
    """Stands for one of torch's modules."""

    __version__ = "none"

    def __getattr__(self, name: str) -> type[_Thing]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Thing


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-ins."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if _is_of(name, *TORCH) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


def _may_have_seen(name: str) -> bool:
    """Whether a module is a stand-in, or of this repository, and so may hold some."""
    return _is_of(name, *TORCH, "toolkit", "tools")


def _is_of(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
