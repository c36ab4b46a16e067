"""Where the error lies: tables by region of the face and by published subset."""

from collections.abc import Iterable

from toolkit.core.records import Record
from toolkit.reporting.run import TITLES, Group, Run, group
from toolkit.reporting.table import NOT_APPLICABLE, NOT_MEASURED, Cell, Column, Table, cell, mapping, words

FIGURES = {
    "n": Column(label="Faces"),
    "nme_mean": Column(label="NME", unit="%, mean"),
    "nme_median": Column(label="NME", unit="%, median"),
    "fr8": Column(label="FR@8", unit="%"),
    "fr10": Column(label="FR@10", unit="%"),
    "auc10": Column(label="AUC@10", unit="%"),
}


def tables(run: Run, groups: Iterable[Group]) -> list[Table]:
    """Both tables of every set, as far as there are any."""
    found = [make(run, where) for where in groups for make in (regions, subsets)]
    return [table for table in found if table is not None]


def regions(run: Run, where: Group) -> Table | None:
    """Mean NME of every bundle and baseline by region; None where no record has regions."""
    records = _records(run, where)
    names = _names(records, "nme_regions")
    if not names:
        return None
    rows = []
    for record in records:
        found = mapping(record.get("nme_regions"))
        rows.append((_title(record), *(cell(found.get(name)) for name in names), cell(record.get("nme_box"))))
    return Table(
        caption=f"NME by region, in percent, on {where[0]}, {where[1]}",
        columns=(
            Column(label="Network", numeric=False),
            *(Column(label=name.capitalize(), unit="all but contour" if name == "inner" else "") for name in names),
            Column(label="Whole face", unit="% of the box"),
        ),
        rows=tuple(rows),
    )


def subsets(run: Run, where: Group) -> Table | None:
    """Scores of every bundle and baseline on each published subset; None where no record has subsets."""
    records = _records(run, where)
    names = _names(records, "subsets")
    if not names:
        return None
    rows = [(words(name.capitalize()), _title(record), *_figures(record, name)) for name in names for record in records]
    return Table(
        caption=f"Scores by subset on {where[0]}, {where[1]}",
        columns=(Column(label="Subset", numeric=False), Column(label="Network", numeric=False), *FIGURES.values()),
        rows=tuple(rows),
    )


def _figures(record: Record, name: str) -> Iterable[Cell]:
    found = mapping(mapping(record.get("subsets")).get(name))
    # without a face that has both eye corners there is no figure to measure
    missing = NOT_APPLICABLE if found.get("n") == 0 else NOT_MEASURED
    return (cell(found.get(key), 0 if key == "n" else 2, missing=missing) for key in FIGURES)


def _records(run: Run, where: Group) -> list[Record]:
    found = [record for stage in TITLES if (record := run.score(stage, where)) is not None]
    return found + [r for r in run.of_kind("baseline") if group(r) == where]


def _names(records: list[Record], key: str) -> list[str]:
    return list(dict.fromkeys(str(name) for record in records for name in mapping(record.get(key))))


def _title(record: Record) -> Cell:
    model = str(record.get("model"))
    return words(TITLES.get(model, model[:1].upper() + model[1:]))
