"""Which of a training's processes this is, by the names that torchrun uses."""

import os
import socket

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment


class Place(ClusterEnvironment):
    """A process's place among all."""

    NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

    def __init__(self, values: dict[str, str]) -> None:
        """Raises ValueError where a name is missing."""
        missing = [name for name in self.NAMES if name not in values]
        if missing:
            raise ValueError(f"RANK is set but not {', '.join(missing)}: start training processes with torchrun")
        self.values = {name: values[name] for name in self.NAMES}

    def _number(self, name: str) -> int:
        return int(self.values[name])

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self.values["MASTER_ADDR"]

    @property
    def main_port(self) -> int:
        return self._number("MASTER_PORT")

    @staticmethod
    def detect() -> bool:
        return "RANK" in os.environ

    def world_size(self) -> int:
        return self._number("WORLD_SIZE")

    def set_world_size(self, size: int) -> None:
        assert size == self.world_size()

    def global_rank(self) -> int:
        return self._number("RANK")

    def set_global_rank(self, rank: int) -> None:
        assert rank == self.global_rank()

    def local_rank(self) -> int:
        return self._number("LOCAL_RANK")

    def node_rank(self) -> int:
        return self.global_rank() // self.here

    @property
    def here(self) -> int:
        """How many of the processes are on this machine."""
        return self._number("LOCAL_WORLD_SIZE")


def places_here(processes: int) -> list[dict[str, str]]:
    """Places of some processes on this machine, which meet at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1"}
    return [{**shared, "MASTER_PORT": port, "RANK": str(i), "LOCAL_RANK": str(i)} for i in range(processes)]
