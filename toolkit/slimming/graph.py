"""What dies with a switched-off gate, by torch-pruning's dependency graph (Fang et al., 2023), and its removal.

A gate is a module that multiplies a map by a factor; switched off, it gives zeros. torch-pruning itself cannot remove a
whole layer (its issue 254), but it knows what feeds what: a node that nothing living feeds is dead, its biases with it,
and so is a node that nothing living reads. Any network that can be traced will do:

    class Residual(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.body, self.gate = nn.Conv2d(width, width, 3, padding=1), Gate()
            self.factor = nn.Parameter(torch.ones(()))
        def forward(self, x):
            return x + self.gate(self.body(x), self.factor)

    net = nn.Sequential(nn.Conv2d(3, 8, 3), Residual(8), Residual(8))
    smaller = GateGraph(net, torch.randn(1, 3, 16, 16)).remove(["1.gate"])  # what net computes with that factor at 0
"""

import copy
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch_pruning import DependencyGraph, ops
from torch_pruning.dependency.node import Node
from torch_pruning.utils import flatten_as_list

from toolkit.models.blocks import Gate

Net = TypeVar("Net", bound=nn.Module)
EXACT = {torch.float32: 1e-4, torch.float64: 1e-6}
"""Largest difference, over the largest value, of a smaller network from the one with its gates at zero."""


class GateGraph:
    """A network's dependency graph and its gates; traced once, for any number of sets of gates to switch off."""

    def __init__(self, net: nn.Module, example: Tensor, gates: Iterable[str] | None = None) -> None:
        """Trace a network.

        Args:
            net: any network; it is left alone.
            example: an input that reaches every gate.
            gates: names of the modules that are gates; by default every Gate.

        Raises:
            ValueError: there are no gates, or some that the example does not reach.
        """
        self.net, self.example = traceable(net), example
        self.graph, outputs = _traced(self.net, example)
        self._nodes: list[Node] = list(self.graph.module2node.values())
        self._place = place = {node: i for i, node in enumerate(self._nodes)}
        self._inputs = [tuple({place[n] for n in node.inputs}) for node in self._nodes]
        self._outputs = [tuple({place[n] for n in node.outputs}) for node in self._nodes]
        self._products = [len(node.inputs) > 1 and str(node.name).count("MulBackward") > 0 for node in self._nodes]
        by_output = {node.grad_fn: i for i, node in enumerate(self._nodes)}
        self._output_of = {name: by_output[made] for name, made in outputs.items() if made in by_output}
        modules = dict(self.net.named_modules())
        chosen = [n for n, m in modules.items() if isinstance(m, Gate)] if gates is None else list(gates)
        if not chosen:
            raise ValueError("the network has no gates: multiply what can go by a factor in a toolkit Gate")
        lost = [name for name in chosen if name not in self._output_of]
        if lost:
            raise ValueError(f"the example input does not reach gate {lost[0]!r}: it cannot be switched off")
        self._holders = {name for name, m in modules.items() if isinstance(m, nn.ModuleList | nn.ModuleDict)}
        self.gates = {name: self._output_of[name] for name in chosen}
        """Nodes by name."""
        nodes = {name: place[self.graph.module2node[m]] for name, m in modules.items() if m in self.graph.module2node}
        nodes |= self.gates
        self._traced = {name: nodes[name] for name in modules if name in nodes}

    def dead(self, off: Iterable[str]) -> frozenset[str]:
        """The layers and gates that die when some gates are switched off, by name.

        Raises:
            ValueError: no path is left from the input to an output.
        """
        dead = self._dead(off)
        return frozenset(name for name, node in self._traced.items() if node in dead)

    def removed(self, off: Iterable[str]) -> tuple[str, ...]:
        """The modules that go as a whole when some gates are switched off, by name, the outermost of each."""
        return self._outermost(self._dead(off))

    def slices(self, off: Iterable[str]) -> dict[str, list[int]]:
        """The input channels that go of what reads a concatenation, by name: those that a dead map held."""
        return {name: sorted(channels) for name, (_, channels) in self._slices(self._dead(off)).items()}

    def remove(self, off: Iterable[str]) -> nn.Module:
        """A network of its own, in evaluation mode, without what dies when some gates are switched off; see `view`."""
        return copy.deepcopy(self.view(off)).requires_grad_(True)

    def view(self, off: Iterable[str]) -> nn.Module:
        """The network without what dies when some gates are switched off, which shares its weights; exact, as is
        checked.

        A dead module is taken out of its list or dictionary. Where it is an attribute, something without weights stands
        in for it: 0 where a living sum reads it, else what passes its input on.

        Raises:
            ValueError: no path is left, or the network's forward cannot do without what died.
        """
        dead = self._dead(off)
        smaller = _twin(self.net)
        modules = dict(smaller.named_modules())
        for name, (prune, channels) in self._slices(dead).items():
            prune(modules[name], sorted(channels))
        for name in reversed(self._outermost(dead)):
            _take_out(smaller, name, zero=self._feeds_the_living(self._output_of.get(name), dead))
        self._check(smaller, dead)
        return smaller

    def narrow(self, smaller: nn.Module, layer: str, channels: list[int]) -> None:
        """Take output channels off a layer of a network that `remove` gave, and off all that hangs on them."""
        module = self.net.get_submodule(layer)
        prune = self.graph.get_pruner_of_module(module).prune_out_channels
        names, modules = {own: name for name, own in self.net.named_modules()}, dict(smaller.named_modules())
        for dep, own in self.graph.get_pruning_group(module, prune, channels):
            if dep.target.module in names:
                dep.handler(modules[names[dep.target.module]], own)

    def _dead(self, off: Iterable[str]) -> set[int]:
        """Nodes that nothing living feeds, or reads."""
        feeders, readers = [len(n) for n in self._inputs], [len(n) for n in self._outputs]
        dead: set[int] = set()
        waiting = [self.gates[name] for name in off]
        while waiting:
            node = waiting.pop()
            if node in dead:
                continue
            dead.add(node)
            if not self._outputs[node]:
                raise ValueError("nothing is left of the network: no path leads from its input to its output")
            for reader in self._outputs[node]:
                feeders[reader] -= 1
                if not feeders[reader] or self._products[reader]:
                    waiting.append(reader)
            for feeder in self._inputs[node]:
                readers[feeder] -= 1
                if not readers[feeder]:
                    waiting.append(feeder)
        return dead

    def _outermost(self, dead: set[int]) -> tuple[str, ...]:
        """Names of modules of which everything traced is dead, but for those inside another one."""
        living = {outer for name, node in self._traced.items() if node not in dead for outer in _around(name)}
        living |= self._holders
        gone = [name for name, node in self._traced.items() if node in dead]
        return tuple(dict.fromkeys(next(outer for outer in _around(name) if outer not in living) for name in gone))

    def _feeds_the_living(self, node: int | None, dead: set[int]) -> bool:
        return node in dead and any(reader not in dead for reader in self._outputs[node])

    def _slices(self, dead: set[int]) -> dict[str, tuple[Callable[[nn.Module, list[int]], Any], set[int]]]:
        """By the name of a living layer: how channels go of it, and which."""
        names = {module: name for name, module in self.net.named_modules()}
        found: dict[str, tuple[Callable[[nn.Module, list[int]], Any], set[int]]] = {}
        for at, node in enumerate(self._nodes):
            if at in dead or node.type != ops.OPTYPE.CONCAT:
                continue
            for slot, feeder in enumerate(node.inputs):
                if self._place[feeder] not in dead:
                    continue
                for dep, channels in self._group(feeder, node, slot):
                    name = names.get(dep.target.module)
                    if name is None or self._traced[name] in dead:
                        continue
                    if not self.graph.is_in_channel_pruning_fn(dep.handler):
                        raise ValueError(f"{name} is added to a concatenation that a switched-off path is part of")
                    found.setdefault(name, (dep.handler, set()))[1].update(map(int, channels))
        return found

    def _group(self, feeder: Node, concatenation: Node, slot: int) -> Any:
        """torch-pruning's group of a map's channels, in one direction: through a concatenation that it is part of."""
        width = concatenation.module.concat_sizes[slot]
        prune = self.graph.get_pruner_of_module(feeder.module).prune_out_channels
        everything = feeder.dependencies
        feeder.dependencies = [dep for dep in everything if dep.target is concatenation]
        try:
            return self.graph.get_pruning_group(feeder.module, prune, list(range(width)))
        finally:
            feeder.dependencies = everything

    def _check(self, smaller: nn.Module, dead: set[int]) -> None:
        """That a network computes what the one with its dead gates at zero does."""
        off = [self.net.get_submodule(name) for name, node in self.gates.items() if node in dead]
        hooks = [gate.register_forward_hook(lambda _, __, output: torch.zeros_like(output)) for gate in off]
        with torch.no_grad():
            masked = [value for value in flatten_as_list(self.net(self.example)) if isinstance(value, Tensor)]
        for hook in hooks:
            hook.remove()
        try:
            with torch.no_grad():
                found = [value for value in flatten_as_list(smaller(self.example)) if isinstance(value, Tensor)]
            same = all(_close(a, b) for a, b in zip(found, masked, strict=True))
        except (AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"the network's forward cannot do without what died ({str(error).splitlines()[0]}): go through what "
                "is there, as over a ModuleList or ModuleDict"
            ) from error
        if not same:
            raise ValueError(
                "without what died the network computes something else than with its gates at zero: a layer that reads "
                "nothing else adds a bias, or a module does more than add its gated part"
            )


def traceable(net: Net) -> Net:
    """A copy in evaluation mode in which parameters that no layer owns, such as factors, are constants: torch-pruning
    would take a vector of them for channels, and tie everything that it multiplies together."""
    still = copy.deepcopy(net).eval().requires_grad_(True)
    for module in still.modules():
        if ops.module2type(module) == ops.OPTYPE.ELEMENTWISE:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
    return still


def _traced(still: nn.Module, example: Tensor) -> tuple[DependencyGraph, dict[str, Any]]:
    """torch-pruning's graph, and what made every module's output, by the module's name."""
    outputs: dict[str, Any] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: object, output: object) -> None:
            if isinstance(output, Tensor) and output.grad_fn is not None:
                outputs[name] = output.grad_fn

        return hook

    def forward(model: nn.Module, image: Tensor) -> Any:
        hooks = [module.register_forward_hook(note(name)) for name, module in model.named_modules() if name]
        try:
            return model(image)
        finally:
            for hook in hooks:
                hook.remove()

    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = DependencyGraph().build_dependency(still, example, forward_fn=forward, verbose=False)
    return graph, outputs


def _around(name: str) -> list[str]:
    """A module and all that it is part of, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _twin(module: nn.Module) -> nn.Module:
    """A copy of the modules that shares parameters and buffers."""
    twin = copy.copy(module)
    twin._parameters, twin._buffers = dict(module._parameters), dict(module._buffers)
    twin._modules = {name: None if child is None else _twin(child) for name, child in module._modules.items()}
    return twin


class _Zero(nn.Module):
    """Stands in for a dead part of a living sum."""

    def forward(self, *_: object) -> float:
        return 0.0


class _Same(nn.Module):
    """Stands in for a module that passes on what it is given, or whose output nothing living reads."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        return x


def _take_out(net: nn.Module, name: str, *, zero: bool) -> None:
    """Remove a module from its list or dictionary, or have something stand in for it."""
    above, _, key = name.rpartition(".")
    parent = net.get_submodule(above)
    if isinstance(parent, nn.ModuleDict):
        del parent[key]
    elif isinstance(parent, nn.ModuleList) or (isinstance(parent, nn.Sequential) and not zero):
        del parent[int(key)]
    else:
        setattr(parent, key, _Zero() if zero else _Same())


def _close(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and bool(
        (found - expected).abs().max() <= EXACT[expected.dtype] * expected.abs().max()
    )
