"""Which converted files can be trusted: the newest proof of each file's hash, and what lies in the run's folder now."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import runtime
from toolkit.core.files import read_json, sha256
from toolkit.core.records import Fields, Record
from toolkit.runtime import sidecar

REFUSED = "refused"
REPLACED = "another file than in the run now"


@dataclass(frozen=True, kw_only=True)
class Present:
    """A converted file of a run's folder, as it is there now."""

    sha256: str | None
    about: Fields = field(default_factory=dict)
    """Its sidecar's fields."""
    refusal: str = ""
    """Why it is not the file that its sidecar describes."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Whether a file gave its bundle's points when that was last looked at."""

    ok: bool | None
    """None where it does not say."""
    reasons: tuple[str, ...] = ()
    figures: Fields = field(default_factory=dict)


class Proofs:
    """The verdict on every file that some records are about.

    Args:
        records: in the order in which they were made; the newest proof of a hash counts.
        present: files of the run's folder by name; a proof in a sidecar is older than any record.
        bundles: hashes of the run's bundles by their stage.
    """

    def __init__(
        self, records: Iterable[Record], present: Mapping[str, Present] = {}, bundles: Mapping[str, str] = {}
    ) -> None:
        self.present = dict(present)
        self._now = {name: file.sha256 for name, file in self.present.items()} | dict(bundles)
        every = list(records)
        self._proofs: dict[str, Proof] = {}
        for name, file in self.present.items():
            self._keep(file.sha256 or name, file.about.get("parity"))
        for record in every:
            if record.kind == "parity":
                self._keep(record.file_sha256 or record.model, record)
        for name, file in self.present.items():
            if file.refusal:
                self._proofs[file.sha256 or name] = Proof(ok=False, reasons=(file.refusal,))
        hashes = {(r.place(), r.file_sha256) for r in every if r.file_sha256 and r.kind != "parity"}
        self._several = {place for place, count in Counter(place for place, _ in hashes).items() if count > 1}

    def _keep(self, of: str, figures: Any) -> None:
        """Replace what was known of a hash, or of a name where a record has no hash."""
        if isinstance(figures, Mapping) and figures:
            ok, reasons = figures.get("ok"), figures.get("reasons")
            words = tuple(map(str, reasons)) if isinstance(reasons, list | tuple) else ()
            self._proofs[of] = Proof(ok=ok if isinstance(ok, bool) else None, reasons=words, figures=figures)

    def of(self, record: Record) -> Proof | None:
        """The newest proof of a record's file; None where there is none."""
        return self._proofs.get(record.file_sha256 or "") or self._proofs.get(record.model)

    def replaced(self, record: Record) -> bool:
        """Whether the run's folder holds another file, or bundle, of that name now."""
        now = self._now.get(record.model)
        return now is not None and record.file_sha256 not in (None, now)

    def caution(self, record: Record) -> str:
        """What a reader must know of a record's file before believing its figures; nothing where all is well."""
        if self.replaced(record):
            return REPLACED
        proof = self.of(record)
        return REFUSED if proof is not None and proof.ok is False else ""

    def title(self, record: Record, name: str = "", *, judged: bool = True) -> str:
        """What to call a record's file in a table or plot: with its hash where names are not enough, and the caution.

        Args:
            record: about the file.
            name: what it is called otherwise, if that is not the record's model.
            judged: whether to add the caution.
        """
        digest = (record.file_sha256 or "")[:7] if record.place() in self._several else ""
        added = ", ".join(filter(None, [digest, self.caution(record) if judged else ""]))
        return f"{name or record.model} ({added})" if added else name or record.model


def present(folder: Path) -> dict[str, Present]:
    """The converted files of a folder by name, each held against its sidecar; a sidecar may be there alone."""
    found: dict[str, Present] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        about = _fields(path)
        if isinstance(about.get("model"), str):
            digest = about.get("file_sha256")
            found[about["model"]] = Present(sha256=digest if isinstance(digest, str) else None, about=about)
    for path in runtime.models_in(folder) if folder.is_dir() else []:
        try:
            sidecar.read(path)
        except (ValueError, FileNotFoundError) as error:
            about = found[path.name].about if path.name in found else {"model": path.name}
            found[path.name] = Present(sha256=sha256(path), about=about, refusal=" ".join(str(error).split()))
    return found


def _fields(path: Path) -> Fields:
    """A sidecar's fields; none of one that is damaged, whose file is then refused."""
    try:
        about = read_json(path)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
