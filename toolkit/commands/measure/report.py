"""Stage: render a run's records and bundles as one page that needs no network."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from toolkit.core.files import write_bytes
from toolkit.core.outputs import EditedFile, OutFile, WritesFiles, check_new, check_outputs, check_place
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.records import read
from toolkit.reporting import choice, converted
from toolkit.reporting.charts import MARK as PLOT
from toolkit.reporting.page import MARK, render
from toolkit.reporting.readme import ablation, benchmark, blocks, slimming
from toolkit.reporting.run import TITLES, load

RECORDS = "results.jsonl"


@dataclass(frozen=True, kw_only=True)
class Report(WritesFiles):
    """Render what a run has so far as report.html: tables, plots and drawings from its records, in one file."""

    run: Positional[Path]
    """The run's folder: teacher/, supernet/, slim/, distil/, models/ and results.jsonl, those that are there."""
    out: OutFile | None = None
    """The page (default: report.html in the run's folder)."""
    markdown: EditedFile | None = None
    """Instead of the page, refresh the tables of this Markdown file, between its `begin:` and `end:` comments, and the
    plots of ablations (ABLATION-SPLIT.svg), of a sweep (error-macs.svg, error-latency.svg), of budgets of operations
    (budgets-operations.svg, budgets-int8.svg) and of a benchmark (latency.svg) in the run's folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, path, suffix in (("out", self.out, ".html"), ("markdown", self.markdown, ".md")):
            if path is not None and path.suffix != suffix:
                raise ValueError(f"--{name} names {'an' if name == 'out' else 'a'} {suffix} file, got {path.name}")
        if self.out is not None and self.markdown is not None:
            raise ValueError("--markdown refreshes tables in place of the page that --out names: give one of them")


def run(options: Report) -> Steps[Outcome]:
    """Render and write the page; see Report."""
    if options.markdown is not None:
        return (yield from _refreshed(options, options.markdown))
    page_path = options.out or options.run / "report.html"
    check_outputs(options, out=page_path, within=("run",), marks={"out": MARK.encode()})
    yield Progress(task="report", done=0, total=2)
    found = load(options.run)
    if not found.bundles and not (options.run / RECORDS).exists():
        raise FileNotFoundError(f"{options.run} holds no run: neither {', '.join(TITLES)} nor {RECORDS}")
    yield Progress(task="report", done=1, total=2, note="drawing")
    page = render(found).encode()
    write_bytes(page_path, page)
    yield Progress(task="report", done=2, total=2)
    record = {"kind": "report", "path": str(page_path), "size_bytes": len(page), "stages": list(found.bundles)}
    chosen = choice.for_cpu(converted.measured(found), next(iter(found.data_splits()), None))
    lines = [choice.sentence(chosen)] if chosen else []
    return Outcome(text="\n".join([*lines, f"report written to {page_path}: open it in a browser"]), records=(record,))


def _refreshed(options: Report, page: Path) -> Steps[Outcome]:
    """The tables of a Markdown file, and the plots beside its records, made anew."""
    check_outputs(options, within=("run",))
    yield Progress(task="report", done=0, total=2)
    if not (options.run / RECORDS).exists():
        raise FileNotFoundError(f"{options.run} has no {RECORDS} to make tables of")
    records = read(options.run / RECORDS)
    drawn = {**ablation.plots(records), **slimming.plots(records), **benchmark.plots(records)}
    plots = {options.run / name: svg for name, svg in drawn.items()}
    for path in plots:
        check_place("the plot", path)
        if not options.overwrite:
            check_new("the plot", path, PLOT.encode())
    changed = blocks.update(page, options.run)
    for path, svg in plots.items():
        write_bytes(path, svg.encode())
    return Outcome(text=f"{page} {'refreshed' if changed else 'was up to date'}")
