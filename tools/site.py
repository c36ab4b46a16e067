"""What the site shows beside docs/: README, notebooks, results, deploy's texts and the commands. A hook of mkdocs.

Links between texts are those of the repository; each is turned into the site's own, and one to a file that the site
does not have becomes plain text. Nothing is loaded from elsewhere.
"""

import io
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from html import unescape
from pathlib import Path
from textwrap import indent
from typing import Any
from unittest.mock import patch

import griffe
import nbformat
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

from toolkit.cli import SDHRNET
from toolkit.cli.program import Program
from tools.__main__ import TOOLS

ROOT = Path(__file__).parent.parent
PICTURES = (".svg", ".png", ".webp")
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
EXAMPLE = re.compile(r"(?<=\bExample:\n)((?:    .*\n|\n)*(?:    .*)?)")


class Examples(griffe.Extension):
    """Examples in docstrings are code: a page shows them as such when they are indented once more."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Indent those of one object."""
        del kwargs
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(lambda found: "\n" + indent(found[0], "    "), obj.docstring.value)


def texts() -> dict[str, str]:
    """The site's address of every text of the repository that is a page of it, by path."""
    found = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
    found |= {f"docs/{path.name}": path.name for path in sorted((ROOT / "docs").glob("*.md"))}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        found[f"notebooks/{path.name}"] = f"tutorials/{path.stem}.md"
    for path in sorted(
        [*ROOT.glob("results/*/README.md"), *ROOT.glob("deploy/README.md"), *ROOT.glob("deploy/*/README.md")]
    ):
        folder = path.parent.relative_to(ROOT)
        name = f"{folder.parent}/{folder.name}.md" if folder.parent != Path() else f"{folder}/index.md"
        found[path.relative_to(ROOT).as_posix()] = name
    return found


def pictures() -> dict[str, str]:
    """The same of every picture that a text may show; those of docs/ are there already."""
    paths = [path for folder in ("results", "deploy", "notebooks") for path in sorted((ROOT / folder).glob("*/*"))]
    paths += sorted((ROOT / "docs").iterdir())
    names = [path.relative_to(ROOT).as_posix() for path in paths if path.suffix in PICTURES]
    return {name: name.removeprefix("docs/") for name in names}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the pages of each folder where the navigation says `folder/*`."""
    addresses = list(texts().values())
    for section in config.nav or ():
        for name, pages in section.items():
            if isinstance(pages, list) and isinstance(pages[0], str) and pages[0].endswith("/*"):
                section[name] = [each for each in addresses if each.startswith(pages[0][:-1])]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is outside docs/."""
    for source, address in texts().items():
        if source.startswith("docs/"):
            continue
        if source.endswith(".ipynb"):
            text, attached = notebook(ROOT / source)
            for name, content in attached.items():
                files.append(File.generated(config, f"tutorials/{name}", content=content))
        else:
            text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, address, content=text))
    for source, address in pictures().items():
        if not source.startswith("docs/"):
            files.append(File.generated(config, address, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "commands.md", content=commands()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the repository's links into the site's."""
    del config, files
    sources = {address: source for source, address in texts().items()}
    source = sources.get(page.file.src_uri)
    return markdown if source is None or source.endswith(".ipynb") else linked(markdown, source, page.file.src_uri)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Formulas in MathML, which browsers draw by themselves."""
    del page, config, files
    return FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    return convert(unescape(found["tex"]), display="block" if found["tag"] == "div" else "inline")


def linked(markdown: str, source: str, address: str) -> str:
    """A text with its links as they are on the site, code left alone.

    Args:
        markdown: the text.
        source: its path in the repository, which its links start from.
        address: its own on the site.
    """
    known = {**texts(), **pictures()}

    def turned(link: re.Match[str]) -> str:
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", link["target"]) or not target:
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        to = known.get(path) or known.get(f"{path}/README.md")
        if to is None:
            return link["text"]
        relative = posixpath.relpath(to, posixpath.dirname(address) or ".")
        return f"{link['image']}[{link['text']}]({relative}{'#' + anchor if anchor else ''})"

    parts = FENCE.split(markdown)
    return "".join(part if place % 2 else LINK.sub(turned, part) for place, part in enumerate(parts))


def notebook(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook's text with its outputs, and the pictures among these by their names."""
    whole = nbformat.read(path, as_version=4)
    for cell in whole.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, f"notebooks/{path.name}", f"tutorials/{path.stem}.md")
    folder = f"{path.stem}-files"
    text, resources = MarkdownExporter().from_notebook_node(
        whole, {"output_files_dir": folder, "unique_key": path.stem}
    )
    return _named(text, whole), dict(resources.get("outputs", {}))


def _named(text: str, whole: Any) -> str:
    """The text with each output's picture under the words that its metadata has for it."""
    outputs = [output for cell in whole.cells for output in cell.get("outputs", ())]
    shown = [output for output in outputs if {"image/png", "image/svg+xml"}.intersection(output.get("data", {}))]
    words = iter([output.metadata.get("image/png", {}).get("alt", "picture") for output in shown])
    return re.sub(r"!\[(?:png|svg)\]\(", lambda found: f"![{next(words, 'picture')}](", text)


def commands() -> str:
    """Every command's help, as the terminal shows it."""
    return "\n".join(("# Commands", "", *_of(SDHRNET), *_of(TOOLS)))


def _of(program: Program) -> Iterator[str]:
    yield f"{program.about} `{program.name} --help` lists what follows.\n"
    for group in program.groups:
        yield f"## {group.title}\n"
        for command in group.commands:
            yield f"### {program.name} {command.name}\n\n{command.about[:1].upper()}{command.about[1:]}.\n"
            yield f"```text\n{_help(program, command.name)}\n```\n"


def _help(program: Program, name: str) -> str:
    shown = io.StringIO()
    with patch.dict(os.environ, COLUMNS="110"), redirect_stdout(shown), suppress(SystemExit):
        program.main([*name.split(), "--help"])
    return shown.getvalue().strip()
