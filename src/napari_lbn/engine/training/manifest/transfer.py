"""Files over HTTP: there whole or not at all, and half-done ones gone on with.

The portal's client starts every file anew, writes it under its own name while it comes, and
takes an error page for the file; series of gigabytes need better.
"""

from __future__ import annotations

import http.client
import os
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ...errors import DownloadError
from ...events import CancelToken, raise_if_cancelled
from ...io.files.atomic import check_free_space, ensure_folder, output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 1 << 20
ATTEMPTS = 3
PAUSE = 2.0
"""Seconds between attempts."""
TIMEOUT = 60.0
"""Seconds without an answer."""
PARTIAL, UNSATISFIABLE = 206, 416


class RefusedError(DownloadError):
    """The server does not give this file; trying again will not help."""


def part_of(path: Path) -> Path:
    """Where a file lies while it is not whole."""
    return path.with_name(f".{path.name}.part")


def download(
    url: str, path: Path, *, size: int | None = None, cancel: CancelToken | None = None
) -> Iterator[int]:
    """Fetch a file, going on where an earlier attempt stopped.

    Parameters
    ----------
    url : str
        ``http`` or ``https``.
    path : Path
        Renamed to at the end; until then the file lies beside it (`part_of`), and stays there
        if the network fails.
    size : int, optional
        Bytes that it must have.
    cancel : CancelToken, optional
        Ends it with `Cancelled`; what has come is kept.

    Yields
    ------
    int
        Bytes that are there.

    Raises
    ------
    RefusedError
        No such file at the server.
    DownloadError
        The network fails, or the file has another size.
    OutputError
        The disk is full or read-only.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise RefusedError(f"{url} is no address of a file.")
    ensure_folder(path.parent)
    part = part_of(path)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            yield from _receive(url, part, size, cancel)
            break
        except HTTPError as error:
            raise RefusedError(f"{url}: the server says {error.code} {error.reason}.") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS:
                came = part.stat().st_size if part.exists() else 0
                raise DownloadError(
                    f"{url} broke off after {came / 1e6:.1f} MB: {error}",
                    "Run the same command again: it goes on from there.",
                ) from error
            time.sleep(PAUSE)
    with output_errors(path):
        os.replace(part, path)


def _receive(url: str, part: Path, size: int | None, cancel: CancelToken | None) -> Iterator[int]:
    """One attempt; an OSError here is the network's, those of the disk are translated."""
    done = part.stat().st_size if part.exists() else 0
    if size is not None and done == size:
        yield done
        return
    request = Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    try:
        response = urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except HTTPError as error:
        if error.code != UNSATISFIABLE:
            raise
        part.unlink(missing_ok=True)  # more than the server has: another file
        raise ConnectionError("the file at the server has changed") from error
    with response:
        if response.status != PARTIAL:
            done = 0  # all of it comes again
        length = response.headers.get("Content-Length")
        total = size if length is None else done + int(length)
        if size is not None and total != size:
            part.unlink(missing_ok=True)
            raise RefusedError(f"{url} has {total} bytes where the portal tells of {size}.")
        check_free_space(part.parent, (total or 0) - done)
        with output_errors(part):
            stream = part.open("r+b" if done else "wb")
        with stream:
            stream.seek(done)
            while block := response.read(BLOCK):
                raise_if_cancelled(cancel)
                with output_errors(part):
                    stream.write(block)
                    stream.flush()
                done += len(block)
                yield done
    if total is not None and done != total:
        raise ConnectionError(f"{done} of {total} bytes came")
