"""What a correction does on request: adapt first, take longer, a denoised tomogram beside."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from ..options import ADAPT_MINUTES
from ..session import Session


class ExtrasPanel(QWidget):
    """Four ticks."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.adapt = QCheckBox(f"Adapt to this series first (≤ {ADAPT_MINUTES:g} min)")
        self.adapt.setToolTip(
            "The weights learn to predict this series' own tilts from each other. The result is "
            "used only where it predicts tilts kept apart better than before. Figures are then "
            "no longer zero-shot, and the check adapts anew in each fold."
        )
        self.mirrored = QCheckBox("Mirrored tilts as well (twice as slow)")
        self.mirrored.setToolTip(
            "Synthesizes from the tilts as they are and from the tilts mirrored, and takes the "
            "mean: mostly closer to the truth between measured tilts and in the wedge. "
            "The check does the same in each fold."
        )
        self.jackknife = QCheckBox("Jackknife over the tilts (slower)")
        self.jackknife.setToolTip(
            "Leaves each quarter of the tilts out in turn, and steps on from what that changes "
            "towards more tilts than there are. Tilts between measured ones come out a little "
            "closer to the truth, those in the wedge mostly too; the latent volume is made five "
            "times instead of once. The check does the same in each fold."
        )
        self.denoised = QCheckBox("Denoised tomogram too")
        self.denoised.setToolTip(
            "Of the network's tilts at all angles: for the eye and for finding things, not for "
            "measuring. It is synthesized throughout; no measured pixel is in it."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.adapt)
        layout.addWidget(self.mirrored)
        layout.addWidget(self.jackknife)
        layout.addWidget(self.denoised)
        self.adapt.toggled.connect(lambda on: session.set_options(adapt=on))
        self.mirrored.toggled.connect(lambda on: session.set_options(mirrored=on))
        self.jackknife.toggled.connect(lambda on: session.set_options(jackknife=on))
        self.denoised.toggled.connect(lambda on: session.set_options(denoised=on))

    def refresh(self) -> None:
        """Show the session's state in the ticks."""
        options = self._session.options
        blockers = [QSignalBlocker(box) for box in self._boxes()]
        self.adapt.setChecked(options.adapt)
        self.mirrored.setChecked(options.mirrored)
        self.jackknife.setChecked(options.jackknife)
        self.denoised.setChecked(options.denoised)
        del blockers

    def _boxes(self) -> tuple[QCheckBox, ...]:
        return self.adapt, self.mirrored, self.jackknife, self.denoised
