from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.training.splits import USES, density_maps, entry_of, split

DATA = Path(__file__).parents[4] / "shared" / "data"


def test_every_entry_says_its_use_what_it_is_and_its_licence():
    for entry in split():
        assert entry.use in USES
        assert entry.kind in {"series", "maps"}
        assert entry.names
        assert entry.what
        assert entry.licence


@pytest.mark.parametrize(
    "name",
    ["TS254_dev_20A.mrc", "TS254_dev_rows000-299_10A.mrc", "TS254_raw_20A.mrc", "00254.xml"],
)
def test_ts254_only_reports_in_every_binning_and_raw(name):
    assert entry_of(f"anywhere/{name}").use == "report"


def test_what_has_no_licence_does_not_train():
    assert all(entry.use != "train" for entry in split() if "none stated" in entry.licence)


def test_relatives_lie_in_one_part():
    for family in (
        ("4v4r_30S", "4v4r", "5mrc", "4v7r"),
        ("1s3x", "3gl1", "3d2f"),
        ("4cr2", "3j9i"),
    ):
        assert len({entry_of(f"{name}.mrc").use for name in family}) == 1
    assert entry_of("unheard_of.mrc") is None


def test_maps_are_chosen_by_use_without_their_helpers(tmp_path):
    names = ("1bxn", "1bxn_hold", "1qvr", "4pe5", "4pe5_mb_ref", "4pe5_mbz_align_shift", "mine")
    for name in names:
        mrcfile.write(tmp_path / f"{name}.mrc", np.ones((2, 2, 2), np.float32))
    assert [p.stem for p in density_maps([tmp_path], "train")] == ["1bxn"]
    assert [p.stem for p in density_maps([tmp_path], "report")] == ["1qvr"]
    membrane = density_maps([tmp_path], "train", membrane=True)
    assert [p.stem for p in membrane] == ["4pe5_mbz_align_shift"]
    with pytest.raises(InputError, match="'choose'"):
        density_maps([tmp_path], "choose")


@pytest.mark.skipif(not DATA.is_dir(), reason="the development data are not here")
def test_every_development_series_and_map_is_in_the_split():
    folders = [d for d in DATA.iterdir() if d.is_dir() and d.name != "alignments"]
    files = [f for d in folders for f in d.rglob("*") if f.suffix in {".mrc", ".tif", ".st"}]
    assert len(files) > 20
    assert [f.name for f in files if entry_of(f) is None] == []
