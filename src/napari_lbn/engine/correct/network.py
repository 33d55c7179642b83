"""The network that a correction uses: the weights as they are, or adapted to the series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import Notice
from ..io.weights.file import load_network
from ..training.adaptation import adapt

if TYPE_CHECKING:
    from ..events import CancelToken, Job
    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .plan import CorrectionPlan
    from .settings import CorrectionSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadyNetwork:
    """A network on the CPU, and what a provenance says about it.

    Attributes
    ----------
    network : LBN
    adaptation : dict or None
        How it was adapted to the series; None where nobody asked for it.
    """

    network: LBN
    adaptation: dict[str, Any] | None = None


def ready_network(
    working: TiltSeries,
    chosen: CorrectionPlan,
    settings: CorrectionSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[ReadyNetwork]:
    """Load the weights, and adapt them to the included tilts where the settings ask for it.

    Parameters
    ----------
    working : TiltSeries
        Binned as the plan says.
    chosen : CorrectionPlan
        Which weights.
    settings : CorrectionSettings
        Whether and how long to adapt.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Yields
    ------
    Progress, AdaptationScored, Notice
    """
    network = load_network(chosen.weights)
    if not settings.adapt_minutes:
        return ReadyNetwork(network=network)
    job = adapt(working, network, settings.for_adaptation(), fractions=fractions, cancel=cancel)
    adapted = yield from job
    yield Notice(message=adapted.sentence, severity="information")
    return ReadyNetwork(network=adapted.network, adaptation=adapted.record)
