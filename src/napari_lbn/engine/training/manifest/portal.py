"""What the CryoET Data Portal has, asked through its own client (`cryoet-data-portal`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import DownloadError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class PortalDataset:
    """A data set of the portal."""

    id: int
    title: str
    organism: str


@dataclass(frozen=True, kw_only=True)
class PortalSeries:
    """A tilt series of the portal.

    Attributes
    ----------
    dataset, id : int
        Numbers of the portal.
    run : str
        The portal's name for one specimen area.
    stack, angles, alignment : str or None
        Addresses: MRC file, list of angles, alignment.
    size : int or None
        Bytes of the stack.
    pixel_size : float or None
        Å.
    aligned : bool
        Whether the stack is aligned as it is.
    """

    dataset: int
    id: int
    run: str
    stack: str
    size: int | None = None
    angles: str | None = None
    alignment: str | None = None
    pixel_size: float | None = None
    aligned: bool = False


class Portal:
    """The portal, as its client sees it.

    Raises
    ------
    InputError
        The client is not installed.
    """

    def __init__(self) -> None:
        try:
            import cryoet_data_portal
        except ImportError as error:
            raise InputError(
                "The client of the CryoET Data Portal is not installed.",
                "pip install 'napari-lbn[portal]'",
            ) from error
        self._portal: Any = cryoet_data_portal
        self._client = cryoet_data_portal.Client()

    def datasets(self, ids: Sequence[int]) -> list[PortalDataset]:
        """Those of these data sets that the portal has.

        Raises
        ------
        DownloadError
            The portal cannot be reached.
        """
        kind = self._portal.Dataset
        found = self._find(kind, kind.id._in(list(ids)))
        return [
            PortalDataset(id=one.id, title=one.title or "", organism=one.organism_name or "")
            for one in sorted(found, key=lambda one: one.id)
        ]

    def series(self, dataset: int) -> list[PortalSeries]:
        """The tilt series of a data set that have an MRC file, by run.

        Raises
        ------
        DownloadError
            The portal cannot be reached.
        InputError
            It has no such data set, or no tilt series of it.
        """
        portal = self._portal
        names = {
            run.id: run.name for run in self._find(portal.Run, portal.Run.dataset_id == dataset)
        }
        found = self._find(portal.TiltSeries, portal.TiltSeries.run.dataset_id == dataset)
        made = self._find(portal.Alignment, portal.Alignment.run.dataset_id == dataset)
        series = [
            _series(one, dataset, names[one.run_id], made) for one in found if one.https_mrc_file
        ]
        if not series:
            raise InputError(
                f"The CryoET Data Portal has no tilt series of data set {dataset}.",
                "napari-lbn data list --online tells what it has.",
            )
        return sorted(series, key=lambda one: (one.run, one.id))

    def _find(self, kind: Any, condition: Any) -> list[Any]:
        try:
            return list(kind.find(self._client, [condition]))
        except _network_errors() as error:
            raise DownloadError(
                f"The CryoET Data Portal cannot be reached: {error}",
                "Look at the network, and run the same command again.",
            ) from error


def _series(one: Any, dataset: int, run: str, alignments: Sequence[Any]) -> PortalSeries:
    own = [a for a in alignments if a.tiltseries_id == one.id and a.https_alignment_metadata]
    # the portal's own standard first; local alignments are not applied in any case
    own.sort(key=lambda a: (not a.is_portal_standard, a.alignment_type != "GLOBAL", a.id))
    return PortalSeries(
        dataset=dataset,
        id=one.id,
        run=run,
        stack=one.https_mrc_file,
        size=int(one.file_size_mrc) if one.file_size_mrc else None,
        angles=one.https_angle_list or None,
        alignment=own[0].https_alignment_metadata if own else None,
        pixel_size=one.pixel_spacing or None,
        aligned=bool(one.is_aligned),
    )


def _network_errors() -> tuple[type[Exception], ...]:
    """The operating system's, and what the client's transport raises beside them."""
    try:
        from gql.transport.exceptions import TransportError
    except ImportError:
        return (OSError,)
    return (OSError, TransportError)
