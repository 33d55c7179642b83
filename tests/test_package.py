"""What is promised about the installed package and its documents."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import napari_lbn
from napari_lbn.engine.io.weights.find import bundled_weights

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ANCHOR = re.compile(r"\]\(([^)#\s:]*)#([^)\s]+)\)")
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_headings_find_them(document: Path) -> None:
    missing = []
    for name, anchor in ANCHOR.findall(document.read_text(encoding="utf-8")):
        target = document.parent / name if name else document
        if target.suffix == ".md" and anchor not in anchors(target):
            missing.append(f"{name}#{anchor}")
    assert missing == []


def anchors(document: Path) -> set[str]:
    """What links can name in a document, as Markdown makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s-]+", "-", heading) for heading in plain}


def test_the_bundled_weights_carry_the_model_card_of_the_documents() -> None:
    card = (ROOT / "docs" / "model_card.md").read_text(encoding="utf-8")
    stale = [info.name for info in bundled_weights() if info.card != card]
    assert stale == [], "run scripts/embed_card.py"


def test_both_source_documents_are_cited() -> None:
    import yaml

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    titles = " ".join(reference["title"] for reference in citation["references"]).lower()
    assert "latent back-projection network" in titles
    assert "optimal back-projection" in titles
