"""Carries out what the display panel asks, on the viewer's model."""

from __future__ import annotations

from typing import Any, Literal

from napari_lbn._napari import sliders, views
from napari_lbn._napari.layers import contrast_limits
from napari_lbn._napari.metadata import KEY, is_of_a_run, kind_of
from napari_lbn._napari.views import FLIPPED, OF_TILTS, SHOWN, View

from .session import Session

Section = Literal["xy", "xz"]
SAME_ANGLE = 1e-6
"""Degrees."""
AVERAGE = 5
"""Pixels over which a section is averaged at first: single ones are mostly noise."""
SECTIONED = ("tomogram", "difference", "spread")
"""Kinds of layers for which the viewer is arranged."""
FALLBACKS: tuple[View, ...] = ("both", "lbn", "wbp", "tilts", "measured")
"""What is shown when layers of the chosen view are gone, the first one that is whole."""


class ViewControl:
    """Which layers of the session are visible, in which section and orientation.

    Parameters
    ----------
    session : Session
    viewer : napari.components.ViewerModel
    """

    def __init__(self, session: Session, viewer: Any) -> None:
        self._session = session
        self._viewer = viewer
        self.inverted = False
        self._auto_limits: tuple[float, float] | None = None
        self._arranged = False  # whether sections, boxes or averages are of our making
        self.average = AVERAGE
        self.section: Section = "xy"
        session.alpha_changed.connect(self._on_alpha)

    def layers(self) -> dict[str, Any]:
        """The session's layers by role, those that the user has not removed."""
        session = self._session
        layers: dict[str, Any] = {}
        if session.layer is not None and session.layer in self._viewer.layers:
            layers["measured"] = session.layer
        if session.layers is not None:
            layers |= session.layers.current()
        if session.spread is not None:
            layers |= session.spread.current()
        return layers

    def roles(self) -> set[str]:
        """What there is to show."""
        return set(self.layers())

    def show(self, view: View) -> None:
        """Show a view; a tomogram opens in the section chosen last, tilts always in xy."""
        if view == "difference" and self._session.layers is not None:
            self._session.layers.show_difference()
        layers = self.layers()
        if self.inverted:
            views.set_inverted_contrast(layers.values(), True)
        tilts = view in OF_TILTS
        self._arranged = self._arranged or not tilts
        views.show(self._viewer, layers, view)
        views.set_section(self._viewer, "xy" if tilts else self.section, layers.values())
        if layers:
            sliders.set_average(
                self._viewer, next(iter(layers.values())), 1 if tilts else self.average
            )
        self._session.set_view(view)

    def take_up(self) -> None:
        """Go on with what an earlier dock has left on the screen."""
        layers = self.layers()
        shown = {role for role, layer in layers.items() if layer.visible}
        view = next((view for view, roles in SHOWN.items() if set(roles) == shown), None)
        if view is None or not shown - {"measured"}:
            return
        self._arranged = True
        self.inverted = views.shows_inverted(layers.values())
        if view not in OF_TILTS:
            self.section = "xz" if views.shows_section(self._viewer, "xz") else "xy"
            self.average = sliders.displayed_average(self._viewer, layers[SHOWN[view][0]])
        self._session.set_view(view)

    def undisturbed(self) -> bool:
        """Whether the screen shows what was shown last, not what the user arranged since."""
        layers = self.layers()
        wanted = {id(layers[role]) for role in SHOWN[self._session.view] if role in layers}
        shown = {id(one) for one in self._viewer.layers if one.visible and is_of_a_run(one)}
        section = "xy" if self._session.view in OF_TILTS else self.section
        as_left = shown == wanted and views.shows_section(self._viewer, section)
        return not wanted or as_left

    def tidy(self) -> None:
        """After layers were removed: show what is still whole, or leave the viewer as it was.

        Sections across the ice, averages and boxes must not stay behind for other images.
        """
        layers = self._viewer.layers
        if self._arranged and not any(kind_of(layer) in SECTIONED for layer in layers):
            views.leave(self._viewer)
            self._arranged = False
        roles = self.roles()
        if roles.issuperset(SHOWN[self._session.view]):
            return
        whole = (view for view in FALLBACKS if roles.issuperset(SHOWN[view]))
        target = next(whole, None)
        if target is None:
            self._session.set_view("measured")
        else:
            self.show(target)

    def flip(self) -> None:
        """Swap WBP and WBP + LBN, or measured tilts and the network's."""
        target = FLIPPED[self._session.view]
        if target in self.roles():
            self.show(target)

    def cut(self, section: Section) -> None:
        """Show tomograms in this section from now on."""
        self.section = section
        if self._session.view in OF_TILTS:
            self.show("both")
        else:
            views.set_section(self._viewer, section, self.layers().values())
            self._adapt_contrast()
        self._session.set_view(self._session.view)

    def show_first_slab(self, row: int) -> None:
        """Show the section of a preview across the ice."""
        self.section = "xz"
        self._auto_limits = None
        layers = self.layers()
        tomogram = layers.get("lbn", layers.get("wbp"))
        if tomogram is None:
            return
        self.show("both" if "lbn" in layers else "wbp")
        sliders.go_to_row(self._viewer, tomogram, row)
        sliders.go_to_middle(self._viewer, tomogram)
        self._adapt_contrast()

    def set_average(self, pixels: int) -> None:
        """Average displayed sections over this odd number of pixels."""
        self.average = pixels
        layers = self.layers()
        if self._session.view not in OF_TILTS and "wbp" in layers:
            sliders.set_average(self._viewer, layers["wbp"], pixels)
            self._adapt_contrast()

    def _adapt_contrast(self) -> None:
        """Contrast of both tomograms from the plain WBP section; one set by hand is kept."""
        layer = self.layers().get("wbp")
        if layer is None:
            return
        by_hand = self._auto_limits is not None and self._auto_limits != _limits(layer)
        if not by_hand:
            section = sliders.displayed_section(self._viewer, layer)
            layer.contrast_limits = contrast_limits(section[None])
            self._auto_limits = _limits(layer)

    def displayed_angle(self) -> float | None:
        """Angle of the tilt on the screen, None where no tilt is."""
        return sliders.displayed_angle(self._viewer, self.layers().values())

    def look_at(self, angle: float) -> None:
        """Move the tilt slider to an angle; one that was not measured needs the network's tilts."""
        layers = self.layers()
        measured = layers.get("measured")
        if measured is None:
            return
        known = any(abs(a - angle) < SAME_ANGLE for a in measured.metadata[KEY]["angles"])
        if self._session.view == "measured" and not known and "tilts" in layers:
            self.show("tilts")
        view = self._session.view
        role = view if view in ("tilts", "spread tilts") and view in layers else "measured"
        if known or role != "measured":
            sliders.go_to_angle(self._viewer, layers[role], angle)

    @property
    def imod_orientation(self) -> bool:
        """Whether the data is looked at as IMOD does."""
        return views.shows_imod_orientation(self._viewer)

    def set_imod_orientation(self, enabled: bool) -> None:
        """Look at the data as IMOD does, y up."""
        views.set_imod_orientation(self._viewer, enabled)

    def set_inverted(self, inverted: bool) -> None:
        """Show dense material bright."""
        self.inverted = inverted
        views.set_inverted_contrast(self.layers().values(), inverted)

    def _on_alpha(self, alpha: float) -> None:
        if self._session.layers is not None:
            self._session.layers.set_alpha(alpha)


def _limits(layer: Any) -> tuple[float, float]:
    low, high = layer.contrast_limits
    return float(low), float(high)
