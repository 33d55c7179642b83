"""`napari-lbn filter train | apply | show`: the learned filter of back-projection."""

from __future__ import annotations

import hashlib
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.provenance import header_line

from ..command import add_command
from ..options import OUTPUT, ComputingOptions, SeriesOptions, WedgeOptions
from ..output import tell_written
from ..progress import note, run_job
from ..reconstruction.options import AugmentOptions, TomogramOptions, require_lbn
from ..reconstruction.tilts import chosen_tilts, measured_tilts
from ..series import open_series
from ..settings import require_thickness, require_usable
from ..unused import given, refuse
from .options import KindOptions, LearningOptions, SimulatedOptions
from .show import show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_lbn.engine.events import Event
    from napari_lbn.engine.reconstruction.learned import Example, LearnedFilter

filter_app = typer.Typer(
    name="filter",
    help="Learn the filter of back-projection, apply it, look at it.",
    no_args_is_help=True,
)
SUFFIX = ".safetensors"
NOT_OF_TILTS = ("filter", "weights", "device", "memory")
"""Options of the computing that do not concern a series' tilts."""


class TransferName(StrEnum):
    """How a filter gets to other angles."""

    POLYNOMIAL = "polynomial"
    LINEAR = "linear"


FilterOption = Annotated[
    Path, typer.Option(metavar="FILTER", help="A .safetensors file.", show_default=False)
]
FilterOut = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="Filter to write (.safetensors).",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
TransferOption = Annotated[
    TransferName, typer.Option(help="To the series' angles, where they differ.")
]


def train(
    series: SeriesOptions,
    computing: ComputingOptions,
    kind: KindOptions,
    learning: LearningOptions,
    simulated: SimulatedOptions,
    out: FilterOut,
) -> None:
    """Learn a filter: on simulated volumes, or on a series from its held-out tilts.

    With a series nothing but its own tilts is used, unless --regenerate asks for simulated
    volumes projected at its angles. --filter and --weights are not used.
    """
    from napari_lbn.engine.device import choose_device
    from napari_lbn.engine.io import check_free_space
    from napari_lbn.engine.reconstruction.learned import (
        FilterConfig,
        LearnedFilter,
        save_filter,
        train_filter,
    )

    if out.suffix != SUFFIX:
        raise OutputError(f"--out: {out.name} does not end in {SUFFIX}.", "Filters are such files.")
    check_free_space(out.parent, 0)  # say now, not after the work
    settings = learning.training(str(choose_device(computing.device)))
    examples, origin = _examples(series, computing, simulated)
    config = FilterConfig(
        angles=tuple(examples[0].angles),
        shape=examples[0].tilts.shape[1:],
        variant=kind.variant.value,
        initial=kind.initial.value,
        padding=kind.padding,
    )
    model = LearnedFilter(config)
    history = run_job(train_filter(model, examples, settings), _Told(settings.steps))
    description = {"origin": origin, "training": repr(settings), "fidelity": history}
    tell_written([save_filter(out, model, description)])


def apply(
    series: SeriesOptions,
    computing: ComputingOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
    tomogram: TomogramOptions,
    using: FilterOption,
    transfer: TransferOption = TransferName.POLYNOMIAL,
) -> None:
    """Reconstruct a series with a learned filter. --filter is not used."""
    from napari_lbn.engine.reconstruction import WBPSettings
    from napari_lbn.engine.reconstruction.learned import filtered_source, load_filter

    from ..reconstruction.options import memory_bound
    from ..reconstruction.output import open_for_tomogram, write_tomogram

    require_lbn(augment, wedge)
    model, description = load_filter(using)
    opened = open_for_tomogram(series, computing, tomogram, [using])
    made = chosen_tilts(opened, computing, augment, wedge, resume=tomogram.resume)
    at_angles = _at_angles(model, made.source.angles, transfer)
    source = run_job(filtered_source(made.source, at_angles))
    device, bound = memory_bound(computing, made.held)
    settings = WBPSettings(
        thickness=made.thickness, filter="none", memory_bound=bound, device=device
    )
    record = {
        **made.record,
        "filter": using.name,
        "filter_sha256": hashlib.sha256(using.read_bytes()).hexdigest(),
        "filter_origin": description.get("origin"),
        "filter_transfer": None if at_angles is model else transfer.value,
    }
    lines = [
        header_line(opened, f"BP with a learned filter, {made.in_words}"),
        f"Filter {using.name}",
    ]
    tell_written(write_tomogram(source, settings, made.series, lines, tomogram, record))


def _examples(
    series: SeriesOptions, computing: ComputingOptions, simulated: SimulatedOptions
) -> tuple[list[Example], str]:
    """What to learn from, and where it comes from."""
    import numpy as np

    from napari_lbn.engine.reconstruction.learned import hold_out_examples, simulated_examples

    if series.series is None and not series.sample:
        typed = given(computing, but=NOT_OF_TILTS)
        refuse(typed, "without a series", "Give the series, or leave it out.")
        if simulated.regenerate:
            raise InputError("--regenerate: which series' angles?", "Give the series.")
        if not 0 < simulated.max_tilt <= 90:
            raise InputError(
                f"--max-tilt must be above 0° and at most 90°, not {simulated.max_tilt:g}."
            )
        angles = np.linspace(-simulated.max_tilt, simulated.max_tilt, simulated.tilts)
    else:
        opened = open_series(series)
        require_usable(opened)
        require_thickness(computing.thickness, opened)
        if not simulated.regenerate:
            refuse(given(simulated), "to a series' own tilts", "Leave it out, or --regenerate.")
            made = measured_tilts(opened, computing)
            tilts = made.source.read_rows(slice(0, made.source.shape_yx[0]))
            found = hold_out_examples(tilts, made.source.angles, made.thickness)
            return found, f"held-out tilts of {opened.name}"
        typed = [*given(computing, but=NOT_OF_TILTS)]
        typed += [name for name in given(simulated) if name in ("--tilts", "--max-tilt")]
        where = "with --regenerate, which simulates volumes of --size at the series' angles"
        refuse(typed, where, "Leave out what is named, or --regenerate.")
        angles = opened.included_angles
    shape, seeds = simulated.shape, range(1, simulated.volumes + 1)
    if not 0 < simulated.snr < math.inf:
        raise InputError(f"--snr must be above 0, not {simulated.snr:g}.")
    note(f"Simulating {simulated.volumes} volumes of {simulated.size} (z, y, x).")
    found = list(simulated_examples(seeds, shape, angles, snr=simulated.snr))
    return found, f"simulated volumes 1 to {simulated.volumes} of {simulated.size} (z, y, x)"


def _at_angles(
    model: LearnedFilter, angles: NDArray[np.float64], method: TransferName
) -> LearnedFilter:
    """The filter at these angles, transferred where they are not its own."""
    import numpy as np

    from napari_lbn.engine.reconstruction.learned import transfer

    own = np.asarray(model.config.angles)
    if own.shape == angles.shape and np.allclose(own, angles, atol=0.1):
        return model
    note(f"The filter was learned for {len(own)} other angles: {method.value} transfer.")
    return transfer(model, angles, method=method.value)


class _Told:
    """Says the misfit about ten times."""

    def __init__(self, total: int) -> None:
        self._every = max(total // 10, 1)

    def __call__(self, event: Event) -> None:
        from napari_lbn.engine.reconstruction.learned import FilterStep

        if isinstance(event, FilterStep) and event.step % self._every == 0:
            typer.echo(f"step {event.step}: misfit {event.fidelity:.4f}", err=True)


for _name, _command in (("train", train), ("apply", apply), ("show", show)):
    add_command(filter_app, _command)
