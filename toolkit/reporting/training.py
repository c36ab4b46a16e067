"""How each network was trained: its validation error and losses, epoch by epoch, and what it was trained on."""

import statistics
from typing import TYPE_CHECKING, Any

from toolkit.core.records import Fields
from toolkit.models.spec import SuperNetSpec
from toolkit.reporting.charts import DASHES, Plot, chart, end_labels, log_scale, stand_in
from toolkit.reporting.run import TITLES, BundleSummary, Run
from toolkit.reporting.table import (
    NOT_APPLICABLE,
    NOT_MEASURED,
    Cell,
    Column,
    Table,
    cell,
    duration,
    mapping,
    number,
    short_commit,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TERMS = {"mse": "squared error", "l1": "L1 on the factors", "peers": "from the peers", "teacher": "from the teacher"}
TERM_DASHES: dict[str, Any] = {"mse": "-", "l1": (0, (1, 1.6)), "peers": (0, (5, 2)), "teacher": (0, (1, 1.6))}


def validation(run: Run) -> Plot | None:
    """Validation NME after every epoch of every trained stage."""
    lines: list[tuple[str, str, list[float], list[float]]] = []
    for stage, part in run.bundles.items():
        for name in dict.fromkeys(key[4:] for record in part.log for key in record if key.startswith("val_")):
            found = [(number(r.get("epoch")), number(mapping(r.get(f"val_{name}")).get("nme_mean"))) for r in part.log]
            pairs = [(x, y) for x, y in found if x is not None and y is not None and y > 0]
            if pairs:
                title = TITLES[stage] if name == stage else f"{TITLES[stage]}, {name.replace('peer', 'peer ')}"
                lines.append((stage, title, [x for x, _ in pairs], [y for _, y in pairs]))
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        for index, (stage, title, x, y) in enumerate(lines):
            second = index > 0 and lines[index - 1][0] == stage
            dashes = (0, (3, 1.5)) if second else DASHES[stage]
            dot = "o" if len(x) == 1 else None
            axes.plot(x, y, color=stand_in(stage), linestyle=dashes, marker=dot, label=title)
        log_scale(axes, "y", [v for _, _, _, y in lines for v in y])
        axes.set_xlabel("epoch")
        axes.set_ylabel("validation NME, %")
        end_labels(axes, [(x[-1], y[-1], f"{y[-1]:.2f}", stand_in(stage)) for stage, _, x, y in lines])

    rows = tuple((words(title), cell(x[-1], 0), *(cell(v) for v in (y[0], min(y), y[-1]))) for _, title, x, y in lines)
    moments = [Column(label=label, unit="NME %") for label in ("After the first", "Lowest", "After the last")]
    columns = (Column(label="Network", numeric=False), Column(label="Epochs"), *moments)
    return Plot(
        title="Error while training",
        words="After each pass over the training faces (an epoch) every network is tried on validation faces that it "
        "never learns from; lower is better. The scale is logarithmic: equal steps are equal ratios.",
        svg=chart("validation", "Validation NME after each epoch, one line a network", draw, legend=2),
        table=Table(caption="Validation NME of each network", columns=columns, rows=rows),
    )


def losses(run: Run) -> Plot | None:
    """Every term's mean over each epoch; of two peers, the mean of both."""
    lines: list[tuple[str, str, list[float], list[float]]] = []
    for stage, part in run.bundles.items():
        for term in TERMS:
            found = [(number(record.get("epoch")), _value(record, term)) for record in part.log]
            pairs = [(x, y) for x, y in found if x is not None and y is not None and y > 0]
            if pairs:
                lines.append((stage, term, [x for x, _ in pairs], [y for _, y in pairs]))
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        for stage, term, x, y in lines:
            dot = "o" if len(x) == 1 else None
            axes.plot(x, y, color=stand_in(stage), linestyle=TERM_DASHES[term], marker=dot, label=_title(stage, term))
        log_scale(axes, "y", [value for _, _, _, y in lines for value in y])
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")

    columns = (Column(label="Term", numeric=False), Column(label="After the first"), Column(label="After the last"))
    rows = tuple((words(_title(stage, term)), cell(y[0], 6), cell(y[-1], 6)) for stage, term, _, y in lines)
    return Plot(
        title="What training minimised",
        words="The mean of each term of the loss over an epoch, as it is weighted in the sum. Heatmaps are mostly "
        "zeros, hence the small squared error from the start; how it falls is what counts. The scale is logarithmic.",
        svg=chart("losses", "Terms of the loss after each epoch, one line a term", draw, legend=2),
        table=Table(caption="Terms of the loss", columns=columns, rows=rows),
    )


def _title(stage: str, term: str) -> str:
    return f"{TITLES[stage]}: {TERMS[term]}"


def _value(record: Fields, term: str) -> float | None:
    """A term in the pass over the weights, or, where it is not in it, in the pass over the factors."""
    for passed in ("weights", "alpha"):
        values = [number(v) for k, v in record.items() if k.startswith(f"{passed}_") and k.endswith(f"_{term}")]
        known = [value for value in values if value is not None]
        if known:
            return statistics.mean(known)
    return None


def training(run: Run) -> Table:
    """How each bundle came about."""
    columns = [("Trained on", False), ("Validated on", False), ("Input", True), ("Epochs", True), ("Batch", True)]
    columns += [("Seed", True), ("Time", True), ("Device", False), ("Commit", False)]
    return Table(
        caption="How each stage was made",
        columns=(
            Column(label="Stage", numeric=False),
            *(Column(label=label, unit="px" if label == "Input" else "", numeric=n) for label, n in columns),
        ),
        rows=tuple(_training(run.title(stage), part) for stage, part in run.bundles.items()),
    )


def _training(title: str, part: BundleSummary) -> tuple[Cell, ...]:
    card = part.card
    trained = bool(part.log)
    optim = mapping(card.config.get("optim"))
    threads = card.made_with.get("threads")
    skipped = NOT_MEASURED if trained else NOT_APPLICABLE
    return (
        words(title, note=_edges(part)),
        words(card.data.get("train")),
        words(card.data.get("val")),
        cell(card.size_px, 0),
        cell(optim.get("epochs") if trained else None, 0, missing=skipped),
        cell(optim.get("batch") if trained else None, 0, missing=skipped),
        cell(card.config.get("seed") if trained else None, 0, missing=skipped),
        duration(card.made_with.get("train_seconds")) if trained else NOT_APPLICABLE,
        words(card.made_with.get("device"), note=f"threads: {threads}" if threads is not None else "")
        if trained
        else skipped,
        words(short_commit(card.made_with.get("commit"))),
    )


def _edges(part: BundleSummary) -> str:
    return f"{len(part.spec.edges)} operations" if isinstance(part.spec, SuperNetSpec) else ""
