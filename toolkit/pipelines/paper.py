"""The paper's tables and figures by command: what each wants, what makes it, and how it stands beside the paper's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import torch
from tyro.conf import Positional

from toolkit import bundle
from toolkit.commands.measure import evaluate
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core import records
from toolkit.core.files import write_bytes
from toolkit.core.images import png
from toolkit.core.outputs import check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import commit, processor
from toolkit.core.records import Record
from toolkit.core.selection import evenly_spaced
from toolkit.core.zoo import is_bundle
from toolkit.data import Subset, open_faces
from toolkit.data.crops import plain_crops
from toolkit.data.formats import by_name
from toolkit.models.spec import OWN_POINTS, HRNetSpec, Spec, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.pipelines import throughput
from toolkit.pipelines.paper_runs import SHARES, SUPERNETS, DataSet, Reproduction, Waves
from toolkit.pipelines.throughput import Throughput
from toolkit.pipelines.trials import make
from toolkit.reporting.architecture import draw
from toolkit.reporting.charts import chart, dot_labels, log_scale, stand_in, standalone
from toolkit.reporting.paper import FIGURE1, FIRST, PUBLISHED, Published, Values, beside
from toolkit.slimming.complexity import complexity
from toolkit.train.logging import SHOWN, sample_sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Item = Literal[
    "table1", "table2", "table3", "table4", "table5", "table6",
    "figure1", "figure2", "figure3", "figure4", "figure5", "figure6", "figure7",
]  # fmt: skip
FORMATS = MappingProxyType({"300w": "w300", "300w/masked": "masked300w", "cofw": "cofw", "wflw": "wflw"})
"""Of each data set's folder."""
ALL: tuple[DataSet, ...] = ("300w", "cofw", "wflw")
BATCHES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, kw_only=True)
class Paper(Reproduction):
    """Make a table or figure of the paper: train what is missing, score it, and write it beside the paper's.

    Every training follows the published preset of its data set. Started again, it goes on where it was: trainings
    resume, and what is done is not made again. docs/reproduce.md says what the paper leaves open, and how long it
    takes.
    """

    item: Positional[Item]
    """table1 to table6, figure1 to figure7."""
    list: bool = False
    """Make nothing: say which data the item wants and where it can be had, and which trainings are done or left."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an item is made."""

    about: str
    wants: tuple[str, ...] = ()
    """Data sets, by their folders."""
    full: bool = False
    """Whether it is about all test faces of 300W alone."""
    waves: Callable[[Reproduction], Waves] = lambda _: []
    write: Callable[[Paper], Steps[str]]
    """Scores and draws; returns the item's text as Markdown."""


def run(options: Paper) -> Steps[Outcome]:
    """Train, score and write; see Paper."""
    check_outputs(options)
    recipe = ITEMS[options.item]
    if options.list:
        return _listed(options, recipe)
    for name in recipe.wants:
        if options.data is None or not options.folder(name).is_dir():
            where = "--data names no folder" if options.data is None else f"{options.folder(name)} is not there"
            raise FileNotFoundError(f"{options.item} wants {by_name(FORMATS[name]).title}: {where}; --list says more")
    if recipe.full and "challenge" not in open_faces(options.folder("300w"), "test", 0).subsets:
        raise ValueError(f"{options.item} is about all test faces of 300W, and those of Challenge (ibug) are not there")
    for wave in recipe.waves(options):
        yield from make(wave, options.at_once)
    made = yield from recipe.write(options)
    page = options.out / f"{options.item}.md"
    told = f"{made}\n\n{_conditions(options, recipe)}"
    text = f"# {options.item}: {recipe.about}\n\n{told}\n"
    write_bytes(page, text.encode())
    about = {"kind": "paper", "item": options.item, "title": recipe.about, "seeds": options.seeds, "text": told}
    record = {**about, "device": processor(), "commit": commit()}
    records.append(options.out / "results.jsonl", [record])
    return Outcome(text=f"{text}\nwritten to {page}", records=(record,))


def _listed(options: Paper, recipe: Recipe) -> Outcome:
    lines = [f"{options.item}: {recipe.about}"]
    for name in recipe.wants:
        about = by_name(FORMATS[name])
        there = options.data is not None and options.folder(name).is_dir()
        counts = ", ".join(f"{split} {count}" for split, count in about.published.items())
        lines.append(f"  {about.title} in --data/{name} ({'there' if there else 'not there'}): {counts}")
        lines.append(f"    {about.obtain}; {about.layout}")
    if not recipe.wants:
        lines.append("  no data")
    jobs = [job for wave in recipe.waves(options) for job in wave]
    lines += [f"  {'done' if is_bundle(job.options.out) else 'left'}  {job.options.out}" for job in jobs]
    left = sum(not is_bundle(job.options.out) for job in jobs)
    record = {"kind": "paper", "item": options.item, "wants": list(recipe.wants), "jobs": len(jobs), "left": left}
    return Outcome(text="\n".join(lines), records=(record,))


def _conditions(options: Paper, recipe: Recipe) -> str:
    """What the figures here are of."""
    own = [f"{name} {value}" for name in ("epochs", "size") if (value := getattr(options, name)) is not None]
    length = f"NOT the paper's recipe: {', '.join(own)}." if own else "As published."
    if options.epochs is not None:
        length += " The importance factors learned as much faster as there were fewer epochs."
    sets = [open_faces(options.folder(name), "test", 0).title for name in recipe.wants]
    waves = recipe.waves(options)
    trained = f"{length} {_start(waves)} Students of {options.seeds} seed{'s' * (options.seeds > 1)}. " if waves else ""
    scored = f"Data: {'; '.join(sets)}. " if sets else ""
    return f"{trained}{scored}{processor()}, commit {(commit() or 'unknown')[:12]}."


def _start(waves: Waves) -> str:
    """What the cards of the networks that do not start from another one say that they start from."""
    outs = [job.options.out for wave in waves for job in wave if isinstance(job.options, Teacher | Supernet)]
    given = any(bundle.read(out).card.config.get("weights") for out in outs)
    return "From ImageNet weights." if given else "From scratch, without ImageNet weights."


def _score(options: Paper, trained: Path, name: str) -> Steps[Record]:
    """The record of a bundle on a data set's test faces, which is made once."""
    results, data = options.out / "results.jsonl", options.folder(name)
    title, digest = open_faces(data, "test", 0).title, bundle.digest(trained)
    for record in records.read(results):
        if (record.kind, record.file_sha256, record.get("data")) == ("evaluate", digest, title):
            return record
    outcome = yield from evaluate.run(Evaluate(model=trained, data=data, results=results))
    return records.of(outcome.records)[0]


def _over_seeds(
    options: Paper, bundles: Sequence[Path], name: str, figures: Callable[[Record], Sequence[float | None]]
) -> Steps[Values]:
    """For each figure of a record, its values over some bundles."""
    found: list[Sequence[float | None]] = []
    for trained in bundles:
        found.append(figures((yield from _score(options, trained, name))))
    return tuple(zip(*found, strict=True))


def _table(
    on: DataSet, name: str, figures: Callable[[Record], Sequence[float | None]]
) -> Callable[[Paper], Steps[str]]:
    """A table of the networks trained on a data set, scored on a folder's test faces."""

    def write(options: Paper) -> Steps[str]:
        published = PUBLISHED[options.item]
        found: dict[str, Values] = {}
        for network, bundles in options.bundles(on).items():
            if network in published.rows:
                found[network] = yield from _over_seeds(options, bundles, name, figures)
        return beside(published, found)

    return write


def _nme(*subsets: str) -> Callable[[Record], tuple[float | None, ...]]:
    """Of some subsets and, where "" stands, of all faces."""

    def figures(record: Record) -> tuple[float | None, ...]:
        return tuple((record["subsets"].get(name, {}) if name else record).get("nme_mean") for name in subsets)

    return figures


def _w300(record: Record) -> tuple[float | None, ...]:
    """Of Common, Challenge and Full, which is no figure where the faces of Challenge are not at hand."""
    common, challenge, every = _nme("common", "challenge", "")(record)
    return common, challenge, None if challenge is None else every


def _table1(options: Paper) -> Steps[str]:
    """Counts of the architectures as published, and of what was slimmed here, as the paper counts: parameters without
    stem and head, operations without the head."""
    yield from ()
    specs: dict[str, Spec] = {"HRNet": HRNetSpec(points=68), "HRSuperNet": hrsupernet(68)}
    specs |= {f"SD-HRNet ({on.upper()})": _released(on) for on in ALL}
    for on in ALL:
        cut = options.slim(on).options.out
        if is_bundle(cut):
            specs[f"slimmed here ({on.upper()})"] = bundle.read(cut).spec
    found: dict[str, Values] = {}
    for name, spec in specs.items():
        cost = complexity(spec, options.size or 256)
        found[name] = ([cost.params_paper / 1e6], [cost.macs_paper / 1e9])
    return beside(PUBLISHED["table1"], found)


def _released(on: DataSet) -> SuperNetSpec:
    """The network that the authors released for a data set."""
    return s_hrnet(on, OWN_POINTS.get(f"s-hrnet-{on}", 68))


def _table6(options: Paper) -> Steps[str]:
    published = PUBLISHED["table6"]
    found: dict[str, Values] = {}
    for row in published.rows:
        bundles = [options.student("300w", row, seed).options.out for seed in range(options.seeds)]
        found[row] = yield from _over_seeds(options, bundles, "300w", _nme(""))
    return beside(published, found)


def _figure1(options: Paper) -> Steps[str]:
    """Errors over multiply-accumulates; a circle's area is the number of parameters."""
    students = options.bundles("300w")[FIRST]
    (errors,) = yield from _over_seeds(options, students, "300w", _nme(""))
    known = [error for error in errors if error is not None]
    cost = complexity(bundle.read(students[0]).spec, 256)
    here = (cost.params_paper / 1e6, cost.macs_paper / 1e9, sum(known) / len(known))

    def circles(axes: "Axes") -> None:
        for each in FIGURE1:
            axes.scatter(each.gmacs, each.nme, s=12 * each.params_m, color=stand_in("baseline"), alpha=0.5)
        axes.scatter(here[1], here[2], s=12 * here[0], color=stand_in("distil"), label="SD-HRNet, trained here")
        log_scale(axes, "x", [each.gmacs for each in FIGURE1])
        axes.set_xlabel("G multiply-accumulates")
        axes.set_ylabel("NME on 300W, full, %")
        dot_labels(axes, [(each.gmacs, each.nme, each.name, stand_in("ink")) for each in FIGURE1])

    _draw(options, "figure1", chart("figure1", "Error over cost on 300W", circles, legend=1))
    published = Published(
        title="", columns=("#Params (M)", "FLOPs (G)", "NME"),
        rows={each.name: (each.params_m, each.gmacs, each.nme) for each in FIGURE1},
    )  # fmt: skip
    return beside(published, {"SD-HRNet": tuple([value] for value in here)}) + _shown("figure1.svg")


def _architectures(*sets: DataSet) -> Callable[[Paper], Steps[str]]:
    """The slimmed networks drawn, beside those that the authors released."""

    def write(options: Paper) -> Steps[str]:
        yield from ()
        rows: dict[str, tuple[float | None, ...]] = {}
        found: dict[str, Values] = {}
        drawings: list[str] = []
        for on in sets:
            theirs, ours = _released(on), bundle.read(options.slim(on).options.out)
            assert isinstance(ours.spec, SuperNetSpec)
            rows[on.upper()], found[on.upper()] = _counts(theirs), tuple([n] for n in _counts(ours.spec))
            for name, drawing in (("paper", draw(theirs)), ("here", draw(ours.spec, ours.weights["alpha"].tolist()))):
                drawings.append(f"{options.item}-{on}-{name}.svg")
                write_bytes(options.out / drawings[-1], drawing.encode())
        published = Published(title="", columns=("operations", "blocks"), rows=rows, decimals=0)
        return beside(published, found) + _shown(*drawings)

    return write


def _counts(spec: SuperNetSpec) -> tuple[float, float]:
    return len(spec.edges), sum(len(spec.branches(stage)) for stage in range(2, spec.stages + 1))


def _figure3(options: Paper) -> Steps[str]:
    yield from ()
    for name, spec in (("hrnet", HRNetSpec(points=68)), ("hrsupernet", hrsupernet(68))):
        write_bytes(options.out / f"figure3-{name}.svg", draw(spec).encode())
    counts = _counts(hrsupernet(68))
    text = f"HRSuperNet: {counts[0]} operations with a factor each, into {counts[1]} blocks behind stage 1."
    return text + _shown("figure3-hrnet.svg", "figure3-hrsupernet.svg")


def _figure4(options: Paper) -> Steps[str]:
    """Frames a second on the CPU, and on the GPU where there is one."""
    made: list[dict[str, Any]] = []
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() and options.device != "cpu" else [])):
        asked = Throughput(
            out=options.out / "figure4", inference=True, stages=("distil",), sizes=(options.size or 256,),
            batch=BATCHES, threads=(options.threads or 1,), device=device,
        )  # fmt: skip
        made += (yield from throughput.run(asked)).records
    lines = ["| batch | device | faces a second |", "|---:|---|---:|"]
    lines += [f"| {r['batch']} | {r['device']} | {r['faces_per_second']:.1f} |" for r in made]
    return "\n".join([*lines, "", "The paper: more than 500 a second on a TITAN Xp; its curve has no numbers."])


def _figure5(options: Paper) -> Steps[str]:
    """Test faces of each set, with what SD-HRNet finds in colour and the truth in white."""
    sheets = []
    for on in ALL:
        trained, faces = bundle.read(options.bundles(on)[FIRST][0]), open_faces(options.folder(on), "test", 0)
        some = Subset(faces, evenly_spaced(SHOWN, len(faces)), faces.title)
        crops = yield from plain_crops(some, trained.card.size_px)
        sheets.append(f"figure5-{on}.png")
        sheet = sample_sheet(trained.network(), crops, trained.card.sigma_px, trained.card.decoder)
        write_bytes(options.out / sheets[-1], png(sheet))
    return "Pictures of the data sets: not to be published without their owners' leave." + _shown(*sheets)


def _figure6(options: Paper) -> Steps[str]:
    """Each family's errors over multiply-accumulates."""
    lines = ["| supernet | share | GMACs | NME (%) |", "|---|---:|---:|---:|"]
    curves: dict[str, list[tuple[float, float]]] = {}
    for arch in SUPERNETS:
        for share in SHARES:
            trained = options.family(arch, share).options.out
            record = yield from _score(options, trained, "300w")
            gmacs, nme = record["macs_paper"] / 1e9, record["nme_mean"]
            lines.append(f"| {arch} | {share:g} | {gmacs:.3f} | {nme:.2f} |")
            curves.setdefault(arch, []).append((gmacs, nme))
    for panel, pair in (("a", SUPERNETS[:2]), ("b", SUPERNETS[2:])):

        def lines_of(axes: "Axes", pair: Sequence[str] = pair) -> None:
            for arch, colour in zip(pair, ("teacher", "supernet"), strict=True):
                x, y = zip(*curves[arch], strict=True)
                axes.plot(x, y, marker="o", color=stand_in(colour), label=arch)
            axes.set_xlabel("G multiply-accumulates")
            axes.set_ylabel("NME on 300W, full, %")

        _draw(
            options, f"figure6{panel}", chart(f"figure6{panel}", "Error over cost of two families", lines_of, legend=2)
        )
    note = "The paper's figure has no numbers: most networks from HRSuperNet lie below those from HRNet."
    return "\n".join([*lines, "", note]) + _shown("figure6a.svg", "figure6b.svg")


def _draw(options: Paper, name: str, svg: str) -> None:
    write_bytes(options.out / f"{name}.svg", standalone(svg).encode())


def _shown(*files: str) -> str:
    return "".join(f"\n\n![{file}]({file})" for file in files)


def _of(*sets: DataSet) -> Callable[[Reproduction], Waves]:
    """The networks of the tables about some sets."""
    return lambda options: [wave for on in sets for wave in options.networks(on)]


WFLW = _nme("", "pose", "expression", "illumination", "makeup", "occlusion", "blur")


def _cofw(record: Record) -> tuple[float | None, ...]:
    return record["nme_mean"], record["fr10"]


ITEMS: Mapping[Item, Recipe] = MappingProxyType(
    {
        "table1": Recipe(about=PUBLISHED["table1"].title, write=_table1),
        "table2": Recipe(
            about=PUBLISHED["table2"].title, wants=("300w",), waves=_of("300w"), write=_table("300w", "300w", _w300)
        ),
        "table3": Recipe(
            about=PUBLISHED["table3"].title,
            wants=("300w", "300w/masked"),
            waves=_of("300w"),
            write=_table("300w", "300w/masked", _w300),
        ),
        "table4": Recipe(
            about=PUBLISHED["table4"].title, wants=("cofw",), waves=_of("cofw"), write=_table("cofw", "cofw", _cofw)
        ),
        "table5": Recipe(
            about=PUBLISHED["table5"].title, wants=("wflw",), waves=_of("wflw"), write=_table("wflw", "wflw", WFLW)
        ),
        "table6": Recipe(
            about=PUBLISHED["table6"].title, wants=("300w",), full=True, waves=Reproduction.ablation, write=_table6
        ),
        "figure1": Recipe(
            about="Error over cost on 300W", wants=("300w",), full=True, waves=_of("300w"), write=_figure1
        ),
        "figure2": Recipe(
            about="The architecture slimmed on 300W",
            wants=("300w",),
            waves=lambda options: options.cut("300w"),
            write=_architectures("300w"),
        ),
        "figure3": Recipe(about="HRNet and HRSuperNet", write=_figure3),
        "figure4": Recipe(about="Frames a second by batch", write=_figure4),
        "figure5": Recipe(about="Example results", wants=ALL, waves=_of(*ALL), write=_figure5),
        "figure6": Recipe(
            about="HRNet and HRSuperNet as supernets",
            wants=("300w",),
            full=True,
            waves=Reproduction.families,
            write=_figure6,
        ),
        "figure7": Recipe(
            about="The architectures slimmed on COFW and WFLW",
            wants=("cofw", "wflw"),
            waves=lambda options: [*options.cut("cofw"), *options.cut("wflw")],
            write=_architectures("cofw", "wflw"),
        ),
    }
)
