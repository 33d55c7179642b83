"""Weights from an address, held against a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from napari_lbn.engine.errors import Cancelled, InputError, OutputError, WeightsError
from napari_lbn.engine.events import CancelToken
from napari_lbn.engine.io.weights import address as weights_address
from napari_lbn.engine.io.weights.address import CACHE_VARIABLE, cached_file, fetch_weights
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.find import find_weights
from napari_lbn.engine.io.weights.info import read_weights_info


class Handler(BaseHTTPRequestHandler):
    """Serves one blob whole, in part, with an error, or not at all."""

    def __init__(self, blob: bytes, asked: list[str], *arguments: object) -> None:
        self.blob, self.asked = blob, asked
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/absent"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.blob)))
        self.end_headers()
        part = self.blob[: len(self.blob) // 2] if "broken" in self.path else self.blob
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def asked() -> list[str]:
    """Paths that the server was asked for."""
    return []


@pytest.fixture
def server(small_weights: Path, asked: list[str]) -> Iterator[str]:
    """Address of a server that has the small weights under every name."""
    handler = partial(Handler, small_weights.read_bytes(), asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture
def sha256(small_weights: Path) -> str:
    """Of the small weights."""
    return hashlib.sha256(small_weights.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def test_downloaded_once_and_loaded(server: str, sha256: str, asked: list[str]) -> None:
    address = f"{server}/models/mine.safetensors?download=1#sha256={sha256}"
    fractions: list[float] = []
    path = fetch_weights(address, on_progress=fractions.append)
    assert fractions[-1] == 1.0
    assert path.name == f"mine-{sha256[:12]}.safetensors"
    load_network(read_weights_info(path))
    assert find_weights(address) == path
    assert find_weights(address.replace("sha256=", "")) == path
    assert len(asked) == 1


def test_cached_weights_need_no_server(small_weights: Path, sha256: str) -> None:
    address = f"http://127.0.0.1:9/mine.safetensors#sha256={sha256}"
    target = cached_file(address)
    target.parent.mkdir(parents=True)
    target.write_bytes(small_weights.read_bytes())
    assert find_weights(address) == target


def test_a_damaged_cache_is_downloaded_again(server: str, sha256: str) -> None:
    address = f"{server}/mine.safetensors#sha256={sha256}"
    path = find_weights(address)
    path.write_bytes(path.read_bytes()[:-9])
    assert hashlib.sha256(find_weights(address).read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize(
    ("page", "message"),
    [("broken.safetensors", "broke off"), ("absent", "answered 404")],
)
def test_failed_downloads_leave_nothing(
    server: str, sha256: str, cache: Path, page: str, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        find_weights(f"{server}/{page}#sha256={sha256}")
    assert list(cache.iterdir()) == []


def test_a_wrong_hash_leaves_nothing(server: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match="another hash than 0000"):
        find_weights(f"{server}/mine.safetensors#sha256={'0' * 64}")
    assert list(cache.iterdir()) == []


def test_no_server(sha256: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match="no connection") as caught:
        find_weights(f"http://127.0.0.1:9/mine.safetensors#sha256={sha256}")
    assert "online" in caught.value.remedy
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("fragment", ["", "#", "#sha256=12", "#md5=" + "0" * 32])
def test_an_address_needs_its_hash(fragment: str, asked: list[str]) -> None:
    with pytest.raises(InputError, match="hash"):
        find_weights(f"https://example.org/mine.safetensors{fragment}")
    assert asked == []


def test_a_cancelled_download_leaves_nothing(server: str, sha256: str, cache: Path) -> None:
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(Cancelled):
        fetch_weights(f"{server}/mine.safetensors#sha256={sha256}", cancel=cancel)
    assert list(cache.iterdir()) == []


def test_a_cache_that_is_a_file(server: str, sha256: str, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(OutputError, match="not a folder"):
        find_weights(f"{server}/mine.safetensors#sha256={sha256}")


def test_names_in_the_cache_are_harmless(sha256: str, cache: Path) -> None:
    for tail in ("..%2F..%2Fevil", "", "a b;c.safetensors", "ä" * 300):
        target = weights_address.cached_file(f"https://example.org/{tail}#{sha256}")
        assert target.parent == cache
        assert len(target.name) < 120
        assert target.name.isascii()
