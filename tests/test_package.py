"""What is promised about the installed package and its documents."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import napari_lbn

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FORBIDDEN_BY_DEFAULT = re.compile(r"^(pyqt|pyside|napari$|nvidia|cuda|cupy)", re.IGNORECASE)


def test_version_is_known() -> None:
    assert re.match(r"\d+\.\d+", napari_lbn.__version__)
    assert metadata.version("napari-lbn") == napari_lbn.__version__


def test_types_are_shipped() -> None:
    assert resources.files("napari_lbn").joinpath("py.typed").is_file()


def test_base_dependencies_bring_neither_qt_nor_napari_nor_cuda() -> None:
    requirements = [Requirement(line) for line in metadata.requires("napari-lbn") or []]
    always = [r.name for r in requirements if r.marker is None or "extra" not in str(r.marker)]
    assert "torch" in always
    assert [name for name in always if FORBIDDEN_BY_DEFAULT.match(name)] == []


def test_entry_points() -> None:
    found = {(e.group, e.name): e.value for e in metadata.distribution("napari-lbn").entry_points}
    assert found["console_scripts", "napari-lbn"] == "napari_lbn.cli:main"
    assert found["napari.manifest", "napari-lbn"] == "napari_lbn:napari.yaml"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_link_only_to_what_exists(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_both_source_documents_are_cited() -> None:
    import yaml

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    titles = " ".join(reference["title"] for reference in citation["references"]).lower()
    assert "latent back-projection network" in titles
    assert "optimal back-projection" in titles
