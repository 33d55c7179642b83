"""The snippets of the page for users of Python do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.io import write_stack, write_tilt_angles

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
ANGLES = np.arange(-60.0, 61, 10)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """An aligned series with its angles beside it."""
    rng = np.random.default_rng(0)
    images = 40 + rng.standard_normal((ANGLES.size, 44, 52)).astype(np.float32)
    path = tmp_path / "TS.mrc"
    write_stack(path, iter(images), n=ANGLES.size, shape=(44, 52), pixel_size=10.0, labels=[])
    write_tilt_angles(tmp_path / "TS.tlt", ANGLES)
    return path


def test_the_snippets_of_the_python_page_run_one_after_the_other(
    stack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(stack.parent)
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    assert len(snippets) == 8
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, str(PAGE), "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    assert "stopped" in printed
    assert "neighbour interpolation" in printed
    assert "(2, 44, 52)" in printed
    assert "(64, 44, 52)" in printed
    written = {path.name for path in (stack.parent / "results").iterdir()}
    assert {"TS_lbn.mrc", "TS_wbp.mrc", "TS_wbp_lbn.mrc", "TS_lbn.json"} <= written
    plain, corrected = names["plain"], names["corrected"]
    assert np.shape(plain) == np.shape(corrected) == (64, 44, 52)
    assert not np.allclose(plain, corrected)
