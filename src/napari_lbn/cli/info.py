"""`napari-lbn info`: what a tilt series is and what is odd about it, or what weights are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import ComputingOptions, SeriesOptions, WedgeOptions
from .series import open_series
from .settings import correction_settings
from .weights import named_weights, show_weights

if TYPE_CHECKING:
    from napari_lbn.engine.io.checks.series import Finding
    from napari_lbn.engine.tilt_series import TiltSeries


def info(
    series: SeriesOptions,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show shape, pixel size, tilt angles, missing wedge, findings and the plan of a correction.

    Of weights (a .safetensors file, its folder, an address or a bundled name in the place of the
    series): pixel sizes that they know, and their model card. The exit code is 2 if the series
    cannot be used as it is.
    """
    from napari_lbn.engine.io.checks.series import check_tilt_series

    weights = named_weights(series.series)
    if weights is not None:
        show_weights(weights, as_json=as_json)
        return
    opened = open_series(series)
    findings = check_tilt_series(opened)
    facts = describe_series(opened)
    facts["plan"] = describe_plan(opened, computing, wedge)
    facts["findings"] = [_finding_record(finding) for finding in findings]
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else _as_text(facts))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(2)


def describe_series(series: TiltSeries) -> dict[str, Any]:
    """What a user asks about a tilt series; degrees, pixels and Å."""
    angles, wedge = series.included_angles, series.wedge
    rows, columns = series.image_shape
    return {
        "name": series.name,
        "source": None if series.source is None else str(series.source),
        "tilts": series.n_tilts,
        "image_shape_yx": [rows, columns],
        "pixel_size": series.pixel_size,
        "angles": [round(float(angle), 4) for angle in series.angles],
        "angle_range": [float(angles[0]), float(angles[-1])],
        "increment": round(series.increment, 4),
        "missing_wedge": [float(wedge.start), float(wedge.stop)],
        "missing_wedge_width": float(wedge.width),
        "excluded_sections": sorted(int(series.section_numbers[i]) for i in series.excluded),
        "angles_inverted": series.inverted,
        "history": {key: value for key, value in series.history.items() if key != "warnings"},
    }


def describe_plan(
    series: TiltSeries, computing: ComputingOptions, wedge: WedgeOptions
) -> dict[str, Any]:
    """What `correct` would do with these options, or why it would refuse."""
    from napari_lbn.engine.correct import plan
    from napari_lbn.engine.errors import LBNError

    try:
        settings = correction_settings(series, computing, wedge, quiet=True)
        chosen = plan(series, settings, streamed=True)
    except LBNError as error:
        return {"refused": str(error)}
    return {
        "binning": chosen.binning,
        "pixel_size": chosen.pixel_size,
        "tomogram_shape_zyx": [chosen.thickness, *chosen.image_shape],
        "synthesized_tilts": int(chosen.new_angles.size),
        "weights": chosen.weights.name,
        "seconds": round(chosen.seconds),
        "seconds_if_noisy": round(chosen.seconds + chosen.noisy_seconds),
        "memory_gb": round(chosen.memory_bytes / 1e9, 1),
    }


def _finding_record(finding: Finding) -> dict[str, str]:
    return {
        "severity": finding.severity,
        "message": finding.message,
        "remedy": finding.remedy,
    }


def _as_text(facts: dict[str, Any]) -> str:
    size = facts["pixel_size"]
    rows, columns = facts["image_shape_yx"]
    start, stop = facts["missing_wedge"]
    first, last = facts["angle_range"]
    lines = [
        ("Tilt series", facts["name"]),
        ("Source", facts["source"] or "simulated"),
        ("Images", f"{facts['tilts']} of {rows} x {columns} pixels (y x x)"),
        ("Pixel size", "unknown: give --pixel-size" if size is None else f"{size:g} Å"),
        ("Tilt angles", f"{first:g}° to {last:g}°, median step {facts['increment']:g}°"),
        (
            "Missing wedge",
            f"{facts['missing_wedge_width']:g}°: from {start:g}° to {stop - 180:g}° through 90°",
        ),
        ("Excluded", ", ".join(map(str, facts["excluded_sections"])) or "none"),
        ("Angles inverted", "yes" if facts["angles_inverted"] else "no"),
    ]
    if facts["history"].get("angles_were_sorted"):
        lines.append(("Order", "the images are not in the order of the angles; sorted here"))
    lines += [(key.replace("_", " ").capitalize(), value) for key, value in _told(facts["history"])]
    lines.append(("Correction", _plan_text(facts["plan"])))
    text = [f"{name + ':':17s}{value}" for name, value in lines]
    for finding in facts["findings"]:
        text.append(f"{finding['severity'].capitalize()}: {finding['message']}")
        text += [f"    {finding['remedy']}"] if finding["remedy"] else []
    return "\n".join(text)


def _plan_text(plan: dict[str, Any]) -> str:
    if "refused" in plan:
        return f"not possible. {plan['refused']}"
    shape = " x ".join(map(str, plan["tomogram_shape_zyx"]))
    takes = f"{plan['seconds']} s"
    if plan["seconds_if_noisy"] > plan["seconds"]:
        takes += f" ({plan['seconds_if_noisy']} s if its tilts turn out noisy)"
    return (
        f"{plan['synthesized_tilts']} tilts to synthesize, tomogram {shape} (z x y x x) at "
        f"{plan['pixel_size']:g} Å; about {takes} and {plan['memory_gb']} GB "
        f"with weights {plan['weights']!r}"
    )


def _told(history: dict[str, Any]) -> list[tuple[str, str]]:
    """Provenance in words: where angles and pixel size came from."""
    return [
        (f"{key} from", str(history[key])) for key in ("angles", "pixel_size") if key in history
    ]
