"""What a terminal shows of a running command: bars while it runs, its outcome at the end."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.core.progress import Outcome, Steps


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print what a command made: its text, or a line of JSON for each record.

    Raises:
        OSError: standard output is a file that cannot be written, on a full disk for instance.
    """
    for line in map(json.dumps, outcome.records) if as_json else [outcome.text]:
        say(line)


def say(text: str) -> None:
    """Print a text; see to_reader."""
    with to_reader():
        print(text)


@contextmanager
def to_reader() -> Iterator[None]:
    """What the block prints reaches its reader, or whoever reads no further (`| head`, a closed terminal) misses it and
    nothing else.

    Raises:
        OSError: standard output is a file that cannot be written.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end


def watch(steps: Steps[Outcome], *, quiet: bool) -> Outcome:
    """Run a command; on a terminal, with a bar for its present task."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Bars(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
        rows: dict[str, TaskID] = {}
        while True:
            try:
                now = next(steps)
            except StopIteration as end:
                assert isinstance(end.value, Outcome)
                return end.value
            if now.text and not quiet:
                console.print(Text.from_ansi(now.text), soft_wrap=True)
            if now.total == 0:
                continue
            row = now.task.partition(":")[0] if ":" in now.task else ""
            if row not in rows:
                rows[row] = bars.add_task(now.task, total=now.total, note="")
            bars.update(rows[row], description=now.task, completed=now.done, total=now.total, note=now.note)
