r"""The paper's tables and figures with our numbers beside the paper's.

    python benchmarks/paper_tables.py table1 TS.mrc ... --out DIR      # Table 1, Figures 2, 6
    python benchmarks/paper_tables.py table2 VALIDATION --out DIR      # Table 2, Figure 3
    python benchmarks/paper_tables.py fsc VALIDATION --out DIR         # Figure 4
    python benchmarks/paper_tables.py ablation VALIDATION --out DIR    # Figure 5
    python benchmarks/paper_tables.py calibration VALIDATION --out DIR # spread and true error
    python benchmarks/paper_tables.py particle VALIDATION --out DIR    # an untrained shape
    python benchmarks/paper_tables.py all VALIDATION TS.mrc ... --out DIR

VALIDATION is a folder of ``napari-lbn simulate-set VALIDATION
--count 8 --validation``, or one that ``napari-lbn simulate`` filled. With SHREC 2021 at hand:

    for m in 0 1 2 3 4 5 6 7 8 9; do napari-lbn simulate --shrec SHREC --model $m --snr 0.3 \
        --range -66 66 --step 1 --out VALIDATION --name model_$m; done

Figure 5 trains its variants on a small budget (``training_ablation.py``), on series that it
simulates where ``--training`` names none, and goes on where it was stopped; some ten minutes.
Further ``--weights`` get a Table 2 each.

Wedge scores refer to the reconstruction box alone, where they do not say otherwise, all others
to the whole specimen. IsoNet's rows come from ``napari-lbn evaluate --import-folds``.
The paper's numbers are on other data (its own test series, SHREC 2021): the layout and the
order of the methods can be compared, the numbers cannot.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from paper_figure4 import fsc
from paper_figure5 import figure5
from paper_layout import PAPER_1, PAPER_2, report, report_bins
from paper_uncertainty import calibration, particle
from simulated_series import MEASURED, Simulated, network_of, simulated, synthesis_of

from napari_lbn.engine.binning import automatic_binning, bin_series
from napari_lbn.engine.evaluation.hold_out.folds import Fold, k_fold, leave_one_out
from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings, hold_out
from napari_lbn.engine.evaluation.hold_out.scores import HoldOutResult, TiltScored, tilt_scores
from napari_lbn.engine.evaluation.prediction.baselines import neighbours, wbp_reprojection
from napari_lbn.engine.evaluation.prediction.network import lbn
from napari_lbn.engine.evaluation.report.figures import angle_figure, new_figure, save_figure
from napari_lbn.engine.evaluation.report.tables import table
from napari_lbn.engine.evaluation.seen import angle_bins
from napari_lbn.engine.events import drain
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.reconstruction.wbp import WBPSettings
from napari_lbn.engine.synthesis import synthesize

BINS = (60.0, 66.1, 69.1, 72.1, 75.1, 78.1, 81.1, 84.1, 87.1, 90.0)
"""Degrees; limits of the bins of wedge scores."""


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
    parser.add_argument("--training", type=Path, help="simulated series for Figure 5")
    parser.add_argument("--steps", type=int, default=200, help="of each training of Figure 5")
    parser.add_argument("--series", type=int, default=60, help="series that train there")
    parser.add_argument("--cases", type=int, default=3, help="series that validate there")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in TABLES if arguments.what == "all" else [arguments.what]:
        TABLES[name](arguments)


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
                    synthesis=synthesis_of(arguments, thickness, "whole"),
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
    scores, against_whole, seen = [], [], []
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
        if case.whole is not None:
            against_whole += whole_scores(arguments, network, case, fold, found)
    title = "Table 2: simulated, given ±66°, truth around the circle, MSE in the ranges"
    rows = table(scores, edge=66, measure="mse")
    report(arguments, name, title, rows, PAPER_2)
    wedge = [s for s in scores if abs(s.angle) > MEASURED]
    rows = table(wedge, edge=66, measure="correlation")
    title = "The missing wedge alone, correlation with the box's truth"
    report(arguments, f"{name}_wedge", title, rows, {})
    if against_whole:
        rows = table(against_whole, edge=66, measure="correlation")
        title = "The missing wedge alone, correlation with the whole specimen's truth"
        report(arguments, f"{name}_wedge_whole", title, rows, {})
    report_bins(arguments, f"{name}_bins", angle_bins(wedge, seen, BINS))
    figure = angle_figure(HoldOutResult(scores=tuple(mean_over_series(scores))))
    save_figure(figure, arguments.out / f"figure3_{name}")


def whole_scores(arguments, network, case: Simulated, fold: Fold, found):
    """Scores in the wedge against the whole specimen, of tilts that show the whole specimen."""
    settings = synthesis_of(arguments, case.depth, "whole")
    wedge = {method: images[case.unmeasured] for method, images in found.items()}
    wedge["LBN"] = drain(synthesize(case.series, network, case.wedge, settings)).tilts
    return [
        score
        for method, images in wedge.items()
        for angle, image, true in zip(case.wedge, images, case.whole, strict=True)
        for score in tilt_scores(fold, method, angle, image, true)
    ]


def mean_over_series(scores):
    """One score an angle and method: the mean over series."""
    groups = {}
    for s in scores:
        groups.setdefault((s.method, s.scale, round(s.angle, 3)), []).append(s)
    for own in groups.values():
        yield replace(own[0], correlation=float(np.mean([s.correlation for s in own])))


def ablation(arguments) -> None:
    """Variants of the network (Figure 5), and Table 2 for any further weights."""
    figure5(arguments)
    for number, weights in enumerate(arguments.weights[1:], 1):
        table2(arguments, number, f"table2_{Path(weights).stem}")


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
