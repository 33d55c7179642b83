"""Options of `napari-lbn filter`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction.learned import FilterTraining

FILTER, LEARNING, SIMULATION = "Filter", "Learning", "Simulated volumes"


class VariantName(StrEnum):
    """Variants of the learned filter."""

    TILT_2D = "tilt-2d"
    THREE_D = "3d"
    SEPARABLE = "separable"
    TILT_1D = "tilt-1d"
    PLANE_2D = "plane-2d"
    RADIAL = "radial"


class InitialName(StrEnum):
    """Where the filter starts."""

    RAMP = "ramp"
    ZERO = "zero"
    SYMMETRIC_RAMP = "symmetric-ramp"


class LossName(StrEnum):
    """Fidelity terms."""

    MSE = "mse"
    HUBER = "huber"


@dataclass(frozen=True, kw_only=True)
class KindOptions:
    """Which filter."""

    variant: Annotated[
        VariantName, typer.Option(help="What the filter depends on.", rich_help_panel=FILTER)
    ] = VariantName.TILT_2D
    initial: Annotated[
        InitialName, typer.Option(help="Where it starts.", rich_help_panel=FILTER)
    ] = InitialName.RAMP
    padding: Annotated[
        bool,
        typer.Option(
            "--padding", help="Mirror tilts beyond their edges first.", rich_help_panel=FILTER
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class LearningOptions:
    """How it is learned."""

    steps: Annotated[int, typer.Option(min=1, help="Updates.", rich_help_panel=LEARNING)] = 200
    rate: Annotated[
        float, typer.Option(help="Learning rate of AdamW.", rich_help_panel=LEARNING)
    ] = 2e-2
    constant_rate: Annotated[
        bool,
        typer.Option(
            "--constant-rate", help="Do not let the rate fall to 0.", rich_help_panel=LEARNING
        ),
    ] = False
    even_steps: Annotated[
        bool,
        typer.Option(
            "--even-steps",
            help="Steps as long at low frequencies as at high ones.",
            rich_help_panel=LEARNING,
        ),
    ] = False
    weight_decay: Annotated[float, typer.Option(help="Of AdamW.", rich_help_panel=LEARNING)] = 0.0
    rows: Annotated[
        int, typer.Option(min=1, help="Rows of y in an update.", rich_help_panel=LEARNING)
    ] = 16
    loss: Annotated[LossName, typer.Option(help="Fidelity term.", rich_help_panel=LEARNING)] = (
        LossName.MSE
    )
    tv_filter: Annotated[
        float, typer.Option(help="Weight of TV(filter).", rich_help_panel=LEARNING)
    ] = 0.0
    tv_volume: Annotated[
        float, typer.Option(help="Weight of TV(volume).", rich_help_panel=LEARNING)
    ] = 0.0
    tv_filtered: Annotated[
        float, typer.Option(help="Weight of TV(filtered tilts).", rich_help_panel=LEARNING)
    ] = 0.0
    isotropic: Annotated[
        bool,
        typer.Option(
            "--isotropic",
            help="TV as the gradient's length (11), not its parts' sum (10).",
            rich_help_panel=LEARNING,
        ),
    ] = False

    def training(self, device: str) -> FilterTraining:
        """Settings of the engine."""
        from napari_lbn.engine.reconstruction.learned import FilterTraining, LossSettings

        return FilterTraining(
            steps=self.steps,
            learning_rate=self.rate,
            falling_rate=not self.constant_rate,
            even_steps=self.even_steps,
            weight_decay=self.weight_decay,
            rows=self.rows,
            device=device,
            loss=LossSettings(
                fidelity=self.loss.value,
                tv_filter=self.tv_filter,
                tv_volume=self.tv_volume,
                tv_filtered=self.tv_filtered,
                form="isotropic" if self.isotropic else "anisotropic",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class SimulatedOptions:
    """Volumes to learn from where no series is given."""

    volumes: Annotated[int, typer.Option(min=1, help="How many.", rich_help_panel=SIMULATION)] = 9
    size: Annotated[
        str, typer.Option(metavar="Z,Y,X", help="Pixels.", rich_help_panel=SIMULATION)
    ] = "32,64,96"
    tilts: Annotated[
        int, typer.Option(min=2, help="Tilts of each.", rich_help_panel=SIMULATION)
    ] = 61
    max_tilt: Annotated[
        float, typer.Option(help="Largest tilt, degrees.", rich_help_panel=SIMULATION)
    ] = 60.0
    snr: Annotated[
        float, typer.Option(help="Of the untilted projection.", rich_help_panel=SIMULATION)
    ] = 0.5
    regenerate: Annotated[
        bool,
        typer.Option(
            "--regenerate",
            help="With a series: simulated volumes, projected at its angles.",
            rich_help_panel=SIMULATION,
        ),
    ] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x).

        Raises
        ------
        InputError
            Not three numbers of at least 8.
        """
        try:
            z, y, x = (int(part) for part in self.size.split(","))
        except ValueError:
            raise InputError(
                f"--size: {self.size!r} is not three numbers z,y,x.", "Write it like 32,64,96."
            ) from None
        if min(z, y, x) < 8:
            raise InputError(f"--size: {self.size} is too small.", "Give at least 8 pixels.")
        return z, y, x
