"""Folders as RELION 5, the CryoET Data Portal, AreTomo and Etomo leave them."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import is_tilt_series, open_tilt_series
from napari_lbn.engine.io.alignments import read_alignment
from napari_lbn.engine.io.alignments.readers import listed_series

PIXEL = 1.35
ANGLES = (-57.0, -30.0, 0.0, 27.0, 54.0)
PRE_EXPOSURE = (114.0, 57.0, 0.0, 51.0, 105.0)
AXES = (85.03, 85.17, 85.26, 85.34, 85.4)
SHIFTS = ((34.8, 24.5), (6.6, 8.3), (0.6, -9.2), (-15.2, -13.1), (-24.6, -20.2))
BEAD = np.array([12.0, -20.0, 15.0])
"""Å from the centre of the specimen: x, y, z."""
SIZE = 101
COLUMNS = (
    "rlnMicrographMovieName",
    "rlnTomoTiltMovieFrameCount",
    "rlnTomoNominalStageTiltAngle",
    "rlnTomoNominalTiltAxisAngle",
    "rlnMicrographPreExposure",
    "rlnTomoNominalDefocus",
    "rlnCtfPowerSpectrum",
    "rlnMicrographNameEven",
    "rlnMicrographNameOdd",
    "rlnMicrographName",
    "rlnMicrographMetadata",
    "rlnAccumMotionTotal",
    "rlnCtfImage",
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnCtfMaxResolution",
    "rlnTomoXTilt",
    "rlnTomoYTilt",
    "rlnTomoZRot",
    "rlnTomoXShiftAngst",
    "rlnTomoYShiftAngst",
    "rlnCtfScalefactor",
)
"""In the order of RELION 5's tutorial (EMPIAR-10164), after its alignment through IMOD."""
GLOBAL_COLUMNS = (
    "rlnTomoName",
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnMicrographOriginalPixelSize",
    "rlnTomoHand",
    "rlnOpticsGroupName",
    "rlnTomoTiltSeriesPixelSize",
    "rlnTomoTiltSeriesStarFile",
    "rlnEtomoDirectiveFile",
)


def write_image(path: Path, x: float, y: float, pixel_size: float = PIXEL) -> Path:
    """An image with a bead at (x, y) pixels from its centre."""
    centre = (SIZE - 1) / 2
    rows, columns = np.mgrid[:SIZE, :SIZE] - centre
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype("f4"))
        file.voxel_size = pixel_size
    return path


def relion_projection(tilt: int, point: np.ndarray) -> np.ndarray:
    """Where RELION projects a point, in Å from the image's centre: Rz · Ry, then the shift."""
    y, z = np.deg2rad(ANGLES[tilt]), np.deg2rad(AXES[tilt])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return (about_z @ about_y @ point)[:2] + SHIFTS[tilt]


def star(block: str, columns: tuple[str, ...], rows: list[list[object]]) -> str:
    head = "".join(f"_{name} #{i} \n" for i, name in enumerate(columns, 1))
    body = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    return f"\n# version 50001\n\ndata_{block}\n\nloop_ \n{head}{body}\n"


def relion_row(tilt: int, name: str) -> list[object]:
    image = f"MotionCorr/job002/frames/{name}_{tilt:03d}_{ANGLES[tilt]:.0f}_0"
    values = {
        "rlnMicrographMovieName": f"frames/{name}_{tilt:03d}_{ANGLES[tilt]:.1f}.mrc",
        "rlnTomoNominalStageTiltAngle": ANGLES[tilt] + 0.0015,
        "rlnTomoNominalTiltAxisAngle": 85.0,
        "rlnMicrographPreExposure": PRE_EXPOSURE[tilt],
        "rlnCtfPowerSpectrum": f"{image}_PS.mrc",
        "rlnMicrographNameEven": f"{image}_EVN.mrc",
        "rlnMicrographNameOdd": f"{image}_ODD.mrc",
        "rlnMicrographName": f"{image}.mrc",
        "rlnMicrographMetadata": f"{image}.star",
        "rlnCtfImage": f"CtfFind/job003/frames/{name}_{tilt:03d}_PS.ctf:mrc",
        "rlnTomoYTilt": ANGLES[tilt],
        "rlnTomoZRot": AXES[tilt],
        "rlnTomoXShiftAngst": SHIFTS[tilt][0],
        "rlnTomoYShiftAngst": SHIFTS[tilt][1],
    }
    return [values.get(column, 0.0) for column in COLUMNS]


@pytest.fixture
def relion_project(tmp_path: Path) -> Path:
    """A project of RELION 5 with the tilt series TS_01 and TS_03, aligned in job005."""
    job = tmp_path / "AlignTiltSeries" / "job005"
    (job / "tilt_series").mkdir(parents=True)
    listed: list[list[object]] = []
    for name in ("TS_01", "TS_03"):
        rows = [relion_row(tilt, name) for tilt in range(len(ANGLES))]
        for tilt, row in enumerate(rows):
            place = relion_projection(tilt, BEAD) / PIXEL
            write_image(tmp_path / str(row[COLUMNS.index("rlnMicrographName")]), *place)
        text = star(name, COLUMNS, rows)
        (job / "tilt_series" / f"{name}.star").write_text(text)
        series = f"AlignTiltSeries/job005/tilt_series/{name}.star"
        optics = [name, 300.0, 2.7, 0.1, 0.675, -1.0, "optics1", PIXEL, series, "x.edf"]
        listed.append(list(optics))
    (job / "aligned_tilt_series.star").write_text(star("global", GLOBAL_COLUMNS, listed))
    (job / "job.star").write_text("data_job\n\n_rlnJobTypeLabel relion.aligntiltseries\n")
    return tmp_path


def bead_in(image: np.ndarray) -> np.ndarray:
    """(x, y) of the bead in Å from the centre."""
    weights = np.clip(image - 0.1, 0, None)
    rows, columns = np.indices(image.shape)
    found = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
    return (found - (np.array(image.shape[::-1]) - 1) / 2) * PIXEL


def test_relions_own_projection_and_ours_of_its_files_agree(relion_project: Path):
    path = relion_project / "AlignTiltSeries" / "job005" / "tilt_series" / "TS_01.star"
    series = open_tilt_series(path)
    assert series.name == "TS_01"
    assert series.pixel_size == pytest.approx(PIXEL)
    np.testing.assert_allclose(series.angles, ANGLES)
    np.testing.assert_allclose(series.dose, PRE_EXPOSURE)
    np.testing.assert_array_equal(series.order, [4, 2, 0, 1, 3])
    for tilt, angle in enumerate(np.deg2rad(ANGLES)):
        # q = x cos + z sin, y stays: the rule of docs/geometry.md
        expected = [BEAD[0] * np.cos(angle) + BEAD[2] * np.sin(angle), BEAD[1]]
        np.testing.assert_allclose(bead_in(series.read([tilt])[0]), expected, atol=0.02)


def test_a_series_of_single_images_opens_again_by_what_it_says_of_itself(relion_project: Path):
    path = relion_project / "AlignTiltSeries" / "job005" / "tilt_series" / "TS_03.star"
    series = open_tilt_series(path)
    assert series.source == path
    assert series.history["alignment_file"] == str(path)
    np.testing.assert_array_equal(open_tilt_series(series.source).read(), series.read())


def test_a_table_of_tomograms_leads_to_its_series(relion_project: Path):
    job = relion_project / "AlignTiltSeries" / "job005"
    table = job / "aligned_tilt_series.star"
    names = [path.name for path in listed_series(table)]
    assert names == ["TS_01.star", "TS_03.star"]
    with pytest.raises(InputError, match="lists 2 tilt series"):
        open_tilt_series(job)  # job.star is none
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if not line.startswith("TS_03")) + "\n")
    assert open_tilt_series(job).name == "TS_01"
    assert read_alignment(table).alignment.pixel_size == PIXEL
    assert listed_series(job / "tilt_series" / "TS_01.star") == []


def test_what_relion_would_take_instead_is_told(relion_project: Path):
    path = relion_project / "AlignTiltSeries" / "job005" / "tilt_series" / "TS_01.star"
    rows = [[*relion_row(tilt, "TS_01"), "[1,0,0,0]"] for tilt in range(len(ANGLES))]
    path.write_text(star("TS_01", (*COLUMNS, "rlnTomoProjX"), rows))
    assert any("projection matrices" in text for text in read_alignment(path).alignment.notes)


def test_relion_says_how_a_stack_is_to_be_read(tmp_path: Path):
    with mrcfile.new(tmp_path / "TS.st") as file:
        file.set_data(np.zeros((2, 8, 8), "f4"))
    columns = ("rlnMicrographName", *COLUMNS[-5:-1])  # YTilt, ZRot and shifts
    rows: list[list[object]] = [
        [f"{i + 1:06d}@TS.st:mrcs", 20.0 * i, 85.0, 0.0, 0.0] for i in range(2)
    ]
    (tmp_path / "a.star").write_text(star("TS", columns, rows))
    assert read_alignment(tmp_path / "a.star").stack == tmp_path / "TS.st"


def portal_row(section: int, angle: float | None) -> dict[str, object]:
    turn = np.deg2rad(85.0)
    matrix = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return {
        "in_plane_rotation": matrix if section else np.ravel(matrix).tolist(),
        "x_offset": 1.5,
        "y_offset": -2.0 * section,
        "z_index": section,
        "tilt_angle": angle,
        "volume_x_rotation": 0,
    }


@pytest.fixture
def portal_run(tmp_path: Path) -> Path:
    """A run of the CryoET Data Portal, as its bucket lays it out: dataset 30001, RUN1."""
    run = tmp_path / "30001" / "RUN1"
    images = np.random.default_rng(0).normal(size=(3, 12, 16)).astype("f4")
    folder = run / "TiltSeries" / "100"
    folder.mkdir(parents=True)
    with mrcfile.new(folder / "ts_foo.mrc") as file:
        file.set_data(images)
        file.voxel_size = 4.37
    (folder / "ts_foo.rawtlt").write_text("-40\n0\n41.5\n")
    facts = {
        "pixel_spacing": 4.37,
        "is_aligned": False,
        "omezarr_dir": "30001/RUN1/TiltSeries/100/ts_foo.zarr",
        "mrc_file": "30001/RUN1/TiltSeries/100/ts_foo.mrc",
    }
    (folder / "tiltseries_metadata.json").write_text(json.dumps(facts))
    content = {
        "format": "IMOD",
        "per_section_alignment_parameters": [portal_row(0, -40.2), portal_row(2, 41.3)],
        "alignment_path": "30001/RUN1/Alignments/100/aln1.xf",
        "tiltseries_path": "30001/RUN1/TiltSeries/100/tiltseries_metadata.json",
        "affine_transformation_matrix": np.eye(4).tolist(),
        "alignment_type": "GLOBAL",
        "volume_offset": {"x": 0, "y": 0, "z": 0},
    }
    alignment = run / "Alignments" / "100"
    alignment.mkdir(parents=True)
    (alignment / "alignment_metadata.json").write_text(json.dumps(content))
    (alignment / "aln1.xf").write_text("1 0 0 1 0 0\n" * 3)  # as deposited, without its stack
    return run


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "place", [".", "Alignments/100", "Alignments/100/alignment_metadata.json"], ids=str
)
def test_a_run_of_the_portal_opens_by_any_of_its_parts(portal_run: Path, place: str):
    assert is_tilt_series(portal_run / place)
    series = open_tilt_series(portal_run / place)
    assert series.name == "ts_foo"
    assert series.pixel_size == pytest.approx(4.37)
    np.testing.assert_allclose(series.angles, [-40.2, 41.3])
    np.testing.assert_allclose(
        series.images.alignment.raw_offsets() / 4.37, [[1.5, 0], [1.5, -4]], atol=1e-9
    )
    assert series.history["warnings"] == []


def test_a_run_copied_without_its_dataset_opens_too(portal_run: Path, tmp_path: Path):
    moved = portal_run.rename(tmp_path / "downloaded")
    assert open_tilt_series(moved).name == "ts_foo"
    change(moved / "Alignments/100/alignment_metadata.json", tiltseries_path=None)
    assert open_tilt_series(moved).name == "ts_foo"


def test_the_portals_angles_may_be_those_beside_the_stack(portal_run: Path):
    path = portal_run / "Alignments/100/alignment_metadata.json"
    rows = [portal_row(0, None), portal_row(2, None)]
    change(path, per_section_alignment_parameters=rows)
    np.testing.assert_allclose(open_tilt_series(portal_run).angles, [-40, 41.5])
    (portal_run / "TiltSeries/100/ts_foo.rawtlt").unlink()
    with pytest.raises(InputError, match="holds no tilt angles"):
        open_tilt_series(portal_run)


def test_what_the_portal_holds_and_is_not_applied_is_told(portal_run: Path):
    path = portal_run / "Alignments/100/alignment_metadata.json"
    turned = np.roll(np.eye(4), 1, axis=0).tolist()
    offset = {"x": 0, "y": 0, "z": 30}
    change(path, volume_offset=offset, affine_transformation_matrix=turned, alignment_type="LOCAL")
    change(portal_run / "TiltSeries/100/tiltseries_metadata.json", is_aligned=True)
    told = " ".join(open_tilt_series(portal_run).history["warnings"])
    for word in ("volume_offset", "affine", "local alignment", "aligned already"):
        assert word in told


@pytest.mark.parametrize(
    "named", ["../../secret.json", "/etc/passwd", "30001/../../x/tiltseries_metadata.json"]
)
def test_the_portals_paths_do_not_lead_out(portal_run: Path, named: str):
    change(portal_run / "Alignments/100/alignment_metadata.json", tiltseries_path=named)
    with pytest.raises(InputError, match="outside"):
        open_tilt_series(portal_run)


def test_the_portals_stack_lies_beside_its_own_facts(portal_run: Path):
    (portal_run.parent / "secret.mrc").write_bytes(b"")
    facts = portal_run / "TiltSeries/100/tiltseries_metadata.json"
    change(facts, mrc_file="../../../secret.mrc", omezarr_dir="..")
    with pytest.raises(InputError, match="not beside it"):
        open_tilt_series(portal_run)


def etomo(folder: Path, name: str, axis: str, **entries: object) -> None:
    """Files of a series as Etomo names them; the axis letter of dual-axis ones ends the names."""
    with mrcfile.new(folder / f"{name}{axis}.st") as file:
        file.set_data(np.zeros((4, 8, 8), "f4"))
    (folder / f"{name}{axis}.xf").write_text("1 0 0 1 0 0\n" * 4)
    (folder / f"{name}{axis}.tlt").write_text("-20\n0\n20\n40\n")
    lines = "".join(f"{key}={value}\n" for key, value in entries.items())
    (folder / f"{name}.edf").write_text(f"Setup.DatasetName={name}\nSetup.PixelSize=0.5\n{lines}")


def test_transformations_take_what_their_edf_says(tmp_path: Path):
    etomo(tmp_path, "TS", "", **{"Setup.AxisA.ExcludeProjections": "4"})
    for name in ("TS.xf", "TS.edf", "."):
        series = open_tilt_series(tmp_path / name)
        assert series.excluded == {3}
        assert series.pixel_size == 5.0
    (tmp_path / "TS.edf").write_text("Setup.DatasetName=other\nSetup.PixelSize=0.5\n")
    series = open_tilt_series(tmp_path / "TS.xf")
    assert series.pixel_size is None
    assert "TS.edf speaks of another series" in " ".join(series.history["warnings"])


def test_each_axis_of_a_dual_axis_series_has_its_own_exclusions(tmp_path: Path):
    entries = {
        "Setup.AxisType": "Dual Axis",
        "Setup.AxisA.ExcludeProjections": "1",
        "Setup.AxisB.ExcludeProjections": "3-4",
    }
    etomo(tmp_path, "TS", "a", **entries)
    etomo(tmp_path, "TS", "b", **entries)
    assert open_tilt_series(tmp_path).excluded == {0}
    series = open_tilt_series(tmp_path / "TSb.xf")
    assert series.excluded == {2, 3}
    assert "only its axis B" in " ".join(series.history["warnings"])


def test_a_list_of_views_to_include_excludes_the_rest(tmp_path: Path):
    etomo(tmp_path, "TS", "")
    (tmp_path / "tilt.com").write_text("$tilt -StandardInput\nTILTFILE TS.tlt\nINCLUDE 2-3\n")
    assert open_tilt_series(tmp_path).excluded == {0, 3}


def test_a_pre_aligned_stack_is_not_aligned_twice(tmp_path: Path):
    etomo(tmp_path, "TS", "")
    (tmp_path / "TS.st").rename(tmp_path / "TS.preali")
    with pytest.raises(InputError, match="not beside it"):
        open_tilt_series(tmp_path)


def test_aretomo_3_writes_the_thickness_too(tmp_path: Path):
    lines = [
        "# AreTomo Alignment / Priims bprmMn ",
        "# RawSize = 8 8 3",
        "# NumPatches = 0",
        "# DarkFrame =     0    0   -60.00",
        "# AlphaOffset =    -1.50",
        "# BetaOffset =     0.00",
        "# Thickness = 1200",
        "# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE   BASE  TILT",
    ]
    lines += [f"{i} 85.0 1.0 0.5 -0.5 1.0 1.0 1.0 0.0 {30 * i - 31.5}" for i in (1, 2)]
    (tmp_path / "TS.aln").write_text("\n".join(lines) + "\n")
    found = read_alignment(tmp_path / "TS.aln").alignment
    assert found.excluded == {0}
    np.testing.assert_allclose(found.angles, [-61.5, -1.5, 28.5])
