"""Other people's libraries read the same out of the same files (dependency group `peers`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lbn.engine.alignment import Alignment
from napari_lbn.engine.io.alignments import (
    PACKAGES,
    Package,
    StackFacts,
    read_alignment,
    write_alignment,
)

COUNT = 7
PIXEL = 1.7


@pytest.fixture
def alignment() -> Alignment:
    rng = np.random.default_rng(0)
    return Alignment(
        angles=np.linspace(-60, 60, COUNT) + 0.25,
        rotations=-84.5 + rng.normal(0, 0.3, COUNT),
        shifts=rng.normal(0, 100, (COUNT, 2)),
        sections=np.arange(COUNT),
        dose=3.0 * np.arange(COUNT),
        source="drawn",
    )


@pytest.fixture
def written(alignment: Alignment, tmp_path: Path) -> Path:
    """A folder for each package, with its files of the same alignment."""
    facts = StackFacts(name="TS.mrc", shape=(COUNT, 600, 500), pixel_size=PIXEL)
    for package in PACKAGES:
        write_alignment(alignment, tmp_path / package, "TS", package=package, stack=facts)
    return tmp_path


def by_cryoet_alignment(folder: Path, package: Package) -> Any:
    """The file as the CryoET Data Portal's own library reads it, in the portal's form."""
    portal = pytest.importorskip("cryoet_alignment.io.cryoet_data_portal").Alignment
    if package == "imod":
        imod = pytest.importorskip("cryoet_alignment.io.imod")
        files = {"xf": imod.ImodXF.from_file(folder / "TS.xf")}
        files["tlt"] = imod.ImodTLT.from_file(folder / "TS.tlt")
        others = dict.fromkeys(("xtilt", "tiltcom", "newstcom"))
        return portal.from_imod(imod.ImodAlignment(**files, **others))
    if package == "aretomo":
        aln = pytest.importorskip("cryoet_alignment.io.aretomo3").AreTomo3ALN
        return portal.from_aretomo3(aln.from_file(folder / "TS.aln"))
    if package == "warp":
        return portal.from_warp_file(folder / "TS.xml", pixel_size_a=PIXEL)
    if package == "relion":
        return portal.from_relion_file(folder / "TS_tomograms.star")
    return portal.from_file(folder / "TS_alignment.json")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_portals_library_finds_the_same_geometry(
    written: Path, alignment: Alignment, package: Package
):
    pytest.importorskip("cryoet_alignment")
    rows = by_cryoet_alignment(written / package, package).per_section_alignment_parameters
    offsets = np.array([[row.x_offset, row.y_offset] for row in rows])
    np.testing.assert_allclose(offsets, alignment.raw_offsets() / PIXEL, atol=1e-3)
    axes = np.array([row.tilt_axis_rotation for row in rows])
    np.testing.assert_allclose(axes, -alignment.rotations, atol=1e-3)
    # it turns Warp's angles into the portal's sign; we tell, and leave them
    sign = -1 if package == "warp" else 1
    angles = np.array([sign * row.tilt_angle for row in rows])
    np.testing.assert_allclose(angles, alignment.angles, atol=6e-3)


def written_by_cryoet_alignment(source: Any, folder: Path, package: Package) -> Path:
    """The file of a package that the portal's own library makes of its own form."""
    size = (500, 600, COUNT)
    if package == "imod":
        source.to_imod(ts_size=size).write(base_name=folder / "TS")
        return folder / "TS.xf"
    if package == "aretomo":
        source.to_aretomo(ts_size=size).to_file(folder / "TS.aln")
        return folder / "TS.aln"
    if package == "warp":
        source.to_warp(pixel_size_a=PIXEL, image_size_px=size[:2]).to_file(folder / "TS.xml")
        return folder / "TS.xml"
    if package == "relion":
        source.to_relion("TS", pixel_size_a=PIXEL).to_file(folder / "tomograms.star")
        return folder / "tomograms.star"
    source.to_file(folder / "TS.json")
    return folder / "TS.json"


@pytest.mark.parametrize("package", PACKAGES)
def test_files_of_the_portals_library_mean_the_same_here(
    alignment: Alignment, tmp_path: Path, package: Package
):
    pytest.importorskip("cryoet_alignment")
    facts = StackFacts(name="TS.mrc", shape=(COUNT, 600, 500), pixel_size=PIXEL)
    write_alignment(alignment, tmp_path / "portal", "TS", package="portal", stack=facts)
    theirs = by_cryoet_alignment(tmp_path / "portal", "portal")
    file = written_by_cryoet_alignment(theirs, tmp_path, package)
    found = read_alignment(file).alignment.in_angstrom(PIXEL)
    sign = -1 if package == "warp" else 1
    np.testing.assert_allclose(sign * found.angles, alignment.angles, atol=6e-3)
    np.testing.assert_allclose(found.rotations, alignment.rotations, atol=1e-3)
    np.testing.assert_allclose(found.raw_offsets(), alignment.raw_offsets(), atol=2e-3)


def test_warpxmlfile_finds_the_same(written: Path, alignment: Alignment):
    series = pytest.importorskip("warpxmlfile").read(written / "warp" / "TS.xml")
    np.testing.assert_allclose(series.angles, alignment.angles, atol=1e-4)
    np.testing.assert_allclose(series.axis_angle, -alignment.rotations, atol=1e-4)
    np.testing.assert_allclose(series.dose, alignment.dose, atol=1e-4)
    offsets = np.stack([series.axis_offset_x, series.axis_offset_y], axis=1)
    np.testing.assert_allclose(offsets, alignment.raw_offsets(), atol=1e-3)


def test_etomofiles_finds_the_same_in_a_real_folder(shared_data: Path):
    etomofiles = pytest.importorskip("etomofiles")
    folder = shared_data / "alignments" / "etomofiles" / "TS_001"
    table = etomofiles.read(folder)
    found = read_alignment(folder).alignment
    np.testing.assert_allclose(found.angles, table["tlt"], atol=1e-6)
    matrices = np.array([found.matrix(tilt).ravel() for tilt in range(found.n_tilts)])
    columns = table[["xf_a11", "xf_a12", "xf_a21", "xf_a22"]].to_numpy()
    np.testing.assert_allclose(matrices, columns, atol=2e-4)
    np.testing.assert_allclose(found.shifts, table[["xf_dx", "xf_dy"]].to_numpy())
    assert found.excluded == set(np.flatnonzero(table["excluded"]))
