"""Alignments written and read back, through every package and between any two of them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.alignment import Alignment
from napari_lbn.engine.alignment.completed import alignment_of
from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.alignments import (
    PACKAGES,
    Package,
    StackFacts,
    read_alignment,
    write_alignment,
    write_series_alignment,
)
from napari_lbn.engine.tilt_series import TiltSeries

from ..conftest import WriteMrc

PIXEL = 1.7005
SUFFIX = {
    "imod": ".xf",
    "aretomo": ".aln",
    "relion": ".star",
    "warp": ".xml",
    "portal": "_alignment.json",
}
DEGREES, PIXELS = 1e-3, 1e-2


@st.composite
def alignments(draw: st.DrawFn) -> Alignment:
    count = draw(st.integers(2, 12))
    numbers = st.floats(-1, 1, allow_nan=False)

    def column(scale: float) -> np.ndarray:
        return scale * np.array(draw(st.lists(numbers, min_size=count, max_size=count)))

    axis = draw(st.floats(-180, 180))
    return Alignment(
        angles=np.linspace(-60, 60, count) + column(0.5),
        rotations=axis + column(0.5),
        shifts=np.stack([column(600), column(600)], axis=1),
        sections=np.arange(count),
        excluded=draw(st.frozensets(st.integers(0, count - 1), max_size=count - 2)),
        source="drawn",
    )


def written(alignment: Alignment, folder: Path, package: Package) -> Alignment:
    """The alignment after one package's files."""
    folder.mkdir()
    facts = StackFacts(name="TS.mrc", shape=(alignment.n_tilts, 600, 500), pixel_size=PIXEL)
    write_alignment(alignment, folder, "TS", package=package, stack=facts)
    return read_alignment(folder / f"TS{SUFFIX[package]}").alignment.in_angstrom(PIXEL)


def assert_same(found: Alignment, expected: Alignment) -> None:
    """The same geometry of the tilts that are in use."""
    rows = {int(section): row for row, section in enumerate(found.sections)}
    used = [i for i in range(expected.n_tilts) if i not in expected.excluded]
    assert {int(found.sections[i]) for i in range(found.n_tilts) if i not in found.excluded} == set(
        used
    )
    at = [rows[i] for i in used]
    turned = (found.rotations[at] - expected.rotations[used] + 180) % 360 - 180
    assert np.abs(turned).max() < DEGREES
    assert np.abs(found.angles[at] - expected.angles[used]).max() < DEGREES
    assert np.abs(found.shifts[at] - expected.shifts[used]).max() < PIXELS * PIXEL


@pytest.mark.parametrize(("first", "second"), list(product(PACKAGES, PACKAGES)))
@given(alignment=alignments())
@settings(max_examples=8)
def test_any_two_packages_agree_on_the_geometry(
    tmp_path_factory: pytest.TempPathFactory,
    first: Package,
    second: Package,
    alignment: Alignment,
):
    folder = tmp_path_factory.mktemp("round")
    once = written(alignment, folder / "first", first)
    assert_same(once, alignment)
    if once.n_tilts == alignment.n_tilts:  # RELION and the portal leave excluded tilts out
        assert_same(written(once, folder / "second", second), alignment)


def some(**changes: object) -> Alignment:
    values = {
        "angles": np.array([-20.0, 0.0, 20.0]),
        "rotations": np.full(3, -85.0),
        "shifts": np.array([[1.0, 2.0], [0.0, 0.0], [-3.0, 4.0]]),
        "sections": np.arange(3),
        **changes,
    }
    return Alignment(**values)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_cannot_carry_is_told(tmp_path: Path, package: Package):
    facts = StackFacts(name="TS.mrc", shape=(4, 60, 50), pixel_size=2.0)
    alignment = some(
        magnifications=np.array([1.0, 1.01, 0.99]),
        dose=np.array([3.0, 0.0, 6.0]),
        order=np.array([1, 0, 2]),
        excluded=frozenset({0}),
        binning=2.0,
    )
    told = " ".join(write_alignment(alignment, tmp_path, "TS", package=package, stack=facts).told)
    found = read_alignment(tmp_path / f"TS{SUFFIX[package]}").alignment
    assert ("magnifications" in told) == (found.magnifications is None)
    assert ("binning" in told) == (found.binning != 2)
    assert "no alignment (sections 4)" in told
    kept = [i for i in range(found.n_tilts) if i not in found.excluded]
    np.testing.assert_array_equal(found.sections[kept], [1, 2])
    if package in ("imod", "aretomo"):
        np.testing.assert_allclose(found.magnifications[kept], [1.01, 0.99], atol=1e-6)


@pytest.mark.parametrize("package", ["relion", "warp"])
def test_doses_survive_where_there_is_a_place_for_them(tmp_path: Path, package: Package):
    alignment = some(dose=np.array([3.5, 0.0, 7.25]))
    found = written(alignment, tmp_path / "out", package)
    np.testing.assert_allclose(found.dose, alignment.dose)
    np.testing.assert_array_equal(found.order, [1, 0, 2])


@pytest.mark.parametrize("package", PACKAGES)
def test_an_aligned_stack_is_referred_to_as_it_is(
    stack: WriteMrc, tmp_path: Path, package: Package
):
    series = open_tilt_series(stack("TS_lbn.mrc")).with_excluded([1])
    result = write_series_alignment(series, tmp_path / package, package=package)
    assert all(file.is_file() for file in result.files)
    again = open_tilt_series(
        stack("TS_lbn.mrc", angles=None), alignment=tmp_path / package / f"TS_lbn{SUFFIX[package]}"
    )
    kept = [i for i in range(again.n_tilts) if i not in again.excluded]
    np.testing.assert_allclose(again.angles[kept], [-40, 0, 20, 40], atol=1e-3)
    np.testing.assert_allclose(again.read(), series.read(), atol=1e-4)


def test_newst_is_told_that_images_of_a_lying_axis_stand_upright(stack: WriteMrc, tmp_path: Path):
    path = stack(angles=None)  # 6 x 8 pixels
    facts = StackFacts(name="TS.mrc", shape=(5, 6, 8), pixel_size=7.5)
    lying = some(
        angles=np.linspace(-40, 40, 5),
        rotations=np.full(5, -85.0),
        shifts=np.zeros((5, 2)),
        sections=np.arange(5),
    )
    write_alignment(lying, tmp_path, "A", package="aretomo", stack=facts)
    series = open_tilt_series(path, alignment=tmp_path / "A.aln")
    out = tmp_path / "out"
    write_series_alignment(series, out, package="imod")
    assert "SizeToOutputInXandY 6,8\n" in (out / "newst.com").read_text()
    again = open_tilt_series(path, alignment=out)
    assert again.image_shape == series.image_shape == (8, 6)
    np.testing.assert_allclose(again.read(), series.read(), atol=1e-4)
    told = write_series_alignment(again, tmp_path / "w", package="warp").told
    assert any("size of the aligned images" in text for text in told)


def test_what_the_other_package_needs_besides_is_told(stack: WriteMrc, tmp_path: Path):
    series = open_tilt_series(stack("TS_lbn.mrc"))  # 7.5 Å
    elsewhere = write_series_alignment(series, tmp_path / "out", package="imod")
    command = (tmp_path / "out" / "tilt.com").read_text()
    assert "THICKNESS 267\n" in command
    assert "InputProjections TS_lbn.mrc\n" in command  # aligned already: no need of newst.com
    assert any("TS_lbn.mrc" in text and "out" in text for text in elsewhere.told)
    beside = write_series_alignment(series, tmp_path, package="warp")
    assert not any("put it" in text for text in beside.told)
    assert any("MoviePath" in text for text in beside.told)


def test_a_raw_series_keeps_its_alignment_and_inverted_angles(stack: WriteMrc, tmp_path: Path):
    path = stack(angles=None)
    facts = StackFacts(name="TS.mrc", shape=(5, 6, 8), pixel_size=7.5)
    alignment = some(
        angles=np.array([-38.0, -20.0, 3.0, 20.0, 41.0]),
        rotations=np.full(5, 5.0),
        shifts=np.arange(10.0).reshape(5, 2),
        sections=np.arange(5),
    )
    write_alignment(alignment, tmp_path, "A", package="warp", stack=facts)
    series = open_tilt_series(path, alignment=tmp_path / "A.xml", invert=True)
    found = alignment_of(series)
    np.testing.assert_allclose(found.angles, -alignment.angles, atol=1e-4)
    np.testing.assert_allclose(found.shifts, alignment.shifts, atol=1e-3)


def test_relion_gets_every_column_that_it_refuses_to_miss(tmp_path: Path):
    facts = StackFacts(name="TS.mrc", shape=(3, 60, 50), pixel_size=10.0)
    written = write_alignment(some(), tmp_path, "TS", package="relion", stack=facts)
    table = (tmp_path / "TS_tomograms.star").read_text()
    assert "_rlnVoltage" in table
    assert table.split()[-3:] == ["60", "50", "200"]  # x y z: the axis lay, the images stand
    assert any("are assumed" in text for text in written.told)
    found = read_alignment(tmp_path / "TS_tomograms.star")
    assert found.alignment.dose is None  # zeros that are there for RELION's sake
    assert found.alignment.pixel_size == 10


def test_command_files_of_another_series_are_not_replaced(tmp_path: Path):
    (tmp_path / "tilt.com").write_text("mine")
    facts = StackFacts(name="TS.mrc", shape=(3, 6, 8), pixel_size=7.5)
    with pytest.raises(OutputError, match=r"tilt\.com exists"):
        write_alignment(some(), tmp_path, "TS", package="imod", stack=facts)
    assert [file.name for file in tmp_path.iterdir()] == ["tilt.com"]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_read_is_never_replaced(stack: WriteMrc, tmp_path: Path, package: Package):
    stack("TS.mrc", angles=None)
    turned = some(
        angles=np.linspace(-40, 40, 5),
        rotations=np.full(5, 3.0),
        shifts=np.ones((5, 2)),
        sections=np.arange(5),
    )
    facts = StackFacts(name="TS.mrc", shape=(5, 6, 8), pixel_size=7.5)
    first = write_alignment(turned, tmp_path, "TS", package=package, stack=facts)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    series = open_tilt_series(tmp_path / f"TS{SUFFIX[package]}")
    with pytest.raises(OutputError, match=r"is an input of this run|exists already"):
        write_series_alignment(series.with_inverted_angles(), tmp_path, package=package)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    write_series_alignment(series.with_inverted_angles(), tmp_path / "out", package=package)
    assert len(list((tmp_path / "out").iterdir())) == len(first.files)


def test_shifts_need_a_pixel_size(tmp_path: Path):
    series = TiltSeries.from_array(np.zeros((3, 4, 4), "f4"), [-1, 0, 1])
    with pytest.raises(InputError, match="pixel size"):
        write_series_alignment(series, tmp_path, package="imod")
