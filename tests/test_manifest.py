"""The npe2 manifest: valid, and every command it names exists."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

npe2 = pytest.importorskip("npe2")
pytest.importorskip("napari")

import napari_lbn  # noqa: E402
from napari_lbn._napari.preferences import Preferences, read_preferences  # noqa: E402
from napari_lbn._napari.reader import ALIGNMENT_SUFFIXES, MRC_SUFFIXES  # noqa: E402

FILE = Path(napari_lbn.__file__).parent / "napari.yaml"


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    manifest = npe2.PluginManifest.from_file(FILE)
    manifest.validate_imports()
    return manifest


def test_every_command_can_be_imported(manifest: npe2.PluginManifest) -> None:
    for command in manifest.contributions.commands:
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name))


def test_reader_patterns_cover_what_the_reader_takes(manifest: npe2.PluginManifest) -> None:
    (reader,) = manifest.contributions.readers
    assert set(reader.filename_patterns) == {f"*{s}" for s in MRC_SUFFIXES | ALIGNMENT_SUFFIXES}
    assert reader.accepts_directories


def test_napari_need_not_ask_who_reads_a_tiff(manifest: npe2.PluginManifest) -> None:
    (reader,) = manifest.contributions.readers
    assert not any(pattern.startswith("*.tif") for pattern in reader.filename_patterns)


def test_widget_and_sample_are_offered(manifest: npe2.PluginManifest) -> None:
    contributions = manifest.contributions
    names = [w.display_name for w in contributions.widgets]
    assert names == [
        "Missing-wedge correction",
        "Compare tomograms",
        "Learned filter",
        "LBN training",
    ]
    assert [s.key for s in contributions.sample_data] == ["simulated_tilt_series"]


@pytest.mark.usefixtures("plugin_settings")
def test_preferences_are_read(npe2pm: object, tmp_path: Path) -> None:
    from napari.settings import get_plugin_settings

    npe2pm.register(npe2.PluginManifest.from_file(FILE))
    assert read_preferences() == Preferences()
    computing = get_plugin_settings("napari-lbn").computing
    computing.device = "cpu"
    computing.weights_folder = str(tmp_path)
    computing.memory_bound = 1.5
    expected = Preferences(device="cpu", weights_folder=tmp_path, memory_bound=1_500_000_000)
    assert read_preferences() == expected


@pytest.mark.usefixtures("plugin_settings")
def test_preferences_of_an_unregistered_plugin_are_the_defaults() -> None:
    assert read_preferences() == Preferences()
