"""AreTomo's ``.aln`` as each of its versions writes it, for stacks in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.alignment import Alignment
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io.alignments import StackFacts, read_alignment, write_alignment

TITLE = "# SEC  ROT  GMAG  TX  TY  SMEAN  SFIT  SCALE  BASE  TILT"
OFFSETS = ["# AlphaOffset =     0.00", "# BetaOffset =     0.00"]


@st.composite
def stacks(draw: st.DrawFn) -> tuple[np.ndarray, frozenset[int]]:
    """The angle of each section of a raw stack, none 0°, and its dark sections.

    An untilted image is never dark to AreTomo; one of section 0 would read as unknown.
    """
    count = draw(st.integers(3, 12))
    angles = np.array(draw(st.permutations(range(count)))) * 3.0 - 15.5
    return angles, draw(st.frozensets(st.integers(0, count - 1), max_size=count - 2))


def lines_of(angles: np.ndarray, dark: frozenset[int], first: int, number: str) -> list[str]:
    """Rows and dark frames in the order of the angles, as AreTomo holds them.

    `number` says whether a dark frame has its section and angle, or nothing but its rank.
    """
    order = [int(i) for i in np.argsort(angles)]
    known = number == "section"
    lines = [
        f"# DarkFrame = {rank:5d} {(i + first) * known:4d} {angles[i] * known:8.2f}"
        for rank, i in enumerate(order)
        if i in dark
    ]
    rows = [
        f"{i + first:5d} 85.0 1.0 {i}.5 -0.5 1.0 1.0 1.0 0.0 {angles[i]:8.2f}"
        for i in order
        if i not in dark
    ]
    return [*lines, "{more}", TITLE, *rows]


def write(folder: Path, lines: list[str], count: int, more: list[str]) -> Path:
    path = folder / "TS.aln"
    head = ["# AreTomo Alignment / Priims bprmMn ", f"# RawSize = 8 8 {count}", "# NumPatches = 0"]
    text = "\n".join([*head, *lines]).replace("{more}\n", "".join(f"{line}\n" for line in more))
    path.write_text(text + "\n")
    return path


def assert_read(path: Path, angles: np.ndarray, dark: frozenset[int]) -> None:
    found = read_alignment(path).alignment
    np.testing.assert_array_equal(found.sections, np.arange(len(angles)))
    assert found.excluded == dark
    used = [i for i in range(len(angles)) if i not in dark]
    np.testing.assert_allclose(found.angles[used], angles[used])
    np.testing.assert_allclose(found.raw_offsets()[used, 0], [i + 0.5 for i in used], atol=1e-9)


@pytest.mark.parametrize("more", [[], OFFSETS], ids=["AreTomo 2", "AreTomo 3"])
@pytest.mark.parametrize("first", [0, 1])
@given(drawn=stacks())
@settings(max_examples=25)
def test_each_row_is_that_of_its_section(
    tmp_path_factory: pytest.TempPathFactory,
    first: int,
    more: list[str],
    drawn: tuple[np.ndarray, frozenset[int]],
):
    angles, dark = drawn
    lines = lines_of(angles, dark, first, "section")
    path = write(tmp_path_factory.mktemp("aln"), lines, len(angles), more)
    assert_read(path, angles, dark)


@pytest.mark.parametrize("first", [0, 1])
@given(drawn=stacks())
@settings(max_examples=25)
def test_dark_frames_without_a_section_are_those_of_their_rank(
    tmp_path_factory: pytest.TempPathFactory, first: int, drawn: tuple[np.ndarray, frozenset[int]]
):
    """As the CryoET Data Portal's library writes them, of stacks in the angles' order."""
    angles, dark = np.sort(drawn[0]), drawn[1]
    lines = lines_of(angles, dark, first, "nothing")
    path = write(tmp_path_factory.mktemp("aln"), lines, len(angles), OFFSETS)
    assert_read(path, angles, dark)


@given(drawn=stacks())
@settings(max_examples=25)
def test_stacks_in_any_order_are_written_as_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[np.ndarray, frozenset[int]]
):
    angles, dark = drawn
    count = len(angles)
    alignment = Alignment(
        angles=angles,
        rotations=np.full(count, -85.0),
        shifts=np.zeros((count, 2)),
        sections=np.arange(count),
        excluded=dark,
    )
    folder = tmp_path_factory.mktemp("aln")
    facts = StackFacts(name="TS.mrc", shape=(count, 8, 8), pixel_size=2.0)
    write_alignment(alignment, folder, "TS", package="aretomo", stack=facts)
    found = read_alignment(folder / "TS.aln").alignment
    np.testing.assert_allclose(found.angles, angles)
    assert found.excluded == dark
    rows = [line for line in (folder / "TS.aln").read_text().splitlines() if line[0] != "#"]
    tilts = [float(row.split()[-1]) for row in rows]
    assert tilts == sorted(tilts)


def test_sections_that_do_not_make_up_the_stack_are_refused(tmp_path: Path):
    lines = lines_of(np.array([-3.0, 0.0, 3.0]), frozenset({0}), 0, "section")
    for changed, said in (([*lines, lines[-1]], "twice"), (lines[:-1], "not whole")):
        with pytest.raises(InputError, match=said):
            read_alignment(write(tmp_path, changed, 3, OFFSETS))
