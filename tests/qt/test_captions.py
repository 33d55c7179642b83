"""Captions are as high as their text, wherever it wraps."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_lbn._qt.theme import caption

WORDS = "Outermost 6° hidden: better than WBP re-projection, not than nearest tilt (0 of 4)."
TALL = 900


@pytest.mark.parametrize("text", [WORDS * 3, f"<p><b>{WORDS}</b> {WORDS}</p><p>{WORDS}</p>"])
@pytest.mark.parametrize("width", range(220, 420, 20))
def test_a_caption_asks_for_the_height_of_what_is_drawn(qtbot, text: str, width: int) -> None:
    label = caption(text)
    qtbot.addWidget(label)
    label.setStyleSheet("color: black; background: white; padding: 1px;")
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    asked = label.heightForWidth(width)
    label.setFixedSize(width, TALL)
    image = label.grab().toImage()
    step = image.height() / TALL  # of a screen with several pixels to a point
    dark = [
        y
        for y in range(image.height())
        if any(image.pixelColor(x, y).lightness() < 128 for x in range(0, image.width(), 2))
    ]
    last = max(dark) / step
    assert last < asked < last + label.fontMetrics().height() + 2
