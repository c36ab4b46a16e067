"""Tables for README files, rendered from records into a marked block, so that no figure is ever typed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.core.files import write_bytes
from toolkit.core.records import Fields, Record, of, read
from toolkit.reporting.proofs import Proofs
from toolkit.reporting.readme.ablation import ablations
from toolkit.reporting.readme.benchmark import compared, in_short
from toolkit.reporting.readme.deployment import converted, device, engines, engines_in_short
from toolkit.reporting.readme.pipelines import pipelines
from toolkit.reporting.readme.slimming import slimming
from toolkit.reporting.run import OWN_DETECTOR
from toolkit.reporting.table import TextTable, duration, markdown_table, number

BEGIN = "<!-- begin: {name} (rendered by `sdhrnet report --markdown`; do not edit) -->"
END = "<!-- end: {name} -->"
IN_SHORT = ", in short"

STAGES = {
    "teacher": "teacher (HRNetV2-W18)",
    "supernet": "supernet",
    "slim": "slimmed, before distillation",
    "distil": "**distilled**",
}


def update(page: Path, folder: Path) -> bool:
    """Render the records of a results folder into every block of a page that names it; whether the page changed.

    Args:
        page: a Markdown file with `begin: NAME` ... `end: NAME` comments; `NAME, in short` is what one chooses by.
        folder: holds results.jsonl; its own name is NAME.

    Raises:
        ValueError: the page has no block of that name.
    """
    text = fresh = page.read_text(encoding="utf-8")
    records, found = read(folder / "results.jsonl"), False
    for ending, make in (("", render), (IN_SHORT, short)):
        begin, end = (mark.format(name=folder.name + ending) for mark in (BEGIN, END))
        head, opened, rest = fresh.partition(begin)
        _, closed, tail = rest.partition(end)
        if opened and closed:
            fresh, found = f"{head}{begin}\n\n{make(records)}\n{end}{tail}", True
    if not found:
        begin, end = (mark.format(name=folder.name) for mark in (BEGIN, END))
        raise ValueError(f"{page} has no block for {folder.name}: put `{begin}` and `{end}` where the tables belong")
    if fresh != text:
        write_bytes(page, fresh.encode())
    return fresh != text


def render(lines: Sequence[Fields]) -> str:
    """The tables of a run: what was trained, what was converted, and where."""
    records = of(lines)
    sure = [r for r in records if number(r.get("visibility_auc")) is not None]
    scored = [r for r in records if r["kind"] in ("evaluate", "baseline") and "decoder" not in r]
    # faces with flags that are no test faces may have been learned from: of them the confidence counts alone
    scored = [r for r in scored if r not in sure or r["split"] == "test"]
    timed = [r for r in records if r["kind"] == "benchmark" and "boxes" not in r]
    proofs, parts = Proofs(records), [_conditions(records)]
    if scored:
        parts.append(_networks(scored, proofs))
    if timed:
        parts.append(_files(timed, proofs))
    for kind, table in (
        ("paper", _paper),
        ("label", _labels),
        ("boxes", _boxes),
        ("pack", _packs),
        ("pace", _paces),
        ("throughput", _throughput),
        ("step", _steps),
        ("chapter", _chapters),
    ):
        found = [r for r in records if r["kind"] == kind]
        if found:
            parts.append(table(found))
    tables = [*compared(records), *slimming(records), *ablations(records), *converted(records), *device(records)]
    tables += engines(records)
    parts += [table.markdown for table in (*tables, *pipelines(records), *([_confidences(sure)] if sure else []))]
    return "\n".join(parts)


def short(records: list[Record]) -> str:
    """What one chooses a model by; of a page about engines, what they do with files of each precision."""
    about_engines = any(r["kind"] == "engine" for r in records)
    return (engines_in_short(records) if about_engines else in_short(records)).markdown


def _conditions(records: list[Record]) -> str:
    made = [r for r in records if r.get("device")]
    machines = list(dict.fromkeys(r["device"] for r in made))
    commits = list(dict.fromkeys((r.get("commit") or "not in a checkout")[:12] for r in made))
    sets = sorted(
        {
            f"{r['data']} ({r['split']}, {r['n']} faces)"
            for r in records
            if r["kind"] not in ("parity", "engine") and r.get("data") and r.get("n") and r.get("boxes") != OWN_DETECTOR
        }
    )
    measured = f"Measured on: {'; '.join(sets)}. " if sets else ""
    return f"{measured}{_listed('Machine', machines)} {_listed('Commit', commits)}\n"


def _listed(what: str, values: list[str]) -> str:
    """All of them, since records of one page may come from several."""
    return f"{what}{'s' if len(values) > 1 else ''}: {', '.join(v.replace(', ', ' with ') for v in values)}."


def _networks(records: list[Record], proofs: Proofs) -> str:
    sets = dict.fromkeys(r["data"] for r in records)
    if len(sets) == 1:
        return _networks_on(records, proofs)
    own = {data: [r for r in records if r["data"] == data] for data in sets}
    return "\n".join(f"On {data}:\n\n{_networks_on(scored, proofs)}" for data, scored in own.items())


def _networks_on(records: list[Record], proofs: Proofs) -> str:
    several = len({r["input_px"] for r in records if r.get("input_px")}) > 1
    rows = [
        [
            proofs.title(r, _network(r) + (f", {r['input_px']} px" if several and r.get("input_px") else "")),
            f"{r['params_full'] / 1e6:.2f} M" if r.get("params_full") else "",
            f"{r['macs_full'] / 1e6:.0f} M" if r.get("macs_full") else "",
            *_accuracy(r),
        ]
        for r in records
    ]
    return markdown_table(["network", "parameters", "MACs", "NME mean", "median", "FR@10", "AUC@10"], rows)


def _confidences(records: list[Record]) -> TextTable:
    """A row a network, a column a set."""
    sets = {r["data"]: f"{r['data']}: {r['n_seen']} seen, {r['n_covered']} not" for r in records}
    found = {(r.model, r["data"]): r["visibility_auc"] for r in records}
    rows = [
        [f"`{model}`", *(f"{found[model, data]:.3f}" if (model, data) in found else "not measured" for data in sets)]
        for model in dict.fromkeys(r.model for r in records)
    ]
    title = "How often a point that is seen has more confidence than one that is not (area under the ROC curve):"
    return TextTable(title, ["model", *sets.values()], rows)


def _network(record: Record) -> str:
    """What a network is called: by its stage, else by its architecture and what it was trained on."""
    if record.get("taught_by") == []:
        return "**last trained on ground truth alone**"
    name = record.get("name", record["model"])
    if record["model"] != "teacher" or name in ("teacher", "hrnet-w18"):
        return str(STAGES.get(record["model"], record["model"]))
    return f"{name}, trained on {record['trained_on']}"


def _paper(records: list[Record]) -> str:
    """Items of the paper, as `sdhrnet paper` tells them."""
    return "\n".join(f"{r['item'][:-1].capitalize()} {r['item'][-1]}, {r['title']}:\n\n{r['text']}\n" for r in records)


def _labels(records: list[Record]) -> str:
    rows = []
    for r in records:
        regions = r["nme_regions"]
        figures = (r["nme_mean"], r["nme_median"], r["fr8"], r["fr10"], regions["contour"], regions["inner"])
        rows.append([r["model"], str(r["n"]), *(f"{value:.2f} %" for value in figures)])
    header = ["labels by", "faces", "NME mean", "median", "FR@8", "FR@10", "contour", "inner points"]
    return markdown_table(header, rows)


def _boxes(records: list[Record]) -> str:
    rows = [
        [r["model"], r["data"], f"{r['found']} of {r['n']}", *(f"{value:.3f}" for value in r["error_sd"])]
        for r in records
    ]
    header = ["boxes by", "faces", "found", "centre across (deviation, box sides)", "centre down", "size"]
    return markdown_table(header, rows)


def _packs(records: list[Record]) -> str:
    rows = [
        [
            r["data"],
            f"{r['size_px']} px",
            f"{r['size_bytes'] / 1e6:.0f} MB",
            f"{r['faces_per_second_photos']:.0f}",
            f"{r['faces_per_second_pack']:.0f}",
        ]
        for r in records
    ]
    header = ["pack", "crops", "size", "augmented crops a second from photos", "from the pack"]
    return markdown_table(header, rows)


def _paces(records: list[Record]) -> str:
    rows = [
        [
            r["drawn"],
            f"{r['size_px']} px",
            f"{r['faces_per_second']:.0f}",
            f"{r['first_face_seconds']:.2f} s",
            r["device"],
        ]
        for r in records
    ]
    return markdown_table(["drawn", "pictures", "faces a second and core", "first face after", "machine"], rows)


def _throughput(records: list[Record]) -> str:
    def same(r: Record) -> tuple[Any, ...]:
        return r["model"], r["size_px"], r["precision"], r["batch"], r["device"]

    alone = {same(r): r["faces_per_second"] for r in records if r["processes"] == r["threads"] == 1}
    rows = []
    for r in records:
        gain = f"{r['faces_per_second'] / alone[same(r)]:.2f} x" if same(r) in alone else ""
        shared = [f"{r['processes']} x {r['threads']}", str(r["batch"])]
        figures = [f"{r['faces_per_second']:.1f}", gain, f"{r['outside_percent']:.1f} %"]
        rows.append([r["model"], f"{r['size_px']} px", r["precision"], *shared, *figures])
    header = ["stage", "input", "precision", "processes x threads", "batch", "faces a second", "against one thread"]
    return markdown_table([*header, "time outside the steps"], rows)


def _steps(records: list[Record]) -> str:
    rows = [
        [
            r["model"],
            r["stage"],
            f"{r['size_px']} px",
            str(r["epochs"]),
            str(r["seed"]),
            f"{r['seconds'] / 3600:.2f}",
            f"{r['val_nme_mean']:.2f} %",
            r["device"],
        ]
        for r in records
    ]
    for machine in dict.fromkeys(r["device"] for r in records):
        total = sum(r["seconds"] for r in records if r["device"] == machine) / 3600
        rows.append(["all", "", "", "", "", f"{total:.2f}", "", machine])
    header = ["step", "stage", "input", "epochs", "seed", "hours", "NME on validation faces", "machine"]
    return markdown_table(header, rows)


def _chapters(records: list[Record]) -> str:
    rows = [
        [str(r["chapter"]), r["what"], f"{r['value']:.2f}", duration(r["seconds"]).text, r["device"]]
        for r in sorted(records, key=lambda r: r["chapter"])
    ]
    table = markdown_table(["chapter", "comes to", "", "the whole chapter", "machine"], rows)
    return f'The course with `SIZE = "gpu"` (`notebooks/long_runs.py`), on drawn faces:\n\n{table}'


def _files(records: list[Record], proofs: Proofs) -> str:
    rows = []
    for r in records:
        proof, ms = proofs.of(r), r["latency_ms"]
        moved = number(proof.figures.get("mean_px")) if proof else None
        rows.append(
            [
                proofs.title(r, f"`{r.model}`"),
                f"{r['size_bytes'] / 1e6:.2f} MB",
                "not measured" if number(r.get("nme_mean")) is None else f"{r['nme_mean']:.2f} %",
                "not measured" if moved is None else f"{moved:.4f} px",
                f"{ms['median']:.2f} ms" if ms else "not measured",
                f"{ms['p90']:.2f} ms" if ms else "not measured",
                str(r["engine"]),
            ]
        )
    header = ["file", "size", "NME mean", "points moved (mean)", "one call, median", "p90", "engine"]
    return markdown_table(header, rows)


def _accuracy(record: Record) -> list[str]:
    return [f"{record[name]:.2f} %" for name in ("nme_mean", "nme_median", "fr10", "auc10")]
