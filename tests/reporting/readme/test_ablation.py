"""Tables and plots of ablations: means, deviations and changes against figures worked out by hand."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from toolkit.commands.measure.report import Report, run
from toolkit.core.files import write_lines
from toolkit.core.progress import finish
from toolkit.reporting.readme.ablation import ablations, plots
from toolkit.reporting.readme.blocks import BEGIN, END

CONDITIONS = {"kind": "ablation", "ablation": "distil", "split": "test", "data": "d", "n": 3, "input_px": 96,
              "device": "a machine", "commit": "f" * 40}  # fmt: skip


def record(variant: str, seed: int, clean: float, against: str | None, epochs: int = 10) -> dict[str, Any]:
    battery = {"occlusion": 2 * clean, "face mask": 3 * clean}
    return {**CONDITIONS, "variant": variant, "seed": seed, "nme_mean": clean, "battery": battery, "epochs": epochs,
            "against": against}  # fmt: skip


RECORDS = [
    record("supernet", 0, 5.0, None, epochs=30),
    record("slimmed", 0, 5.1, "supernet", epochs=0),
    *(record("slimmed, trained on", seed, nme, None) for seed, nme in ((0, 5.0), (1, 4.0))),
    *(record("+ teacher", seed, nme, "slimmed, trained on") for seed, nme in ((0, 4.9), (1, 3.88))),
]


def test_a_row_is_a_mean_a_deviation_and_a_change_seed_by_seed() -> None:
    """4.9 and 3.88 are 2 and 3 % below the same seeds' 5 and 4: -2.5 with a deviation of 0.7."""
    ((title, header, rows),) = ablations(RECORDS)
    assert header == ["distil", "seeds", "epochs", "clean", "change", "occlusion", "face mask"]
    assert rows[0] == ["supernet", "1", "30", "5.00", "", "10.00", "15.00"]
    assert rows[1] == ["slimmed", "1", "0", "5.10", "+2.0 %", "10.20", "15.30"]
    assert rows[2][3:5] == ["4.50 ± 0.71", ""]
    assert rows[3] == ["+ teacher", "2", "10", "4.39 ± 0.72", "\u22122.5 ± 0.7 %", "8.78 ± 1.44", "13.17 ± 2.16"]
    assert title.endswith("at 96 px. Change: of the clean NME against *supernet* of the same seed; of *+ teacher*, "
                          "against *slimmed, trained on*.")  # fmt: skip


def test_equal_epochs_stand_in_the_title_and_many_conditions_have_a_mean() -> None:
    """Where every variant was trained as long, that is no column; three corruptions are averaged."""
    records = [{**r, "epochs": 24, "against": None} for r in RECORDS[2:]]
    for r in records:
        r["battery"] = {"blur": 1.0, "noise": 2.0, "jpeg": 6.0}
    ((title, header, rows),) = ablations(records)
    assert header == ["distil", "seeds", "clean", "corruptions, mean", "blur", "noise", "jpeg"]
    assert "24 epochs each, at 96 px." in title and rows[0][3] == "3.00 ± 0.00"


@pytest.mark.slow
def test_the_plot_has_a_row_a_variant_and_follows_the_theme() -> None:
    """Sound XML of its own, the same twice, in the colours of light and dark; a single seed is not drawn."""
    assert plots(RECORDS[:2]) == {}
    drawn = plots(RECORDS)
    assert drawn == plots(RECORDS) and list(drawn) == ["distil-test.svg"]
    svg = drawn["distil-test.svg"]
    texts = [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    for name in ("supernet", "slimmed", "slimmed, trained on", "+ teacher", "clean", "occlusion", "face mask"):
        assert name in texts, name
    assert "prefers-color-scheme: dark" in svg and not re.search(r"#5ab3[0-9a-f]{2}", svg)


def test_a_few_variants_under_many_conditions_are_lines() -> None:
    """Every condition has its place, from clean to the last one; four variants are dots again."""
    hidden = {f"occlusion {level}": 2.0 for level in (1, 2, 3)}
    records = [{**r, "battery": hidden} for r in RECORDS[2:]]
    texts = re.findall(r">([^<>]+)</text>", plots(records)["distil-test.svg"])
    assert {"clean", *hidden, "slimmed, trained on", "+ teacher"} <= set(texts)
    more = [{**r, "variant": r["variant"] + "!"} for r in records]
    texts = re.findall(r">([^<>]+)</text>", plots([*records, *more])["distil-test.svg"])
    assert "occlusion 2" in texts and "occlusion 3" not in texts


@pytest.mark.parametrize("field", ["ablation", "split"])
def test_a_plot_whose_name_leads_out_of_the_folder_is_refused(field: str) -> None:
    """A record says what a file is called."""
    with pytest.raises(ValueError, match="may lead out of its folder"):
        plots([{**record, field: "../../escaped"} for record in RECORDS])


def test_report_refreshes_table_and_plot(tmp_path: Path) -> None:
    """`--markdown` writes the plot beside the records; the page's own text stays."""
    folder = tmp_path / "training"
    folder.mkdir()
    write_lines(folder / "results.jsonl", RECORDS)
    page = folder / "README.md"
    page.write_text(f"mine\n{BEGIN.format(name='training')}\n{END.format(name='training')}\n")
    finish(run(Report(run=folder, markdown=page)))
    assert "| + teacher | 2 | 10 | 4.39 ± 0.72 |" in page.read_text() and page.read_text().startswith("mine\n")
    assert (folder / "distil-test.svg").read_text().startswith("<svg")


def test_a_condition_that_some_records_lack_is_left_out() -> None:
    """Records from before a condition was added can stand beside newer ones."""
    records = [{**r, "battery": dict(r["battery"])} for r in RECORDS]
    del records[2]["battery"]["face mask"]
    ((_, header, _),) = ablations(records)
    assert "face mask" not in header and "occlusion" in header
