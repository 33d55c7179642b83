"""What `napari-lbn evaluate` does, one part after the other, and the files it writes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_lbn.engine.binning import bin_series
from napari_lbn.engine.correct import measure_intensities, plan
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.evaluation.evaluate import evaluate
from napari_lbn.engine.evaluation.exchange.files import method_name
from napari_lbn.engine.evaluation.exchange.fold_export import export_folds
from napari_lbn.engine.evaluation.exchange.fold_import import import_folds
from napari_lbn.engine.evaluation.exchange.fold_index import read_folds
from napari_lbn.engine.evaluation.exchange.placement import fit_placement
from napari_lbn.engine.evaluation.exchange.tomograms import score_tomogram
from napari_lbn.engine.evaluation.fsc import fourier_shell_correlation
from napari_lbn.engine.evaluation.half_sets import half_set_curves
from napari_lbn.engine.evaluation.hold_out.folds import Fold
from napari_lbn.engine.evaluation.hold_out.frame_halves import find_halves, open_halves
from napari_lbn.engine.evaluation.hold_out.scores import HoldOutResult
from napari_lbn.engine.evaluation.report.extras import CurveSet, ReportExtras
from napari_lbn.engine.evaluation.report.files import write_report
from napari_lbn.engine.evaluation.result import with_scores
from napari_lbn.engine.evaluation.settings import make_folds
from napari_lbn.engine.evaluation.spread.subsets import LABEL, RELATIVE_PART, SPREAD_PART
from napari_lbn.engine.events import SlabReady
from napari_lbn.engine.io import (
    VolumeWriter,
    check_free_space,
    ensure_folder,
    open_volume,
    write_stack,
    write_tilt_angles,
)
from napari_lbn.engine.provenance import header_line

from ..output import written_together
from ..progress import note, run_job
from .checks import require_comparable, require_programs

HALF_SETS_TITLE = "Fourier shell correlation of two halves of the tilts, each corrected by itself"
UNLIKE = 0.1
"""Correlation with visible tilts below which a tomogram may be of another series."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_lbn.engine.correct import CorrectionSettings
    from napari_lbn.engine.evaluation.exchange.placement import Placement
    from napari_lbn.engine.evaluation.fsc import FSCCurve
    from napari_lbn.engine.evaluation.hold_out.frame_halves import Halves
    from napari_lbn.engine.evaluation.result import Evaluation
    from napari_lbn.engine.evaluation.settings import EvaluationSettings
    from napari_lbn.engine.events import Event
    from napari_lbn.engine.tilt_series import TiltSeries

    from .options import MeasureOptions, ProgramOptions


def export(series: TiltSeries, settings: EvaluationSettings, folder: Path) -> Sequence[Path]:
    """Write each fold without its hidden tilts, for other programs."""
    working = working_series(series, settings.correction)
    folds = list(make_folds(working, settings))
    note(f"{len(folds)} folds; put METHOD.mrc into each folder, then use --import-folds.")
    return run_job(export_folds(working, folds, folder, settings.correction.for_wbp()))


def working_series(series: TiltSeries, settings: CorrectionSettings) -> TiltSeries:
    """The series binned to what the weights know."""
    return bin_series(series, plan(series, settings).binning)


class EvaluationRun:
    """One evaluation into a folder.

    Parameters
    ----------
    series : TiltSeries
    settings : EvaluationSettings
    measures : MeasureOptions
    programs : ProgramOptions
    out : Path
        Folder of the report.
    """

    def __init__(
        self,
        series: TiltSeries,
        settings: EvaluationSettings,
        measures: MeasureOptions,
        programs: ProgramOptions,
        out: Path,
    ) -> None:
        self.series, self.settings, self.out = series, settings, out
        self.measures, self.programs = measures, programs
        self.stem = "_".join(series.name.split())
        self.placements: dict[tuple[str, str], Placement] = {}
        self.writers: dict[str, VolumeWriter] = {}

    def run(self) -> tuple[Evaluation, list[Path]]:
        """Evaluate, compare with other programs, write the report."""
        working = working_series(self.series, self.settings.correction)
        imported = self.programs.import_folds
        folds = [] if imported is None else read_folds(working, imported)
        with written_together(self.out) as written:
            self._require_all(working, folds)
            evaluation = self._evaluate(working, [fold for fold, _ in folds], written)
            if imported is not None:
                result, placements = run_job(import_folds(working, folds))
                self.placements |= placements
                evaluation = with_scores(evaluation, result)
            for path in self.programs.tomogram or []:
                evaluation = with_scores(evaluation, self._in_sample(working, path, evaluation))
            extras = ReportExtras(placements=self.placements, curve_sets=tuple(self._curve_sets()))
            written.extend(self._disagreement_tilts(evaluation))
            report = write_report(
                evaluation,
                self.out,
                name=self.stem,
                extras=extras,
                with_figures=self.measures.figures,
            )
            written.extend(report)
            return evaluation, list(written)

    def _require_all(self, working: TiltSeries, folds: list[tuple[Fold, Path]]) -> None:
        """Say now, not after the work, what cannot be read or written."""
        check_free_space(ensure_folder(self.out), 0)
        require_programs(working, folds, self.programs.tomogram or [])
        if self.measures.fsc is not None:
            require_comparable(*self.measures.fsc)

    def _evaluate(self, working: TiltSeries, folds: list[Fold], written: list[Path]) -> Evaluation:
        job = evaluate(self.series, self.settings, halves=self._halves(), folds=folds or None)
        if not self.settings.subsets:
            return run_job(job)
        ensure_folder(self.out)
        paths = {
            SPREAD_PART: self.out / f"{self.stem}_disagreement.mrc",
            RELATIVE_PART: self.out / f"{self.stem}_disagreement_relative.mrc",
        }
        shape = (self.settings.correction.thickness, *working.image_shape)
        lines = [header_line(working, LABEL)]
        with ExitStack() as exits:
            for name, path in paths.items():
                writer = VolumeWriter(path, shape, working.pixel_size, lines)
                self.writers[name] = exits.enter_context(writer)
            evaluation = run_job(job, self._take)
        written.extend(paths.values())
        return evaluation

    def _take(self, event: Event) -> None:
        if isinstance(event, SlabReady) and event.part in self.writers:
            self.writers[event.part].write_slab(event.y_start, event.slab)

    def _disagreement_tilts(self, evaluation: Evaluation) -> list[Path]:
        found = evaluation.disagreement
        if found is None:
            return []
        path = self.out / f"{self.stem}_disagreement_tilts.mrc"
        write_stack(
            path,
            found.spread,
            n=len(found.angles),
            shape=found.spread.shape[1:],
            pixel_size=evaluation.series.pixel_size,
            labels=[header_line(evaluation.series, LABEL)],
        )
        return [path, write_tilt_angles(path.with_suffix(".tlt"), found.angles)]

    def _halves(self) -> Halves | None:
        """Odd and even stacks, given or found beside the series."""
        odd, even = self.measures.odd, self.measures.even
        beside = find_halves(self.series)
        if beside is not None:
            odd, even = odd or beside[0], even or beside[1]
        if odd is None and even is None:
            return None
        if odd is None or even is None:
            raise InputError(
                "The noise ceiling needs both stacks, of odd and of even frames.",
                "Give --odd and --even.",
            )
        note(f"The noise ceiling is measured from {odd.name} and {even.name}.")
        return open_halves(self.series, odd, even)

    def _in_sample(self, working: TiltSeries, path: Path, evaluation: Evaluation) -> HoldOutResult:
        volume: Any = np.asarray(open_volume(path)[0])
        stats = measure_intensities(working)
        placement = run_job(fit_placement(volume, working, stats))
        name = method_name(path)
        note(f"{path.name}: {placement.sentence}. In-sample, not ranked.")
        if placement.correlation < UNLIKE:
            note(f"{path.name} is hardly like these tilts: is it a tomogram of this series?")
        self.placements["in-sample", name] = placement
        kind = evaluation.hold_outs.scores[0].kind
        everything = tuple(int(i) for i in working.included)
        fold = Fold(name="all tilts", kind=kind, hidden=everything)
        job = score_tomogram(volume, name, working, stats, fold, placement, in_sample=True)
        return HoldOutResult(scores=run_job(job))

    def _curve_sets(self) -> Iterator[CurveSet]:
        if self.measures.fsc is not None:
            one, other = self.measures.fsc
            whole = one.name == other.name
            names = f"{one if whole else one.name} and {other if whole else other.name}"
            curves = self._given_curves(*self.measures.fsc)
            yield CurveSet(stem="fsc", title=f"Fourier shell correlation of {names}", curves=curves)
        if self.measures.half_sets:
            curves = run_job(half_set_curves(self.series, self.settings.correction))
            yield CurveSet(stem="half_sets", title=HALF_SETS_TITLE, curves=curves)

    def _given_curves(self, one: Path, other: Path) -> dict[str, FSCCurve]:
        (first, size), (second, other_size) = open_volume(one), open_volume(other)
        curves = run_job(
            fourier_shell_correlation(
                np.asarray(first),
                np.asarray(second),
                self.series.included_angles,
                pixel_size=size or other_size,
            )
        )
        return {name: replace(curve, region=name) for name, curve in curves.items()}
