"""Completion of commands, options and their choices by a shell: a script that bash, or zsh, reads once."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from toolkit.cli.without_torch import options_readable

if TYPE_CHECKING:
    from toolkit.cli.program import Command

SHELLS = ("bash", "zsh")
ALWAYS = ("--help", "--json", "--quiet")

SCRIPT = """\
_{function}() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  local command="${{COMP_WORDS[1]}}"
  case "$command ${{COMP_WORDS[2]}}" in
    {pairs}) [ "$COMP_CWORD" -gt 2 ] && command="$command ${{COMP_WORDS[2]}}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{firsts}"
  else
    case "$command" in
{commands}
    esac
    case "$command $before" in
{choices}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _{function} {name}
"""


def script(name: str, commands: Mapping[str, "Command"], shell: str) -> str:
    """What a shell reads: `source <(sdhrnet --completion bash)`.

    Raises:
        ValueError: there is none for this shell.
    """
    if shell not in SHELLS:
        raise ValueError(f"--completion: expected one of {', '.join(SHELLS)}, got {shell!r}")
    seconds: dict[str, list[str]] = {}
    for word, *rest in map(str.split, commands):
        seconds.setdefault(word, []).extend(rest)
    with options_readable():
        options = {one: dict(_options(command)) for one, command in commands.items()}
    words = {one: [*seconds.get(one, ()), *options.get(one, ()), *ALWAYS] for one in {**seconds, **options}}
    text = SCRIPT.format(
        name=name,
        function=name.replace("-", "_"),
        firsts=" ".join(seconds),
        pairs=" | ".join(f'"{one}"' for one in commands if " " in one),
        commands="\n".join(f'      "{one}") words="{" ".join(own)}" ;;' for one, own in words.items()),
        choices="\n".join(
            f'      "{one} {option}") words="{" ".join(values)}" ;;'
            for one, own in options.items()
            for option, values in own.items()
            if values
        ),
    )
    return text if shell == "bash" else f"autoload -U +X bashcompinit && bashcompinit\n{text}"


def _options(command: "Command") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each option of a command, and the words that it takes where they are a fixed few."""
    from tyro.conf import Positional

    from toolkit.core.options import flag

    options = command.load().options
    hints = get_type_hints(options, include_extras=True)
    mark = get_args(Positional[int])[1]
    for each in dataclasses.fields(options):
        hint = hints[each.name]
        if not (get_origin(hint) is Annotated and mark in get_args(hint)):
            yield flag(each.name), tuple(map(str, _choices(hint)))


def _choices(hint: Any) -> Iterator[object]:
    """The values of the Literals in an annotation."""
    for each in get_args(hint):
        if get_origin(hint) is Literal:
            yield each
        else:
            yield from _choices(each)
