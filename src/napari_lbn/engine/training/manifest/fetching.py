"""Fetch tilt series of the portal into a folder that a training reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...events import CancelToken, Job, Notice, Progress
from ...io.files.atomic import check_free_space, ensure_folder
from .read import Manifest, read_manifest
from .transfer import RefusedError, download, part_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .portal import PortalSeries

UNKNOWN_SIZE = 1 << 30
"""Bytes that a stack is taken for, in the progress, where the portal does not tell."""


@dataclass(frozen=True, kw_only=True)
class FetchResult:
    """What was fetched.

    Attributes
    ----------
    files : tuple of Path
        What to open, one a series: the aligned stack, or the alignment of a raw one.
    failed : tuple of str
        Series that the server refused.
    """

    files: tuple[Path, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Where a series goes."""

    stack: Path
    angles: Path | None
    alignment: Path | None

    @property
    def opened(self) -> Path:
        return self.stack if self.alignment is None else self.alignment


def fetch(
    series: Sequence[PortalSeries],
    folder: Path,
    *,
    manifest: Manifest | None = None,
    cancel: CancelToken | None = None,
) -> Job[FetchResult]:
    """Fetch tilt series with their angles and alignments.

    Each goes to ``FOLDER/ROLE/DATASET/RUN/``; files that are there are kept, half-done ones
    gone on with.

    Parameters
    ----------
    series : sequence of PortalSeries
        Of any data sets.
    folder : Path
        Made if absent.
    manifest : Manifest, optional
        Tells roles; the paper's by default.
    cancel : CancelToken, optional
        Ends it with `Cancelled`; what has come is kept.

    Yields
    ------
    Progress, Notice
        A `Notice` for each series that the server refuses.

    Raises
    ------
    DownloadError
        The network fails.
    OutputError
        Too little room, or the folder cannot be written.
    """
    manifest = manifest or read_manifest()
    ensure_folder(folder)
    places = [(one, files_of(one, folder, manifest)) for one in series]
    check_free_space(folder, sum(_missing(one, files) for one, files in places))
    total = sum(one.size or UNKNOWN_SIZE for one in series) or 1
    before, opened, failed = 0, [], []
    for number, (one, files) in enumerate(places, 1):
        size = one.size or UNKNOWN_SIZE
        try:
            for done in _fetch_one(one, files, cancel):
                yield Progress(
                    stage=f"Fetching {one.dataset} {one.run} ({number} of {len(series)})",
                    done=done,
                    total=size,
                    fraction=min((before + min(done, size)) / total, 1.0),
                )
            opened.append(files.opened)
        except RefusedError as error:
            failed.append(f"{one.dataset} {one.run}")
            yield Notice(message=str(error))
        before += size
    return FetchResult(files=tuple(opened), failed=tuple(failed))


def files_of(one: PortalSeries, folder: Path, manifest: Manifest) -> _Files:
    """Names that the reader takes for one series."""
    place = folder / manifest.role(one.dataset) / str(one.dataset) / _safe(one.run)
    stem = _safe(_name(one.stack).stem)
    raw = one.alignment is not None and not one.aligned
    return _Files(
        stack=place / f"{stem}.mrc",
        angles=place / f"{stem}{_name(one.angles).suffix or '.tlt'}" if one.angles else None,
        alignment=place / f"{stem}_alignment.json" if raw else None,
    )


def _fetch_one(one: PortalSeries, files: _Files, cancel: CancelToken | None) -> Iterator[int]:
    """Small files first: where the stack is, all is. Yields bytes of the stack."""
    for url, path in ((one.angles, files.angles), (one.alignment, files.alignment)):
        if url is not None and path is not None and not path.exists():
            for _ in download(url, path, cancel=cancel):
                pass
    if not files.stack.exists():
        yield from download(one.stack, files.stack, size=one.size, cancel=cancel)
    else:
        yield one.size or UNKNOWN_SIZE


def _missing(one: PortalSeries, files: _Files) -> int:
    if one.size is None or files.stack.exists():
        return 0
    part = part_of(files.stack)
    return max(one.size - (part.stat().st_size if part.exists() else 0), 0)


def _name(url: str) -> PurePosixPath:
    return PurePosixPath(unquote(urlsplit(url).path))


def _safe(name: str) -> str:
    """A name of a folder or file and nothing else."""
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "unnamed"
