"""From a spec to a network."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode

from toolkit.models.hrnet import HRNet
from toolkit.models.spec import HRNetSpec, Spec
from toolkit.models.supernet import HRSuperNet


def build(spec: Spec) -> HRNet | HRSuperNet:
    """The network of a spec, with fresh weights drawn from torch's global generator."""
    return HRNet(spec) if isinstance(spec, HRNetSpec) else HRSuperNet(spec)


def blank(spec: Spec) -> HRNet | HRSuperNet:
    """The network of a spec with arbitrary weights, to be loaded or counted; takes no time and no random numbers."""
    with _WithoutInitialisation():
        return build(spec)


class _WithoutInitialisation(TorchFunctionMode):
    """Leaves new parameters as they were allocated."""

    FILLS = frozenset({"normal_", "uniform_", "fill_", "zero_", "kaiming_normal_", "kaiming_uniform_", "constant_"})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func.__name__ in self.FILLS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))
