"""`napari-lbn data`, with a stub in the place of the CryoET Data Portal's client."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.engine.errors import DownloadError, InputError
from napari_lbn.engine.training.manifest import Portal

URL = "https://files.example/10004"


class Field:
    """A field of the client's classes: comparisons make filters."""

    def __init__(self, *path: str) -> None:
        self.path = path

    def __getattr__(self, name: str) -> Field:
        return Field(*self.path, name)

    def __eq__(self, value: object):  # type: ignore[override]
        return lambda item: self.of(item) == value

    __hash__ = None  # type: ignore[assignment]

    def _in(self, values: list):
        return lambda item: self.of(item) in values

    def of(self, item: object):
        for name in self.path:
            item = getattr(item, name)
        return item


def kind(items: list):
    """One of the client's classes."""

    class Kind:
        id, run, dataset_id = Field("id"), Field("run"), Field("dataset_id")

        @staticmethod
        def find(client: object, filters: list) -> list:
            if getattr(client, "broken", False):
                raise ConnectionError("no route to host")
            return [item for item in items if all(one(item) for one in filters)]

    return Kind


def tilt_series(number: int, run: SimpleNamespace, **more) -> SimpleNamespace:
    values = {
        "id": number, "run": run, "run_id": run.id, "https_mrc_file": f"{URL}/{run.name}.mrc",
        "file_size_mrc": 2e9, "https_angle_list": f"{URL}/{run.name}.rawtlt",
        "pixel_spacing": 1.35, "is_aligned": False,
    }  # fmt: skip
    return SimpleNamespace(**{**values, **more})


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A portal with data set 10004: three runs, one of them without an MRC file."""
    runs = [SimpleNamespace(id=i, name=f"TS_{i}", dataset_id=10004) for i in (1, 2, 3)]
    series = [
        tilt_series(11, runs[1]),
        tilt_series(12, runs[0], is_aligned=True),
        tilt_series(13, runs[2], https_mrc_file=None),
    ]
    alignments = [
        SimpleNamespace(
            id=i, run=runs[1], tiltseries_id=11, is_portal_standard=standard,
            alignment_type=scope, https_alignment_metadata=f"{URL}/alignment_{i}.json",
        )
        for i, standard, scope in ((1, False, "LOCAL"), (2, False, "GLOBAL"), (3, True, "GLOBAL"))
    ]  # fmt: skip
    module = ModuleType("cryoet_data_portal")
    module.Client = type("Client", (), {})
    module.Run, module.TiltSeries = kind(runs), kind(series)
    module.Alignment = kind(alignments)
    title = SimpleNamespace(id=10004, title="Chromatin", organism_name="H. sapiens")
    module.Dataset = kind([title])
    monkeypatch.setitem(sys.modules, "cryoet_data_portal", module)
    return module


def call(*arguments: str | Path):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def test_series_of_a_data_set(portal: ModuleType) -> None:
    one, two = Portal().series(10004)
    assert (one.run, two.run) == ("TS_1", "TS_2")
    assert one.aligned
    assert one.alignment is None
    assert two.alignment == f"{URL}/alignment_3.json"  # the portal's standard
    assert two.size == 2_000_000_000
    assert two.angles == f"{URL}/TS_2.rawtlt"
    with pytest.raises(InputError, match="no tilt series of data set 10005"):
        Portal().series(10005)


def test_list_needs_neither_client_nor_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryoet_data_portal", None)
    result = call("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 49
    assert "10004  held-out" in lines
    assert "10048  training" in lines


def test_list_online(portal: ModuleType) -> None:
    result = call("list", "--online")
    assert result.exit_code == 0
    assert "10004  held-out     2 series       4 GB  H. sapiens: Chromatin" in result.stdout
    assert "10001  training  not at the portal" in result.stdout


def test_dry_run_tells_the_size(portal: ModuleType, tmp_path: Path) -> None:
    result = call("fetch", "10004", "--out", tmp_path / "data", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "2 tilt series, 4 GB" in result.output
    assert not (tmp_path / "data").exists()
    result = call("fetch", "10004", "--run", "TS_2", "--out", tmp_path, "--dry-run")
    assert "1 tilt series, 2 GB" in result.output
    result = call("fetch", "--part", "held-out", "--limit", "1", "--out", tmp_path, "--dry-run")
    assert "1 tilt series, 2 GB" in result.output
    assert "no tilt series of data set 10000" in result.output


def test_fetch_prints_what_to_open(
    portal: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrives(url: str, path: Path, *, size: int | None = None, cancel: object = None):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(url)
        yield size or 1

    monkeypatch.setattr("napari_lbn.engine.training.manifest.fetching.download", arrives)
    monkeypatch.setattr(
        "napari_lbn.engine.training.manifest.fetching.check_free_space", lambda *_: None
    )
    result = call("fetch", "10004", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    place = tmp_path / "held-out" / "10004"
    assert result.stdout.split() == [
        str(place / "TS_1" / "TS_1.mrc"), str(place / "TS_2" / "TS_2_alignment.json"),
    ]  # fmt: skip
    assert (place / "TS_2" / "TS_2_alignment.json").read_text() == f"{URL}/alignment_3.json"
    assert (place / "TS_1" / "TS_1.rawtlt").exists()


def test_a_client_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryoet_data_portal", None)
    result = call("fetch", "10004", "--out", tmp_path)
    assert result.exit_code == 2
    assert "napari-lbn[portal]" in result.output


def test_a_network_that_fails(portal: ModuleType, tmp_path: Path) -> None:
    portal.Client.broken = True
    result = call("fetch", "10004", "--out", tmp_path)
    assert result.exit_code == 2
    assert "cannot be reached: no route to host" in result.output
    with pytest.raises(DownloadError):
        Portal().datasets([10004])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No data set is named"),
        (["10005"], "no tilt series of data set 10005"),
        (["10004", "--run", "TS_9"], "No run is named TS_9"),
    ],
)
def test_refusals(portal: ModuleType, tmp_path: Path, arguments: list[str], message: str) -> None:
    result = call("fetch", *arguments, "--out", tmp_path)
    assert result.exit_code == 2
    assert message in result.output
