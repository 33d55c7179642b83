"""Public data: the paper's manifest, and downloads that go on where they broke off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.errors import Cancelled, DownloadError, OutputError
from napari_lbn.engine.events import Notice, Progress, drain
from napari_lbn.engine.training.manifest import PortalSeries, download, fetch, read_manifest
from napari_lbn.engine.training.manifest.transfer import RefusedError, part_of

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server(ThreadingHTTPServer):
    """Serves files; may break off after some bytes, or know nothing of ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/a/TS_1.mrc": CONTENT, "/a/TS_1.rawtlt": b"-60\n0\n60\n", "/a/x.json": b"{}"}
        self.break_after: int | None = None
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if not self.server.ranges:
            start, wanted = 0, None
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = self.server.break_after
        body = content[start:] if stop is None else content[start : start + stop]
        self.server.sent += len(body)  # before: the client may be done while this thread waits
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("napari_lbn.engine.training.manifest.transfer.PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def series(server: Server, **more) -> PortalSeries:
    values = {
        "dataset": 10004, "id": 1, "run": "Position 516", "stack": f"{server.url}/a/TS_1.mrc",
        "size": len(CONTENT), "angles": f"{server.url}/a/TS_1.rawtlt",
        "alignment": f"{server.url}/a/x.json",
    }  # fmt: skip
    return PortalSeries(**{**values, **more})


def test_the_manifest_is_the_papers() -> None:
    manifest = read_manifest()
    assert manifest.datasets == tuple(range(10000, 10049))
    assert set(manifest.held_out) == {10000, 10004, 10009, 10010, 10016}
    assert not set(manifest.held_out) & set(manifest.training)
    assert manifest.role(10004) == "held-out"
    assert manifest.role(10001) == "training"
    assert manifest.role(10301) == "other"
    assert "EMPIAR-10499" in manifest.related


def test_a_file_comes_whole(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "TS_1.mrc"
    counts = list(download(f"{server.url}/a/TS_1.mrc", path, size=len(CONTENT)))
    assert path.read_bytes() == CONTENT
    assert counts == sorted(counts)
    assert counts[-1] == len(CONTENT)
    assert [p.name for p in path.parent.iterdir()] == ["TS_1.mrc"]


def test_a_broken_line_is_gone_on_with_by_itself(server: Server, tmp_path: Path) -> None:
    server.break_after = 1_100_000
    path = tmp_path / "TS_1.mrc"
    list(download(f"{server.url}/a/TS_1.mrc", path, size=len(CONTENT)))
    assert path.read_bytes() == CONTENT
    assert server.sent == len(CONTENT)  # nothing came twice
    assert [r for _, r in server.asked] == [None, "bytes=1100000-", "bytes=2200000-"]


def test_a_line_that_keeps_breaking_is_told_and_the_next_run_goes_on(
    server: Server, tmp_path: Path
) -> None:
    server.break_after = 500_000
    path = tmp_path / "TS_1.mrc"
    with pytest.raises(DownloadError, match=r"broke off after 1\.5 MB.*goes on from there"):
        list(download(f"{server.url}/a/TS_1.mrc", path, size=len(CONTENT)))
    assert not path.exists()
    assert part_of(path).stat().st_size == 1_500_000
    server.break_after = None
    list(download(f"{server.url}/a/TS_1.mrc", path, size=len(CONTENT)))
    assert path.read_bytes() == CONTENT
    assert not part_of(path).exists()
    assert server.sent == len(CONTENT)


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    path = tmp_path / "TS_1.mrc"
    part_of(path).write_bytes(b"x" * 1000)
    list(download(f"{server.url}/a/TS_1.mrc", path))
    assert path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_starts_anew(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "TS_1.mrc"
    part_of(path).write_bytes(b"x" * (len(CONTENT) + 5))
    list(download(f"{server.url}/a/TS_1.mrc", path))
    assert path.read_bytes() == CONTENT


def test_an_error_page_is_no_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="404"):
        list(download(f"{server.url}/a/TS_2.mrc", tmp_path / "TS_2.mrc"))
    assert list(tmp_path.iterdir()) == []


def test_another_size_than_the_portal_tells_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="3000000 bytes where the portal tells of 17"):
        list(download(f"{server.url}/a/TS_1.mrc", tmp_path / "TS_1.mrc", size=17))
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_lbn.engine.training.manifest.transfer.PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadError, match="broke off after 0"):
        list(download("http://127.0.0.1:9/TS_1.mrc", tmp_path / "TS_1.mrc"))
    with pytest.raises(RefusedError, match="no address"):
        list(download("file:///etc/hostname", tmp_path / "hostname"))


def test_a_cancelled_download_keeps_what_came(server: Server, tmp_path: Path) -> None:
    cancel = threading.Event()
    path = tmp_path / "TS_1.mrc"
    stream = download(f"{server.url}/a/TS_1.mrc", path, cancel=cancel)
    came = next(stream)
    cancel.set()
    with pytest.raises(Cancelled):
        next(stream)
    assert not path.exists()
    assert part_of(path).read_bytes() == CONTENT[:came]


def test_a_series_lies_where_the_readers_look(server: Server, tmp_path: Path) -> None:
    events: list = []
    result = drain(fetch([series(server)], tmp_path), events.append)
    place = tmp_path / "held-out" / "10004" / "Position_516"
    assert {p.name for p in place.iterdir()} == {
        "TS_1.mrc", "TS_1.rawtlt", "TS_1_alignment.json",
    }  # fmt: skip
    assert result.files == (place / "TS_1_alignment.json",)
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_an_aligned_stack_is_opened_itself(server: Server, tmp_path: Path) -> None:
    result = drain(fetch([series(server, aligned=True, dataset=10001)], tmp_path))
    place = tmp_path / "training" / "10001" / "Position_516"
    assert result.files == (place / "TS_1.mrc",)
    assert {p.name for p in place.iterdir()} == {"TS_1.mrc", "TS_1.rawtlt"}


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    first = drain(fetch([series(server)], tmp_path))
    server.asked.clear()
    assert drain(fetch([series(server)], tmp_path)) == first
    assert server.asked == []


def test_one_refused_series_does_not_stop_the_others(server: Server, tmp_path: Path) -> None:
    gone = series(server, run="gone", stack=f"{server.url}/a/gone.mrc")
    events: list = []
    result = drain(fetch([gone, series(server)], tmp_path), events.append)
    assert result.failed == ("10004 gone",)
    assert [p.name for p in result.files] == ["TS_1_alignment.json"]
    assert sum(isinstance(e, Notice) and "404" in e.message for e in events) == 1


def test_names_of_the_portal_cannot_leave_the_folder(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    result = drain(fetch([series(server, run="../../evil", aligned=True)], folder))
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in result.files)
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_room_is_looked_at_before_anything_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="GB free"):
        drain(fetch([series(server, size=10**18)], tmp_path))
    assert server.asked == []
