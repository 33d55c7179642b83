"""What a correction leaves: tomograms in memory, files in a folder."""

from __future__ import annotations

import threading
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.correct import CorrectionSettings, correct
from napari_lbn.engine.errors import Cancelled, OutputError
from napari_lbn.engine.events import Event, Job, Progress, SlabReady, drain, passed_on
from napari_lbn.engine.results.files import CorrectionFiles
from napari_lbn.engine.results.tomograms import Tomograms
from napari_lbn.engine.results.writer import correct_into
from napari_lbn.engine.tilt_series import TiltSeries


@pytest.fixture
def settings(small_weights: Path) -> CorrectionSettings:
    return CorrectionSettings(thickness=24, weights=small_weights, device="cpu", preview=True)


def slab(part: str, start: int, rows: int, value: float, *, preview: bool = False) -> SlabReady:
    return SlabReady(
        part=part,
        y_start=start,
        y_stop=start + rows,
        slab=np.full((3, rows, 4), value, np.float32),
        preview=preview,
    )


def test_slabs_become_tomograms_and_previews_do_not() -> None:
    tomograms = Tomograms()
    for event in (
        slab("measured", 0, 2, 9, preview=True),
        Progress(stage="", done=0, total=1, fraction=0),
        slab("measured", 0, 2, 1),
        slab("measured", 2, 1, 2),
        slab("synthesized", 0, 3, 10),
    ):
        tomograms(event)
    assert tomograms.parts == ("measured", "synthesized")
    assert tomograms["measured"].shape == (3, 3, 4)
    np.testing.assert_array_equal(tomograms["measured"][0, :, 0], [1, 1, 2])
    np.testing.assert_array_equal(tomograms.blended(0.5)[0, :, 0], [6, 6, 7])
    np.testing.assert_array_equal(tomograms.blended(0), tomograms["measured"])


def test_without_synthesized_tilts_the_blend_is_the_plain_tomogram() -> None:
    tomograms = Tomograms()
    tomograms(slab("measured", 0, 2, 1))
    blend = tomograms.blended()
    blend[:] = 0
    assert tomograms["measured"].all()


def test_files_and_memory_hold_the_same(
    small_series: TiltSeries, settings: CorrectionSettings, tmp_path: Path
) -> None:
    tomograms = Tomograms()
    drain(correct(small_series, settings), tomograms)
    files = CorrectionFiles(folder=tmp_path / "out", name="small series")
    again = Tomograms()
    drain(correct_into(files, small_series, settings, alpha=0.5), again)
    with mrcfile.open(files.measured) as file:
        np.testing.assert_array_equal(file.data, tomograms["measured"])
    with mrcfile.open(files.corrected) as file:
        np.testing.assert_allclose(file.data, tomograms.blended(0.5), atol=1e-5)
    np.testing.assert_array_equal(again["measured"], tomograms["measured"])
    assert {path.name for path in files.folder.iterdir()} == {path.name for path in files.all}


@pytest.mark.parametrize("end", ["cancelled", "closed", "failed"])
def test_a_correction_that_ends_early_leaves_no_file(
    small_series: TiltSeries, settings: CorrectionSettings, tmp_path: Path, end: str
) -> None:
    files = CorrectionFiles(folder=tmp_path / "out", name="TS")
    cancel = threading.Event()
    job = correct_into(files, small_series, settings, cancel=cancel)

    def stop(event: Event) -> None:
        if not isinstance(event, SlabReady) or event.preview:
            return
        if end == "cancelled":
            cancel.set()
        elif end == "closed":
            job.close()
        else:
            raise OutputError("The disk is full.")

    if end == "closed":
        for event in job:
            stop(event)
    else:
        with pytest.raises(Cancelled if end == "cancelled" else OutputError):
            drain(job, stop)
    assert not files.folder.exists()


def test_what_a_taker_raises_ends_the_job() -> None:
    ended: list[str] = []

    def working() -> Job[int]:
        try:
            yield Progress(stage="a", done=0, total=2, fraction=0)
            yield Progress(stage="b", done=1, total=2, fraction=0.5)
        finally:
            ended.append("ended")
        return 7

    seen: list[Event] = []
    assert drain(passed_on(working(), seen.append)) == 7
    assert len(seen) == 2

    def refuse(event: Event) -> None:
        raise OutputError("No.")

    with pytest.raises(OutputError):
        drain(passed_on(working(), refuse))
    assert ended == ["ended"] * 2
