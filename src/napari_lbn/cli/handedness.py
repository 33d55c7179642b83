"""`napari-lbn handedness`: whether the sign of the tilt angles is right."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from .options import SeriesOptions
from .series import open_series

VoltageOption = Annotated[float, typer.Option(min=1, help="Of the microscope, kV.")]
AberrationOption = Annotated[float, typer.Option(help="Spherical aberration, mm.")]
AmplitudeOption = Annotated[float, typer.Option(min=0, max=1, help="Amplitude contrast.")]


def handedness(
    series: SeriesOptions,
    voltage: VoltageOption = 300.0,
    spherical_aberration: AberrationOption = 2.7,
    amplitude_contrast: AmplitudeOption = 0.1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Tell from the defocus gradient of tilted images whether the angles must be inverted.

    Give the series as finely sampled as there is: below some 5 Å a pixel Thon rings show it.
    Where the images cannot tell, that is what is said, with the reason.
    """
    from napari_lbn.engine.alignment.handedness import measure_handedness
    from napari_lbn.engine.alignment.thon_rings import Microscope

    opened = open_series(series)
    settings = Microscope(
        voltage=voltage,
        spherical_aberration=spherical_aberration,
        amplitude_contrast=amplitude_contrast,
    )
    found = measure_handedness(opened, settings)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    advice = {
        "as given": "The sign of the angles is right.",
        "invert": "Use --invert-tilt-angles."
        if not opened.inverted
        else "Leave --invert-tilt-angles out.",
        "undecided": "The images cannot tell.",
    }
    typer.echo(f"{advice[found.verdict]} {found.reason}")
