"""Weights from an address: downloaded once, held to their hash, kept in the user's cache."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...errors import InputError, WeightsError
from ...events import CancelToken, raise_if_cancelled
from ..files.atomic import ensure_folder, output_errors
from .info import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE_VARIABLE = "NAPARI_LBN_CACHE"
"""Environment variable that names another folder for downloaded weights."""
TIMEOUT = 30.0
"""Seconds without an answer or a byte after which a download is given up."""
_HASH = re.compile(r"(?:sha256[=:])?([0-9a-fA-F]{64})")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def is_address(name: object) -> bool:
    """Whether weights are named by an address of the web."""
    return str(name).lower().startswith(("http://", "https://"))


def cache_folder() -> Path:
    """Where downloaded weights are kept."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("napari-lbn") / "weights"


def split_address(address: str) -> tuple[str, str]:
    """The address without its hash, and the hash (SHA-256, 64 small hexadecimal digits).

    Raises
    ------
    InputError
        No hash: what comes from an address could be anything.
    """
    url, _, fragment = address.strip().partition("#")
    found = _HASH.fullmatch(fragment.strip())
    if found is None:
        lacks = "that of this one is no SHA-256" if fragment else "this one has none"
        raise InputError(
            f"{address}: weights from an address need their hash, and {lacks}.",
            "Add it as whoever published them tells it: https://…/name.safetensors#sha256=<64 "
            "hexadecimal digits>.",
        )
    return url, found.group(1).lower()


def cached_file(address: str) -> Path:
    """Where the weights of an address are, or will be, on this machine."""
    url, sha256 = split_address(address)
    name = _UNFIT.sub("_", Path(unquote(urlsplit(url).path)).name).removesuffix(SUFFIX)
    return cache_folder() / f"{name[:80] or 'weights'}-{sha256[:12]}{SUFFIX}"


def fetch_weights(
    address: str,
    *,
    on_progress: Callable[[float], object] | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """The weights of an address: from the cache where they are intact, else downloaded.

    Parameters
    ----------
    address : str
        ``https://…#sha256=…``.
    on_progress : callable, optional
        Takes the fraction downloaded, where the server tells the size.
    cancel : CancelToken, optional
        Ends the download with `Cancelled`.

    Returns
    -------
    Path
        The file has the hash that was asked for.

    Raises
    ------
    InputError
        No hash in the address.
    WeightsError
        No connection, no such file, a download that broke off, or another hash; nothing
        half-downloaded is left.
    OutputError
        The cache cannot be written to.
    """
    import pooch
    from requests import exceptions

    url, sha256 = split_address(address)
    target = cached_file(address)
    ensure_folder(target.parent)
    pooch.get_logger().setLevel(logging.WARNING)
    loader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=_Bar(on_progress, cancel))
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=loader,
        )
    except (
        exceptions.RequestException
    ) as error:  # first: it is an OSError and at times a ValueError
        raise _translated(url, error) from error
    except ValueError as error:
        raise WeightsError(
            f"{url}: what came has another hash than {sha256[:12]}…, so it is not these weights.",
            "Check address and hash with whoever published them. Nothing was kept.",
        ) from error
    except OSError as error:
        with output_errors(target):
            raise error from None
    return target


def _translated(url: str, error: Exception) -> WeightsError:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        status = f"{error.response.status_code} {error.response.reason}"
        return WeightsError(f"{url}: the server answered {status}.", "Check the address.")
    if isinstance(error, exceptions.Timeout):
        return WeightsError(f"{url}: the server does not answer.", "Try again later.")
    if isinstance(error, (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)):
        return WeightsError(f"{url}: the download broke off.", "Try again. Nothing was kept.")
    if isinstance(error, exceptions.ConnectionError):
        return WeightsError(
            f"{url}: no connection, or it broke off.",
            "Is this machine online? Else download the file elsewhere and give its path.",
        )
    return WeightsError(f"{url} cannot be downloaded: {error}.", "Check the address.")


class _Bar:
    """What pooch takes for a progress bar; it also ends the download."""

    def __init__(
        self, on_progress: Callable[[float], object] | None, cancel: CancelToken | None
    ) -> None:
        self.total = 0
        self._done = 0
        self._on_progress, self._cancel = on_progress, cancel

    def update(self, count: int) -> None:
        """Some bytes have come."""
        raise_if_cancelled(self._cancel)
        self._done += count
        if self._on_progress is not None and self.total:
            self._on_progress(min(self._done / self.total, 1.0))

    def reset(self) -> None:
        """Before the last call of `update`, which then tells the whole size."""
        self._done = 0

    def close(self) -> None:
        """The end."""
