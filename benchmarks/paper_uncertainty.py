"""On simulated truth: whether the disagreement ranks errors, and the wedge follows the data."""

from __future__ import annotations

import numpy as np
import torch
from paper_layout import write
from simulated_series import Simulated, network_of, simulated, synthesis_of

from napari_lbn.engine.angular_weights import synthesized_weights
from napari_lbn.engine.evaluation.null_tests import particle_test
from napari_lbn.engine.evaluation.report.figures import draw_calibration, new_figure, save_figure
from napari_lbn.engine.evaluation.spread.calibration import calibrate
from napari_lbn.engine.evaluation.spread.disagreement import DisagreementSettings, disagreement
from napari_lbn.engine.evaluation.spread.regional_calibration import calibrate_regions
from napari_lbn.engine.evaluation.spread.subsets import MEAN_PART, SPREAD_PART
from napari_lbn.engine.events import SlabReady, drain
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.synthesis import synthesize


def calibration(arguments) -> None:
    """Whether the spread over subsets ranks the true error, of tilts and of the tomogram."""
    network, _ = network_of(arguments)
    spreads, errors, regions = [], [], []
    for number, path in enumerate(simulated(arguments)):
        case = Simulated(path, number)
        settings = DisagreementSettings(
            wbp=WBPSettings(thickness=case.depth),
            synthesis=synthesis_of(arguments, case.depth),
            subsets=arguments.subsets,
        )
        volumes = {}
        job = disagreement(case.series, network, case.wedge, settings)
        found = drain(job, lambda event, kept=volumes: keep_slab(event, kept))
        truth = case.truth[case.unmeasured]
        scale = case.stats.at(case.wedge)[1]
        for spread, mean, true, unit in zip(found.spread, found.mean, truth, scale, strict=True):
            # the truth has no noise and its own units: its best linear scale is compared
            slope, offset = np.polyfit(true.ravel().astype(float), mean.ravel(), 1)
            spreads.append(spread / unit)
            errors.append((mean - slope * true - offset) / unit)
        mean, spread = (np.concatenate(volumes[part], axis=1) for part in (MEAN_PART, SPREAD_PART))
        regions.append(calibrate_regions(mean, spread, truth_in_wedge(case, truth, settings.wbp)))
    found = calibrate(np.array(spreads), np.array(errors))
    figure = new_figure(6, 4)
    draw_calibration(figure.subplots(), found)
    save_figure(figure, arguments.out / "calibration")
    lines = [*pixel_lines(found), "", *region_lines(regions)]
    write(arguments, "calibration", "Calibration of the disagreement", lines)


def keep_slab(event, volumes) -> None:
    """Collect the slabs of mean and spread."""
    if isinstance(event, SlabReady):
        volumes.setdefault(event.part, []).append(event.slab)


def truth_in_wedge(case, truth, settings) -> np.ndarray:
    """What the true tilts of the wedge, on a common scale, would have added to the tomogram."""
    centred = truth - truth.mean(axis=(1, 2), keepdims=True)
    scale = case.stats.at(case.wedge)[1][:, None, None]
    weights = synthesized_weights(case.angles, case.wedge)
    return back_project_slab((centred / scale).astype(np.float32), case.wedge, weights, settings)


def pixel_lines(found) -> list[str]:
    """Pixels of the synthesized tilts."""
    share = 100 * found.large_errors_with_low_spread
    return [
        (
            "Pixels of tilts: rank correlation of spread and true error "
            f"{found.rank_correlation:.3f}."
        ),
        f"Large errors with a low spread: {share:.0f} % (50 % would be blind).",
        "",
        "| decile | spread | error |",
        "|---|---|---|",
        *(
            f"| {i} | {s:.3f} | {e:.3f} |"
            for i, (s, e) in enumerate(zip(found.spread, found.error, strict=True), 1)
        ),
    ]


def region_lines(found) -> list[str]:
    """Regions of the tomogram, means over specimens."""
    by_strength = np.mean([r.invented_by_strength for r in found])
    agreement = np.mean([r.agreement for r in found])
    quarters = np.mean([r.correlations for r in found], axis=0)
    cells = " | ".join(f"{value:.3f}" for value in quarters)
    return [
        "Regions of 8 x 8 x 8 voxels of the tomogram, rank correlations (means over specimens):",
        "",
        "| what | with | rank correlation |",
        "|---|---|---|",
        f"| invented structure | spread | {np.mean([r.invented for r in found]):.3f} |",
        f"| invented structure | strength of what is added | {by_strength:.3f} |",
        f"| lack of agreement with the truth | spread / strength | {agreement:.3f} |",
        "",
        "Correlation with the truth in quarters of spread / strength, ascending:",
        "",
        "| 1 | 2 | 3 | 4 |",
        "|---|---|---|---|",
        f"| {cells} |",
    ]


def star(size: int = 16) -> np.ndarray:
    """A six-armed star ``(z, y, x)``: no macromolecule, and no shape that trains."""
    z, y, x = np.mgrid[:size, :size, :size] - (size - 1) / 2
    arms = [
        (abs(a) < 1.2) & (abs(b) < 1.2) & (abs(c) < size / 2 - 1)
        for a, b, c in ((x, y, z), (y, z, x), (z, x, y))
    ]
    return np.any(arms, axis=0).astype(np.float32)


def particle(arguments) -> None:
    """A shape never trained on is put into the specimen: the wedge must follow the data."""
    network, _ = network_of(arguments)
    rows = []
    for number, path in enumerate(simulated(arguments)):
        plain = Simulated(path, number)
        strength = 2 * plain.clean.std()
        shape = star()

        def projections(case, angles, strength=strength, shape=shape):
            height, width = case.clean.shape[1:]
            volume = np.zeros((shape.shape[0], height, width), np.float32)
            y, x = height // 2 - 8, width // 2 - 8
            volume[:, y : y + 16, x : x + 16] = shape * strength / 4
            geometry = ProjectionGeometry(angles=tuple(angles), nx=width, nz=shape.shape[0])
            columns = torch.from_numpy(np.ascontiguousarray(volume.transpose(0, 2, 1)))
            return Projector(geometry)(columns).permute(0, 2, 1).numpy()

        case = Simulated(path, number, extra=lambda c: projections(c, c.angles))
        settings = synthesis_of(arguments, plain.depth)
        tilts = [
            drain(synthesize(c.series, network, c.wedge, settings, stats=plain.stats)).tilts
            for c in (plain, case)
        ]
        found = particle_test(*tilts, -projections(case, case.wedge))
        rows.append((path.stem, found.correlation, found.gain))
    lines = ["| series | correlation of the change | share of the particle |", "|---|---|---|"]
    lines += [f"| {name} | {r:.3f} | {gain:.3f} |" for name, r, gain in rows]
    means = np.mean([row[1:] for row in rows], axis=0)
    lines.append(f"| mean | {means[0]:.3f} | {means[1]:.3f} |")
    write(arguments, "particle", "A particle of an untrained shape is added", lines)
