"""What came of a batch: a table for people, and the same for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_lbn.engine.io import write_provenance
from napari_lbn.engine.io.files.text_output import write_text

COLUMNS = (
    "name",
    "status",
    "tilts",
    "synthesized",
    "pixel_size",
    "thickness",
    "excluded",
    "warnings",
    "seconds",
)
CHECK = "hidden_correlation"


def write_summary(folder: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Write ``batch_summary.tsv`` and ``batch_summary.json``, one row a series."""
    ordered = sorted(records, key=lambda record: str(record["name"]))
    methods = sorted({method for record in ordered for method in record.get(CHECK, {})})
    head = [*COLUMNS, *(f"hidden tilts: {method}" for method in methods), "message"]
    lines = ["\t".join(head)]
    for record in ordered:
        values = [record.get(name) for name in COLUMNS]
        values += [record.get(CHECK, {}).get(method) for method in methods]
        values.append(" ".join(str(record.get("message", "")).split()))
        lines.append("\t".join("" if value is None else str(value) for value in values))
    table = write_text(folder / "batch_summary.tsv", "\n".join(lines) + "\n")
    return [table, write_provenance(folder / "batch_summary.json", {"series": ordered})]
