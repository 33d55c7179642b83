"""`napari-lbn filter show`: what a learned filter is, in words and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError, OutputError

from ..output import tell_written

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction.learned import LearnedFilter

FilterPath = Annotated[
    Path, typer.Argument(metavar="FILTER", help="A .safetensors file.", show_default=False)
]
FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
FigureOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Picture of planes and profile (.png, .pdf, .svg).", show_default=False
    ),
]


def show(using: FilterPath, figure: FigureOption = None) -> None:
    """Tell what a filter is, and its radial profile; draw it on request."""
    from napari_lbn.engine.reconstruction.learned import load_filter, radial_profile

    if figure is not None and figure.suffix.lower() not in FIGURE_SUFFIXES:
        endings = ", ".join(FIGURE_SUFFIXES)
        raise OutputError(f"--figure: {figure.name} is no picture.", f"End it in {endings}.")
    model, description = load_filter(using)
    config = model.config
    typer.echo(f"{using.name}: {config.variant}, started from {config.initial}")
    typer.echo(
        f"{len(config.angles)} tilts, {config.angles[0]:g}° to {config.angles[-1]:g}°, "
        f"learned on {config.shape[0]} x {config.shape[1]} pixels"
        + (", padded" if config.padding else "")
    )
    typer.echo(f"learned from {description.get('origin', 'unknown data')}")
    radius, profile = radial_profile(model)
    typer.echo("radius (Nyquist = 1)   profile (largest = 1)")
    for k in range(0, len(radius), max(1, len(radius) // 16)):
        typer.echo(f"{radius[k]:>12.3f} {profile[k]:>20.3f}")
    if figure is not None:
        _draw(model, figure)
        tell_written([figure])


def _draw(model: LearnedFilter, path: Path) -> None:
    """Planes of up to four tilts, and the profile."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise InputError(
            "--figure needs matplotlib.", "Install it: pip install matplotlib."
        ) from None
    mpl.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    from napari_lbn.engine.io.files.atomic import atomic_path
    from napari_lbn.engine.reconstruction.learned import plane_response, radial_profile

    planes = plane_response(model)
    chosen = np.unique(np.linspace(0, len(planes) - 1, 4).round().astype(int))
    figure, axes = plt.subplots(1, len(chosen) + 1, figsize=(3 * (len(chosen) + 1), 3))
    top = float(np.abs(planes[chosen]).max()) or 1.0
    per_tilt = model.config.variant == "tilt-2d"
    for axis, k in zip(axes, chosen, strict=False):
        axis.imshow(planes[k], cmap="gray", vmin=min(0.0, float(planes.min())), vmax=top)
        axis.set_title(f"{model.config.angles[k]:g}°" if per_tilt else f"plane {k}")
        axis.set_axis_off()
    axes[-1].plot(*radial_profile(model))
    axes[-1].set_xlabel("radius (Nyquist = 1)")
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())
    plt.close(figure)
