"""A program of several commands: which one is meant, its help, and its run."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from toolkit import __version__
from toolkit.cli.errors import RESUMED, TRACEBACK, complain, guarded, renamed
from toolkit.cli.terminal import say, show, to_reader, watch

if TYPE_CHECKING:
    from toolkit.core.options import Options
    from toolkit.core.progress import Outcome, Steps

Asked_co = TypeVar("Asked_co", covariant=True)


@dataclass(frozen=True)
class Stage(Generic[Asked_co]):
    """A command's options and the function that takes them."""

    options: type[Asked_co]
    run: "Callable[[Asked_co], Steps[Outcome]]"


Load = Callable[[], "Stage[Options]"]
"""Imports a command."""


@dataclass(frozen=True)
class Command:
    """A command before it is imported."""

    name: str
    """One word or two."""
    about: str
    """A line."""
    load: Load


@dataclass(frozen=True)
class Group:
    """Commands that serve one purpose."""

    title: str
    commands: list[Command] = field(default_factory=list)

    def command(self, name: str, about: str) -> Callable[[Load], Load]:
        """Mark what imports a command of this group."""

        def keep(load: Load) -> Load:
            self.commands.append(Command(name, about, load))
            return load

        return keep


@dataclass(frozen=True)
class Moved:
    """An old spelling of a command and what it is called now. A flag among the old words may stand anywhere."""

    old: str
    new: str

    def replaced(self, words: list[str]) -> list[str] | None:
        """The words of a call in the new spelling; None where they are not in the old one."""
        first, *rest = self.old.split()
        if words[0] != first:
            return None
        places = range(1, len(words) - len(rest) + 1) if rest[0].startswith("--") else (1,)
        for at in places:
            if words[at : at + len(rest)] == rest:
                return [*self.new.split(), *words[1:at], *words[at + len(rest) :]]
        return None


@dataclass(frozen=True)
class OldOption:
    """An option of a command that is spelt otherwise now; its value stays behind it."""

    command: str
    flag: str
    now: tuple[str, ...]
    """What stands in its place, before the value that it had."""
    new: str
    """The new spelling, to be said."""
    values: tuple[str, ...] = ()
    """With one of these behind it the flag is today's."""

    @property
    def old(self) -> str:
        """The old spelling."""
        return f"{self.command} {self.flag}"

    def replaced(self, words: list[str]) -> list[str] | None:
        """The words of a call in the new spelling; None where they are not in the old one."""
        words = [
            part for word in words for part in (word.split("=", 1) if word.startswith(f"{self.flag}=") else [word])
        ]
        if words[: len(self.command.split())] != self.command.split() or self.flag not in words:
            return None
        at = words.index(self.flag)
        if words[at + 1 : at + 2] and words[at + 1] in self.values:
            return None
        return [*words[:at], *self.now, *words[at + 1 :]]


@dataclass(frozen=True, kw_only=True)
class Always:
    """What every command takes beside its own options."""

    json: bool = False
    """Print the records, one JSON object a line, in place of text."""
    quiet: bool = False
    """Show no progress, and none of the log lines of libraries."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Commands under one name."""

    name: str
    about: str
    start: str
    """How to begin."""
    groups: Sequence[Group]
    moved: Sequence[Moved | OldOption] = ()

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run one command and return its exit status."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot print is printed with escapes
                stream.reconfigure(errors="backslashreplace")
        words = self._renewed(list(sys.argv[1:] if argv is None else argv))
        if not words or words[0] in ("-h", "--help", "help"):
            say(self.help())
            return 0
        if words[0] in ("-V", "--version", "version"):
            say(f"sdhrnet-toolkit {__version__}")
            return 0
        if words[0] == "--completion" and self.completes:
            return guarded(f"{self.name} --completion", lambda: self._complete(words[1:]))
        family = self.family(words[0])
        if len(family) > 1 and (len(words) == 1 or (words[1] in ("-h", "--help") and family[0].name != words[0])):
            several = f"`{self.name} {words[0]}` has several commands; --help after each explains its options:\n"
            say("\n".join([several, *_listed(family)]))
            return 0
        for count in (2, 1):
            command = self.commands.get(" ".join(words[:count]))
            if command:
                return guarded(f"{self.name} {command.name}", lambda: self._run(command, words[count:]))  # noqa: B023
        return complain(self._unknown(words))

    @property
    def completes(self) -> bool:
        """Whether a shell can complete it: it is a word."""
        return " " not in self.name

    @property
    def commands(self) -> dict[str, Command]:
        """Every command by its name."""
        return {command.name: command for group in self.groups for command in group.commands}

    def family(self, word: str) -> list[Command]:
        """The commands that begin with a word."""
        return [command for name, command in self.commands.items() if name.split()[0] == word]

    def help(self) -> str:
        """Every command with its line, by purpose."""
        width = max(map(len, self.commands))
        groups = (f"{group.title}:\n" + "\n".join(_listed(group.commands, width)) for group in self.groups)
        return "\n\n".join(
            (
                f"usage: {self.name} COMMAND [options]",
                self.about,
                *groups,
                f"`{self.name} COMMAND --help` explains its options. Every command takes --json (records on standard "
                "output) and --quiet.\nExit status: 0 done, 1 a check failed, 2 wrong usage or input. With "
                f"{TRACEBACK}=1 in the environment, an error\nshows where it was raised."
                + f" `source <({self.name} --completion bash)`, or zsh, completes commands and options."
                * self.completes,
                self.start,
            )
        )

    def _renewed(self, words: list[str]) -> list[str]:
        """A call in today's words; what is old is said on standard error."""
        for moved in self.moved if words else ():
            new = moved.replaced(words)
            if new is not None:
                renamed(f"{self.name} {moved.old}", f"{self.name} {moved.new}")
                words = new
        return words

    def _complete(self, words: list[str]) -> int:
        from toolkit.cli.completion import script

        say(script(self.name, self.commands, " ".join(words)))
        return 0

    def _unknown(self, words: list[str]) -> str:
        called = " ".join(words[:2]) if self.family(words[0]) else words[0]
        near = get_close_matches(called, self.commands, n=1) or get_close_matches(words[0], self.commands, n=1)
        guess = f": did you mean `{self.name} {near[0]}`?" if near else ";"
        return f"there is no command {called!r}{guess} `{self.name} --help` lists them"

    def _run(self, command: Command, arguments: list[str]) -> int:
        from toolkit.core.quiet import no_chatter

        if {"-h", "--help"} & set(arguments):
            self._help(command, arguments)
        _refuse_empty(arguments)
        stage = command.load()
        options, always = self._parsed(command, stage, arguments)
        follows = os.environ.get("RANK", "0") != "0"  # one of torchrun's processes, of which the first one speaks
        with no_chatter() if always.quiet else nullcontext():
            try:
                outcome = watch(stage.run(options), quiet=always.quiet or follows)
            except KeyboardInterrupt as stop:
                if hasattr(options, "resume") and not getattr(stop, "__notes__", ()):
                    stop.add_note(RESUMED)
                raise
        if not follows:
            show(outcome, as_json=always.json)
        return 0 if outcome.ok else 1

    def _help(self, command: Command, arguments: list[str]) -> None:
        """A command's help, also where what it runs on is not installed.

        Raises:
            SystemExit: as _parsed does.
        """
        from toolkit.cli.without_torch import options_readable

        with options_readable(), to_reader():
            self._parsed(command, command.load(), arguments)

    def _parsed(self, command: Command, stage: "Stage[Options]", arguments: list[str]) -> "tuple[Options, Always]":
        """A command's options and what every command takes.

        Raises:
            SystemExit: with 0 after --help, with 2 where an option is wrong, which is then said.
        """
        import tyro
        from tyro.conf import FlagCreatePairsOff, arg

        plain = arg(name="")  # no prefix before the options
        both: Any = tuple[Annotated[stage.options, plain], Annotated[FlagCreatePairsOff[Always], plain]]  # type: ignore[name-defined]
        others = [f"`{self.name} {c.name}` ({c.about})" for c in self.family(command.name) if c is not command]
        more = f"\n\nSee also {', '.join(others)}." if others else ""
        asked: tuple[Options, Always] = tyro.cli(
            both, prog=f"{self.name} {command.name}", description=_doc(stage.options) + more, args=arguments
        )
        return asked


def _listed(commands: Sequence[Command], width: int = 0) -> Iterator[str]:
    width = width or max(len(command.name) for command in commands)
    return (f"  {command.name.ljust(width)}  {command.about}" for command in commands)


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Raises ValueError for a word that is empty, as of an unset variable: as a path it would be this folder."""
    for before, word in zip(["", *arguments], arguments, strict=False):
        if not word or (word.startswith("--") and word.endswith("=")):
            flag = word.removesuffix("=") or before
            raise ValueError(
                f"{flag if flag.startswith('--') else 'an argument'} is empty: give a value or leave it out"
            )


def _doc(options: type[object]) -> str:
    from inspect import getdoc

    return getdoc(options) or ""
