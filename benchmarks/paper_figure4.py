"""Figure 4: Fourier shell correlation against the full-range tomogram, and sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from paper_layout import write
from scipy.ndimage import gaussian_filter
from simulated_series import Simulated, network_of, simulated, synthesis_of

from napari_lbn.engine.angular_weights import measured_weights, synthesized_weights
from napari_lbn.engine.correct.rows import synthesized_rows
from napari_lbn.engine.evaluation.fsc import SEVENTH, fourier_shell_correlation
from napari_lbn.engine.evaluation.report.figures import draw_fsc, new_figure, save_figure
from napari_lbn.engine.events import drain
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.synthesis import synthesize


def fsc(arguments) -> None:
    """FSC of WBP and of WBP with LBN against the full-range tomogram (Figure 4)."""
    network, _ = network_of(arguments)
    totals = {}
    for number, path in enumerate(simulated(arguments)):
        case = Simulated(path, number)
        settings = WBPSettings(thickness=case.depth)
        full = back_project_slab(case.truth.astype(np.float32), case.truth_angles, None, settings)
        measured = back_project_slab(
            case.clean.mean((1, 2), keepdims=True) - case.clean,
            case.angles,
            measured_weights(case.angles),
            settings,
        )
        noisy = case.series.read() - case.stats.mean[:, None, None].astype(np.float32)
        noisy = back_project_slab(noisy, case.angles, measured_weights(case.angles), settings)
        result = drain(
            synthesize(case.series, network, case.wedge, synthesis_of(arguments, case.depth))
        )
        tilts = synthesized_rows(result.tilts, case.wedge, case.stats)(slice(None))
        added = back_project_slab(
            tilts, case.wedge, synthesized_weights(case.angles, case.wedge), settings
        )
        for name, volume in {
            "WBP": noisy,
            "WBP + LBN": noisy + added,
            "WBP, no noise": measured,
        }.items():
            curves = drain(
                fourier_shell_correlation(volume, full, case.angles, pixel_size=case.pixel_size)
            )
            for region, curve in curves.items():
                totals.setdefault(region, {}).setdefault(name, []).append(curve)
        if number == 0:
            slices(arguments, {"full range": full, "WBP": noisy, "WBP + LBN": noisy + added})
    rows = []
    figure = new_figure(11, 6)
    for axes, (region, methods) in zip(figure.subplots(2, 3).ravel(), totals.items(), strict=False):
        mean = {}
        for name, curves in methods.items():
            mean[name] = mean_curve(curves)
            text = mean[name].resolution_text(SEVENTH).removesuffix(" pixels")
            rows.append(f"| {region} | {name} | {mean[name].mean():.3f} | {text} |")
        draw_fsc(axes, mean, (SEVENTH,))
        axes.set_title(region, fontsize=9)
    save_figure(figure, arguments.out / "figure4b_fsc")
    head = ["| region | tomogram | mean FSC | at 1/7, pixels |", "|---|---|---|---|"]
    write(arguments, "figure4b", "FSC against the full-range tomogram", [*head, *rows])


def mean_curve(curves):
    """Mean over specimens, per pixel: they differ in shells and in pixel size."""
    coarsest = min(curves, key=lambda c: c.frequency.size)
    rows = []
    for curve in curves:
        known = np.isfinite(curve.correlation)
        x, y = curve.frequency[known], curve.correlation[known]
        rows.append(np.interp(coarsest.frequency, x, y, left=np.nan, right=np.nan))
    mean = np.ma.masked_invalid(rows).mean(axis=0)
    return replace(coarsest, pixel_size=None, correlation=mean.filled(np.nan))


def slices(arguments, volumes) -> None:
    """Central sections of tomograms, low-passed alike (Figure 4a)."""
    figure = new_figure(9, 6)
    grid = figure.subplots(2, len(volumes))
    for column, (name, noisy) in zip(grid.T, volumes.items(), strict=True):
        volume = gaussian_filter(noisy, 1.5)
        z, y = volume.shape[0] // 2, volume.shape[1] // 2
        for axes, image in zip(column, (volume[z], volume[:, y]), strict=True):
            low, high = np.percentile(image, (1, 99))
            axes.imshow(image, cmap="gray", vmin=low, vmax=high, origin="lower")
            axes.set_axis_off()
        column[0].set_title(f"{name}: XY and XZ", fontsize=9)
    save_figure(figure, arguments.out / "figure4a_sections")
