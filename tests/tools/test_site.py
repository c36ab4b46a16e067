"""The site: links between the repository's texts, and a strict build without a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import site

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("link", "source", "address", "expected"),
    [
        ("[a](docs/train.md#x)", "README.md", "index.md", "[a](train.md#x)"),
        ("![a](docs/road.png)", "README.md", "index.md", "![a](road.png)"),
        ("[a](../results/slimming/README.md)", "docs/slim.md", "slim.md", "[a](results/slimming.md)"),
        ("[a](../slimming/README.md)", "results/road/README.md", "results/road.md", "[a](slimming.md)"),
        ("[a](results/slimming)", "README.md", "index.md", "[a](results/slimming.md)"),
        ("[a](error-macs.svg)", "results/slimming/README.md", "results/slimming.md", "[a](slimming/error-macs.svg)"),
        ("[the `a`](toolkit/cli)", "README.md", "index.md", "the `a`"),
        ("[a](https://b.c/d)", "README.md", "index.md", "[a](https://b.c/d)"),
        ("```\n[a](docs/train.md)\n```", "README.md", "index.md", "```\n[a](docs/train.md)\n```"),
    ],
)
def test_links_of_the_repository_become_the_sites(link: str, source: str, address: str, expected: str) -> None:
    """Pages, folders with a page, pictures; what the site does not have is text, and code is left alone."""
    assert site.linked(link, source, address) == expected


def test_every_command_has_its_help() -> None:
    """Under its name, with its options, of both programs."""
    text = site.commands()
    for name in ("sdhrnet slim", "sdhrnet data pseudo-label", "python -m tools ablate budgets"):
        assert f"### {name}\n" in text
    assert "--operations" in text and text.count("### ") > 30


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Strictly: no link is broken, no page is left out; notebooks are pages with their pictures."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in ("index", "tutorials/02_too_many_roads", "results/release", "deploy/android", "commands", "api"):
        assert (tmp_path / "site" / f"{page}.html").is_file(), page
    assert list((tmp_path / "site" / "tutorials").glob("*-files/*"))
    formulas = (tmp_path / "site" / "tutorials" / "08_on_camera.html").read_text()
    assert formulas.count("<math ") >= 4 and "$" not in re.sub(
        r"<(code|pre|script).*?</\1>", "", formulas, flags=re.DOTALL
    )
    home = (tmp_path / "site" / "index.html").read_text()
    assert "fonts.googleapis" not in home and 'src="road.png"' in home


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results").glob("*/*.svg")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_plot_is_shown_by_its_page_in_its_own_size(path: Path) -> None:
    """With words for who cannot see it; a file without a size is as large as the window that opens it."""
    shown = re.findall(rf"!\[([^\]]+)\]\({re.escape(path.name)}\)", (path.parent / "README.md").read_text())
    assert shown and all(shown)
    opening = path.read_text().split(">", 1)[0]
    assert re.search(r'width="\d+" height="\d+"', opening) and "aria-label=" in opening


def test_a_chapter_s_pictures_have_their_words() -> None:
    """Those of the outputs' metadata, in their order; its drawing is a file of the site."""
    path = ROOT / "notebooks" / "09_which_file.ipynb"
    text, attached = site.notebook(path)
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    words = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    shown = re.findall(r"!\[([^\]]+)\]\(09_which_file-files/[^)]+\)", text)
    assert shown == words and len(attached) == len(words) > 2
    assert "](../notebooks/pictures/09.svg)" in text and "notebooks/pictures/09.svg" in site.pictures()
