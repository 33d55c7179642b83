"""What `napari-lbn evaluate` does, one part after the other, and the files it writes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.evaluation.disagreement import LABEL, SPREAD_PART
from napari_lbn.engine.evaluation.evaluate import evaluate, with_scores
from napari_lbn.engine.evaluation.external import fit_placement, method_name, score_tomogram
from napari_lbn.engine.evaluation.fold_files import import_folds, read_folds
from napari_lbn.engine.evaluation.folds import Fold
from napari_lbn.engine.evaluation.fsc import fourier_shell_correlation
from napari_lbn.engine.evaluation.half_sets import half_set_curves
from napari_lbn.engine.evaluation.holdout import HoldOutResult
from napari_lbn.engine.evaluation.report import ReportExtras, write_report
from napari_lbn.engine.events import SlabReady
from napari_lbn.engine.io import open_tilt_series, open_volume
from napari_lbn.engine.io.output import (
    VolumeWriter,
    ensure_folder,
    write_stack,
    write_tilt_angles,
)

from .evaluate import working_series
from .output import label, written_together
from .progress import note, run_job

if TYPE_CHECKING:
    from napari_lbn.engine.evaluation.evaluate import Evaluation, EvaluationSettings
    from napari_lbn.engine.evaluation.external import Placement
    from napari_lbn.engine.evaluation.fsc import FSCCurve
    from napari_lbn.engine.events import Event
    from napari_lbn.engine.tilt_series import TiltSeries

    from .evaluate_options import MeasureOptions, ProgramOptions

HALVES = (("_ODD", "_odd"), ("_EVN", "_evn", "_EVEN", "_even"))


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
        self.writer: VolumeWriter | None = None

    def run(self) -> tuple[Evaluation, list[Path]]:
        """Evaluate, compare with other programs, write the report."""
        working = working_series(self.series, self.settings.correction)
        imported = self.programs.import_folds
        folds = None
        if imported is not None:
            folds = [fold for fold, _ in read_folds(working, imported)]
        with written_together(self.out) as written:
            evaluation = self._evaluate(working, folds, written)
            if imported is not None:
                result, placements = run_job(import_folds(working, imported))
                self.placements |= placements
                evaluation = with_scores(evaluation, result)
            for path in self.programs.tomogram or []:
                evaluation = with_scores(evaluation, self._in_sample(working, path, evaluation))
            extras = ReportExtras(placements=self.placements, curves=self._curves())
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

    def _evaluate(
        self, working: TiltSeries, folds: list[Fold] | None, written: list[Path]
    ) -> Evaluation:
        job = evaluate(self.series, self.settings, halves=self._halves(), folds=folds)
        if not self.settings.subsets:
            return run_job(job)
        ensure_folder(self.out)
        path = self.out / f"{self.stem}_disagreement.mrc"
        shape = (self.settings.correction.thickness, *working.image_shape)
        lines = [label(working, LABEL)]
        with ExitStack() as exits:
            self.writer = exits.enter_context(VolumeWriter(path, shape, working.pixel_size, lines))
            evaluation = run_job(job, self._take)
        written.append(path)
        return evaluation

    def _take(self, event: Event) -> None:
        if isinstance(event, SlabReady) and event.part == SPREAD_PART and self.writer is not None:
            self.writer.write_slab(event.y_start, event.slab)

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
            labels=[label(evaluation.series, LABEL)],
        )
        return [path, write_tilt_angles(path.with_suffix(".tlt"), found.angles)]

    def _halves(self) -> tuple[TiltSeries, TiltSeries] | None:
        """Odd and even stacks, given or found beside the series."""
        given = self.measures.odd, self.measures.even
        paths = [path or self._beside(names) for path, names in zip(given, HALVES, strict=True)]
        if paths[0] is None or paths[1] is None:
            return None
        note(f"The noise ceiling is measured from {paths[0].name} and {paths[1].name}.")
        first, second = (self._open_half(path) for path in paths if path is not None)
        return first, second

    def _beside(self, endings: tuple[str, ...]) -> Path | None:
        source = self.series.source
        if source is None:
            return None
        candidates = [source.with_name(f"{source.stem}{e}{source.suffix}") for e in endings]
        return next((path for path in candidates if path.is_file()), None)

    def _open_half(self, path: Path) -> TiltSeries:
        """In the order of the whole series' file, with its angles and exclusions."""
        in_file = np.empty(self.series.n_tilts)
        in_file[self.series.sections] = self.series.angles
        half = open_tilt_series(path, angles=list(in_file), pixel_size=self.series.pixel_size)
        return half.with_excluded(self.series.excluded)

    def _in_sample(self, working: TiltSeries, path: Path, evaluation: Evaluation) -> HoldOutResult:
        volume: Any = np.asarray(open_volume(path)[0])
        stats = measure_intensities(working)
        placement = run_job(fit_placement(volume, working, stats))
        name = method_name(path)
        note(f"{path.name}: {placement.sentence}. In-sample, not ranked.")
        self.placements["in-sample", name] = placement
        kind = evaluation.hold_outs.scores[0].kind
        everything = tuple(int(i) for i in working.included)
        fold = Fold(name="all tilts", kind=kind, hidden=everything)
        job = score_tomogram(volume, name, working, stats, fold, placement, in_sample=True)
        return HoldOutResult(scores=run_job(job))

    def _curves(self) -> dict[str, FSCCurve] | None:
        if self.measures.half_sets:
            return run_job(half_set_curves(self.series, self.settings.correction))
        if self.measures.fsc is None:
            return None
        (first, size), (second, _) = (open_volume(path) for path in self.measures.fsc)
        curves = run_job(
            fourier_shell_correlation(
                np.asarray(first),
                np.asarray(second),
                self.series.included_angles,
                pixel_size=size,
            )
        )
        return {name: replace(curve, region=name) for name, curve in curves.items()}
