r"""The paper's tables and figures with our numbers beside the paper's.

    python benchmarks/paper_tables.py table1 TS.mrc ... --out DIR      # Table 1, Figures 2, 6
    python benchmarks/paper_tables.py table2 VALIDATION --out DIR      # Table 2, Figure 3
    python benchmarks/paper_tables.py fsc VALIDATION --out DIR         # Figure 4
    python benchmarks/paper_tables.py ablation VALIDATION --weights A B --out DIR  # Figure 5
    python benchmarks/paper_tables.py calibration VALIDATION --out DIR # spread and true error
    python benchmarks/paper_tables.py particle VALIDATION --out DIR    # an untrained shape
    python benchmarks/paper_tables.py all VALIDATION TS.mrc ... --out DIR

VALIDATION is a folder of ``python -m napari_lbn.engine.simulation.dataset VALIDATION
--count 8 --validation``, or one that ``napari-lbn simulate`` filled. With SHREC 2021 at hand:

    for m in 0 1 2 3 4 5 6 7 8 9; do napari-lbn simulate --shrec SHREC --model $m --snr 0.3 \
        --range -66 66 --step 1 --out VALIDATION --name model_$m; done

Wedge scores refer to the reconstruction box alone, all others to the whole specimen. IsoNet's
rows come from ``napari-lbn evaluate --import-folds``.
The paper's numbers are on other data (its own test series, SHREC 2021): the layout and the
order of the methods can be compared, the numbers cannot.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.binning import automatic_binning, bin_series
from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.correct.tomogram import synthesized_rows
from napari_lbn.engine.evaluation.baselines import neighbours, wbp_reprojection
from napari_lbn.engine.evaluation.calibration import calibrate
from napari_lbn.engine.evaluation.disagreement import DisagreementSettings, disagreement
from napari_lbn.engine.evaluation.figures import (
    angle_figure,
    draw_calibration,
    draw_fsc,
    new_figure,
    save_figure,
)
from napari_lbn.engine.evaluation.folds import Fold, k_fold, leave_one_out
from napari_lbn.engine.evaluation.fsc import SEVENTH, fourier_shell_correlation
from napari_lbn.engine.evaluation.holdout import HoldOutSettings, hold_out
from napari_lbn.engine.evaluation.lbn_predictors import lbn
from napari_lbn.engine.evaluation.null_tests import particle_test
from napari_lbn.engine.evaluation.scores import HoldOutResult, TiltScored, tilt_scores
from napari_lbn.engine.evaluation.seen import angle_bins, seen_fraction
from napari_lbn.engine.evaluation.summary import range_names, table
from napari_lbn.engine.events import drain
from napari_lbn.engine.geometry import measured_weights, synthesized_weights
from napari_lbn.engine.io import open_tilt_series, open_volume
from napari_lbn.engine.io.weights import find_weights, load_network, read_weights_info
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.simulation.noise import add_noise
from napari_lbn.engine.synthesis import SynthesisSettings, synthesize
from napari_lbn.engine.tilt_series import TiltSeries

PAPER_1 = {
    "Conventional reconstruction": (1.02, 0.15, 0.13, 0.15, 0.22, 0.17, 0.18),
    "IsoNet": (1.16, 0.23, 0.18, 0.23, 0.28, 0.25, 0.26),
    "LBN": (0.63, 0.57, 0.58, 0.53, 0.53, 0.55, 0.59),
}
PAPER_2 = {
    "Conventional reconstruction": (1.889, 0.06, 1.888, 1.862, 1.60, 1.882, 2.005),
    "IsoNet": (1.869, 0.07, 1.886, 1.837, 1.564, 1.848, 2.018),
    "LBN": (1.43, 0.29, 1.477, 1.425, 1.46, 1.427, 1.484),
}
MEASURED = 66.1
"""Degrees; the range that is given to the methods in Table 2."""
LAST = 89.1
BINS = (60.0, 66.1, 69.1, 72.1, 75.1, 78.1, 81.1, 84.1, 87.1, 90.0)
"""Degrees; limits of the bins of wedge scores."""
SNR = 0.3


def main() -> None:
    """Run one table or all of them."""
    kind = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=kind)
    parser.add_argument("what", choices=[*TABLES, "all"])
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--weights", nargs="+", default=["base"])
    parser.add_argument("--out", type=Path, default=Path("paper_tables"))
    parser.add_argument("--thickness", type=float, default=200.0, help="nm")
    parser.add_argument("--folds", type=int, default=0, help="k-fold instead of leave-one-out")
    parser.add_argument("--limit", type=int, default=None, help="simulated series")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--sirt", action="store_true")
    parser.add_argument("--subsets", type=int, default=8)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in TABLES if arguments.what == "all" else [arguments.what]:
        TABLES[name](arguments)


def network_of(arguments, number: int = 0):
    """A network and what its weights know."""
    info = read_weights_info(find_weights(arguments.weights[number]))
    return load_network(info), info


class Simulated:
    """One simulated series: noisy tilts within the measured range, truth around the circle."""

    def __init__(self, path: Path, number: int, measured: float = MEASURED, extra=None) -> None:
        self.name = path.stem
        if path.suffix == ".npz":
            self._read_set(path, measured)
        else:
            self._read_experiment(path)
        more = 0 if extra is None else extra(self)
        if self.counts is not None and extra is None:
            images = self.counts
        else:
            rng = np.random.default_rng(number)
            noise = add_noise(self.clean, SNR, rng, profile=self.profile) - self.clean
            images = -(self.clean + more + noise)
        self.series = TiltSeries.from_array(
            images.astype(np.float32), self.angles, pixel_size=self.pixel_size, name=self.name
        )
        self.stats = measure_intensities(self.series)
        self.normalised = np.stack(
            [self.stats.normalised(t, i) for i, t in enumerate(self.series.read())]
        )

    def _read_set(self, path: Path, measured: float) -> None:
        """A file of a training or validation set, without noise."""
        with np.load(path) as data:
            angles, clean = data["angles"], data["tilts"].astype(np.float32)
            inside = np.abs(angles) <= measured
            self.angles, self.profile = angles[inside], data["profile"][inside]
            self.clean, self.counts = clean[inside], None
            known = np.abs(data["truth_angles"]) < LAST
            self.truth_angles, whole = data["truth_angles"][known], -data["truth"][known]
            metadata = json.loads(str(data["metadata"]))
            self.pixel_size = float(data["pixel_size"])
            box = -data["truth_box"][known]
        self.truth = np.where((np.abs(self.truth_angles) > measured)[:, None, None], box, whole)
        self.thickness = float(metadata["thickness"])
        self.depth = int(np.ceil(self.thickness)) + 24
        if "pre_tilt" in metadata:
            self.depth = max(self.depth, metadata["depth"])

    def _read_experiment(self, path: Path) -> None:
        """The record of a folder of ``napari-lbn simulate``, with its noise."""
        record = json.loads(path.read_text())
        stack = open_tilt_series(path.with_suffix(".mrc"))
        whole, box = (
            open_tilt_series(path.with_name(f"{path.stem}_{what}.mrc"))
            for what in ("truth", "truth_box")
        )
        self.angles, self.counts = stack.angles, stack.read()
        self.pixel_size, self.thickness = record["pixel_size"], record["thickness"]
        self.truth_angles, self.truth = box.angles, box.read()
        places = np.searchsorted(self.truth_angles, whole.angles)
        self.truth[places] = whole.read()
        nearest = [int(np.argmin(np.abs(self.truth_angles - a))) for a in self.angles]
        self.clean = -self.truth[nearest]
        self.profile = np.ones(self.angles.size)
        tomogram, _ = open_volume(path.with_name(f"{path.stem}_truth_tomogram.mrc"))
        self.depth = int(tomogram.shape[0])

    @property
    def seen(self) -> list[tuple[float, float]]:
        """(angle, share that measured tilts have seen) of every truth."""
        width = self.clean.shape[2]
        shares = seen_fraction(
            self.truth_angles, self.angles, width=width, thickness=self.thickness
        )
        return list(zip(self.truth_angles.tolist(), shares.tolist(), strict=True))

    @property
    def wedge(self) -> np.ndarray:
        """Truth angles that were not measured."""
        return self.truth_angles[self.unmeasured]

    @property
    def unmeasured(self) -> np.ndarray:
        """Which truths lie beyond the measured tilts."""
        low, high = self.angles.min() - 0.1, self.angles.max() + 0.1
        return (self.truth_angles < low) | (self.truth_angles > high)


def simulated(arguments) -> list[Path]:
    """The simulated series among the inputs."""
    folders = [folder for folder in arguments.inputs if folder.is_dir()]
    paths = [p for folder in folders for p in (*folder.glob("*.npz"), *folder.glob("*.json"))]
    return sorted(paths)[: arguments.limit]


def synthesis_of(arguments, thickness: int) -> SynthesisSettings:
    """Device and thickness for the network."""
    return SynthesisSettings(device=arguments.device, thickness=thickness)


def table1(arguments) -> None:
    """Leave-one-out on measured series (Table 1 and Figure 2)."""
    network, info = network_of(arguments)
    scores, ceilings = [], []
    for path in (p for p in arguments.inputs if p.is_file()):
        series = open_tilt_series(path)
        binning = automatic_binning(series.pixel_size, info.pixel_sizes, series.name)
        series = bin_series(series, binning)
        thickness = round(10 * arguments.thickness / series.pixel_size)
        shown = ShownTilts(series.included_angles)
        folds = k_fold(series, arguments.folds) if arguments.folds else leave_one_out(series)
        result = drain(
            hold_out(
                series,
                folds,
                {"LBN": lbn(network, {})},
                HoldOutSettings(
                    wbp=WBPSettings(thickness=thickness),
                    synthesis=synthesis_of(arguments, thickness),
                    with_sirt=arguments.sirt,
                ),
            ),
            shown.take,
        )
        shown.save(arguments.out / f"figure6_{path.stem}")
        scores += result.scores
        ceilings += result.ceilings
        save_figure(angle_figure(result, title=series.name), arguments.out / f"figure2_{path.stem}")
    if scores:
        for scale in ("full", "2x2", "4x4"):
            title = f"Table 1, {scale}: tilts held out, correlation in the ranges"
            rows = table(scores, edge=20, scale=scale)
            report(arguments, f"table1_{scale}", title, rows, PAPER_1)


class ShownTilts:
    """Hidden tilts and what was predicted for them, at five angles (Figures 2b and 6)."""

    def __init__(self, angles) -> None:
        positions = np.linspace(0, len(angles) - 1, 5).round().astype(int)
        self.angles = [float(angle) for angle in angles[positions]]
        self.images = {}

    def take(self, event) -> None:
        """Keep the images of a `TiltScored`."""
        if isinstance(event, TiltScored) and event.scores[0].angle in self.angles:
            score = event.scores[0]
            self.images.setdefault("measured", {})[score.angle] = event.truth
            self.images.setdefault(score.method, {})[score.angle] = event.predicted

    def save(self, path: Path) -> None:
        """One row a method, one column an angle."""
        figure = new_figure(12, 1.5 * len(self.images) + 0.5)
        grid = figure.subplots(len(self.images), len(self.angles), squeeze=False)
        for row, (method, images) in zip(grid, self.images.items(), strict=True):
            for axes, angle in zip(row, self.angles, strict=True):
                low, high = np.percentile(images[angle], (1, 99))
                axes.imshow(images[angle], cmap="gray", vmin=low, vmax=high)
                axes.set_title(f"{method}, {angle:g}°", fontsize=7)
                axes.set_axis_off()
        save_figure(figure, path)


def table2(arguments, weights: int = 0, name: str = "table2") -> None:
    """Tilts around the whole circle against simulated truth (Table 2 and Figure 3)."""
    network, _ = network_of(arguments, weights)
    scores, seen = [], []
    for number, path in enumerate(simulated(arguments)):
        case = Simulated(path, number)
        seen += case.seen
        fold = Fold(name=path.stem, kind="simulated", hidden=())
        job = synthesize(
            case.series, network, case.truth_angles, synthesis_of(arguments, case.depth)
        )
        found = {
            "LBN": drain(job).tilts,
            "WBP re-projection": wbp_reprojection(
                case.normalised, case.angles, case.truth_angles, case.depth
            ),
            "neighbour interpolation": neighbours(case.normalised, case.angles, case.truth_angles),
        }
        for method, images in found.items():
            for angle, image, true in zip(case.truth_angles, images, case.truth, strict=True):
                scores += tilt_scores(fold, method, angle, image, true)
    title = "Table 2: simulated, given ±66°, truth around the circle, MSE in the ranges"
    rows = table(scores, edge=66, measure="mse")
    report(arguments, name, title, rows, PAPER_2)
    wedge = [s for s in scores if abs(s.angle) > MEASURED]
    rows = table(wedge, edge=66, measure="correlation")
    report(arguments, f"{name}_wedge", "The missing wedge alone, correlation", rows, {})
    report_bins(arguments, f"{name}_bins", angle_bins(wedge, seen, BINS))
    figure = angle_figure(HoldOutResult(scores=tuple(mean_over_series(scores))))
    save_figure(figure, arguments.out / f"figure3_{name}")


def mean_over_series(scores):
    """One score an angle and method: the mean over series."""
    groups = {}
    for s in scores:
        groups.setdefault((s.method, s.scale, round(s.angle, 3)), []).append(s)
    for own in groups.values():
        yield replace(own[0], correlation=float(np.mean([s.correlation for s in own])))


def ablation(arguments) -> None:
    """Table 2 for each weights given (Figure 5)."""
    for number, weights in enumerate(arguments.weights):
        table2(arguments, number, f"figure5_{Path(weights).stem}")


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
            stack = np.ma.masked_invalid([c.correlation for c in curves])
            mean[name] = replace(curves[0], correlation=stack.mean(axis=0).filled(np.nan))
            resolution = mean[name].resolution(SEVENTH)
            text = "–" if resolution is None else f"{resolution:.1f} Å"
            rows.append(f"| {region} | {name} | {mean[name].mean():.3f} | {text} |")
        draw_fsc(axes, mean, (SEVENTH,))
        axes.set_title(region, fontsize=9)
    save_figure(figure, arguments.out / "figure4b_fsc")
    head = ["| region | tomogram | mean FSC | at 1/7 |", "|---|---|---|---|"]
    write(arguments, "figure4b", "FSC against the full-range tomogram", [*head, *rows])


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


def calibration(arguments) -> None:
    """Whether the spread over subsets ranks the true error."""
    network, _ = network_of(arguments)
    spreads, errors = [], []
    for number, path in enumerate(simulated(arguments)):
        case = Simulated(path, number)
        settings = DisagreementSettings(
            wbp=WBPSettings(thickness=case.depth),
            synthesis=synthesis_of(arguments, case.depth),
            subsets=arguments.subsets,
            volume=False,
        )
        found = drain(disagreement(case.series, network, case.wedge, settings))
        truth = case.truth[case.unmeasured]
        scale = case.stats.at(case.wedge)[1]
        for spread, mean, true, unit in zip(found.spread, found.mean, truth, scale, strict=True):
            # the truth has no noise and its own units: its best linear scale is compared
            slope, offset = np.polyfit(true.ravel().astype(float), mean.ravel(), 1)
            spreads.append(spread / unit)
            errors.append((mean - slope * true - offset) / unit)
    found = calibrate(np.array(spreads), np.array(errors))
    figure = new_figure(6, 4)
    draw_calibration(figure.subplots(), found)
    save_figure(figure, arguments.out / "calibration")
    share = 100 * found.large_errors_with_low_spread
    lines = [
        f"Rank correlation of spread and true error: {found.rank_correlation:.3f}.",
        f"Large errors with a low spread: {share:.0f} % (50 % would be blind).",
        "| decile | spread | error |",
        "|---|---|---|",
        *(
            f"| {i} | {s:.3f} | {e:.3f} |"
            for i, (s, e) in enumerate(zip(found.spread, found.error, strict=True), 1)
        ),
    ]
    write(arguments, "calibration", "Calibration of the disagreement", lines)


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
            import torch

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


def report_bins(arguments, name, bins) -> None:
    """Wedge scores in bins of the angle, beside the share of the rays that was seen."""
    methods = list(bins[0].correlation) if bins else []
    lines = [f"| degrees | seen | {' | '.join(methods)} |", "|---" * (2 + len(methods)) + "|"]
    for one in bins:
        cells = " | ".join(number(one.correlation[method]) for method in methods)
        lines.append(f"| {one.low:.0f}-{one.high:.0f} | {one.seen:.2f} | {cells} |")
    write(arguments, name, "The missing wedge in bins: correlation with the box's truth", lines)


def report(arguments, name, title, rows, paper) -> None:
    """A table in the paper's layout, the paper's rows below ours."""
    ranges = list(rows[0].by_range)
    assert tuple(ranges) in {range_names(20), range_names(66)}
    lines = [
        f"| method | MSE | MSE, scaled | correlation | {' | '.join(ranges)} |",
        "|---" * (4 + len(ranges)) + "|",
    ]
    for row in rows:
        cells = " | ".join(number(row.by_range[r]) for r in ranges)
        head = " | ".join(number(v) for v in (row.mse, row.mse_scaled, row.correlation))
        lines.append(f"| {row.method} | {head} | {cells} |")
    for method, (mse, r, *cells) in paper.items():
        lines.append(
            f"| *paper: {method}* | {mse:.3f} | – | {r:.3f} | "
            + " | ".join(f"{c:.3f}" for c in cells)
            + " |"
        )
    write(arguments, name, title, lines)


def number(value: float) -> str:
    """Three decimals, or a dash for nothing."""
    return "–" if np.isnan(value) else f"{value:.3f}"


def write(arguments, name: str, title: str, lines: list[str]) -> None:
    """Print a table and keep it as a Markdown file."""
    text = "\n".join([f"## {title}", "", *lines, ""])
    print(text, flush=True)
    (arguments.out / f"{name}.md").write_text(text + "\n", encoding="utf-8")


TABLES = {
    "table1": table1,
    "table2": table2,
    "fsc": fsc,
    "ablation": ablation,
    "calibration": calibration,
    "particle": particle,
}

if __name__ == "__main__":
    main()
