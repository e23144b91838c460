"""Data sets are found, checked, and fetched whole or not at all."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache, download, registry

CONTENT = {"a.bin": b"a" * 100_000, "sub/b.bin": b"b" * 70_000}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files() -> list[dict[str, Any]]:
    return [{"path": p, "bytes": len(c), "sha256": sha256(c)} for p, c in CONTENT.items()]


class Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content: dict[str, bytes] = {f"/{path}": content for path, content in CONTENT.items()}
        self.asked: list[str] = []
        self.base = f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.content.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "RETRIES", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def toy(server: Server, empty_cache: Path, toy_registry: Callable[[dict[str, Any]], None]) -> Server:
    toy_registry({"toy": {"base": server.base, "files": files()}})
    return server


def everything(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def put(folder: Path, content: dict[str, bytes] = CONTENT) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_registry_is_whole() -> None:
    assert set(registry.names()) == {
        *("cifar10", "kriegeskorte2008", "cichy2016", "zhang2011", "cowley2023", "peterson2019"),
    }
    assert len(registry.data_set("zhang2011").files) == 132
    for name in registry.names():
        data = registry.data_set(name)
        assert data.licence
        assert data.citation
        assert data.bytes > 0
        for file in data.downloads:
            assert file.address is not None
            assert file.address.startswith("https://")
        for file in (*data.files, *data.downloads, *data.same_as):
            assert len(file.hash) == {"sha256": 64, "md5": 32}[file.algorithm]
            assert int(file.hash, 16)
            assert not Path(file.path).is_absolute()
            assert ".." not in Path(file.path).parts
        assert len({file.path for file in data.files}) == len(data.files)


@pytest.mark.parametrize("name", sorted(registry.names()))
def test_what_is_here_is_what_the_registry_promises(needs: Callable[[str], Path], name: str) -> None:
    folder = needs(name)  # skips where the set is not here
    assert cache.path(name) == folder


def test_unknown_name() -> None:
    with pytest.raises(DataError, match=r"no data set 'cowley'; did you mean cowley2023\?"):
        cache.find("cowley")
    with pytest.raises(DataError, match="no data set 'xyz'; there are cifar10, "):
        cache.get("xyz")


def test_search_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, os.pathsep.join([str(tmp_path), "", "~/x"]))
    assert cache.search_path() == (tmp_path, Path.home() / "x")
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.search_path() == (tmp_path / "ventralrnn",)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.search_path() == (Path.home() / ".cache" / "ventralrnn",)


def test_all_folders_are_searched(toy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    assert cache.find("toy") is None
    put(tmp_path / "one/toy", {"a.bin": CONTENT["a.bin"]})
    assert cache.find("toy") is None
    assert cache.file_path("toy", "a.bin") == tmp_path / "one/toy/a.bin"
    put(tmp_path / "two/toy")
    assert cache.find("toy") == cache.folder("toy") == cache.path("toy") == cache.get("toy") == tmp_path / "two/toy"
    assert cache.missing("toy") == ()
    assert toy.asked == []


def test_a_missing_set_says_how_to_get_it(toy: Server, empty_cache: Path) -> None:
    for call in (lambda: cache.path("toy"), lambda: cache.folder("toy"), lambda: cache.file_path("toy", "a.bin")):
        with pytest.raises(DataError, match=rf"toy is not here \(looked in {empty_cache}\).*`ventralrnn data get toy`"):
            call()
    with pytest.raises(DataError, match=r"toy has no file 'c\.bin'"):
        cache.file_path("toy", "c.bin")


def test_a_wrong_file_is_named_with_both_hashes(toy: Server, empty_cache: Path) -> None:
    put(empty_cache / "toy", {**CONTENT, "sub/b.bin": b"wrong"})
    expected = (
        rf"toy/sub/b\.bin: not the file it should be: sha256 {sha256(CONTENT['sub/b.bin'])} expected, "
        rf"{sha256(b'wrong')} found \(70000 bytes expected, 5 found\); delete it"
    )
    for call in (lambda: cache.path("toy"), lambda: cache.get("toy")):
        with pytest.raises(DataError, match=expected):
            call()
    assert cache.file_path("toy", "a.bin").exists()


def test_a_checked_file_that_changes_is_checked_again(toy: Server, empty_cache: Path) -> None:
    put(empty_cache / "toy")
    file = cache.path("toy") / "a.bin"
    file.write_bytes(b"A" * 100_000)
    os.utime(file, ns=(0, 1))
    with pytest.raises(DataError, match="not the file it should be"):
        cache.path("toy")


def test_get_downloads_what_is_missing(toy: Server, empty_cache: Path) -> None:
    came: list[int] = []
    assert cache.get("toy", came.append) == empty_cache / "toy"
    assert everything(empty_cache) == {"toy/a.bin", "toy/sub/b.bin"}
    assert (empty_cache / "toy/a.bin").stat().st_mode & 0o777 == 0o644
    assert sum(came) == 170_000
    (empty_cache / "toy/a.bin").unlink()
    cache.get("toy")
    assert toy.asked == ["/a.bin", "/sub/b.bin", "/a.bin"]


def test_a_download_that_is_not_what_it_should_be_leaves_nothing(toy: Server, empty_cache: Path) -> None:
    toy.content["/a.bin"] = b"a login page"
    with pytest.raises(
        DataError, match=r"toy cannot be downloaded .*does not match.*save http://127\.0\.0\.1:.*/a\.bin"
    ):
        cache.get("toy")
    assert everything(empty_cache) == set()


def test_a_server_that_does_not_have_it(toy: Server, empty_cache: Path) -> None:
    del toy.content["/sub/b.bin"]
    with pytest.raises(DataError, match=r"the server answered 404 Not Found\).*save http://.*/sub/b\.bin as"):
        cache.get("toy")
    assert everything(empty_cache) == {"toy/a.bin"}


def test_no_network(
    empty_cache: Path, toy_registry: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RETRIES", 0)
    toy_registry({"toy": {"base": "http://127.0.0.1:9/data/", "files": files()}})
    expected = (
        r"toy cannot be downloaded \(no connection to the server\)\. To put it in place by hand, save "
        rf"http://127\.0\.0\.1:9/data/a\.bin as {empty_cache}/toy/a\.bin; "
        rf"http://127\.0\.0\.1:9/data/sub/b\.bin as {empty_cache}/toy/sub/b\.bin$"
    )
    with pytest.raises(DataError, match=expected):
        cache.get("toy")
    assert everything(empty_cache) == set()


def test_many_files_are_not_all_listed(
    empty_cache: Path, toy_registry: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RETRIES", 0)
    many = [{"path": f"{i}.bin", "bytes": 1, "sha256": "0" * 64} for i in range(9)]
    toy_registry({"toy": {"base": "http://127.0.0.1:9/", "files": many}})
    with pytest.raises(DataError, match=r"and 6 more, listed by `ventralrnn data list --json`$"):
        cache.get("toy")


def test_a_cache_that_cannot_be_made(toy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/toy: cannot be made .*let \$VENTRALRNN_DATA begin with"):
        cache.get("toy")


def test_an_interrupted_download_leaves_nothing(toy: Server, empty_cache: Path) -> None:
    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("toy", interrupt)
    assert everything(empty_cache) == set()


def archive(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def packed(server: Server, content: bytes) -> dict[str, Any]:
    server.content["/toy.tar.gz"] = content
    whole = {"path": "toy.tar.gz", "bytes": len(content), "sha256": sha256(content)}
    return {"toy": {"base": server.base, "archive": whole, "files": files()}}


def test_an_archive_gives_its_known_files_only(
    server: Server, empty_cache: Path, toy_registry: Callable[[dict[str, Any]], None]
) -> None:
    toy_registry(packed(server, archive({**CONTENT, "../evil.txt": b"x", "readme.txt": b"x"})))
    assert cache.get("toy") == empty_cache / "toy"
    assert everything(empty_cache) == {"toy/a.bin", "toy/sub/b.bin"}
    assert {p.name for p in (empty_cache / "toy").iterdir()} == {"a.bin", "sub"}


def test_an_archive_that_was_put_there_by_hand_is_used(
    server: Server, empty_cache: Path, toy_registry: Callable[[dict[str, Any]], None]
) -> None:
    content = archive(CONTENT)
    toy_registry(packed(server, content))
    put(empty_cache / "toy", {"toy.tar.gz": content})
    cache.get("toy")
    assert server.asked == []
    put(empty_cache / "toy", {"toy.tar.gz": b"half"})
    (empty_cache / "toy/a.bin").unlink()
    with pytest.raises(DataError, match=r"toy\.tar\.gz: not the file it should be"):
        cache.get("toy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive({"a.bin": CONTENT["a.bin"]}), r"toy\.tar\.gz: cannot be unpacked .*sub/b\.bin"),
        (archive({**CONTENT, "a.bin": b"other"}), "not the file it should be"),
        (archive(CONTENT)[:200], r"toy\.tar\.gz: cannot be unpacked"),
        (b"not an archive", r"toy\.tar\.gz: cannot be unpacked"),
    ],
)
def test_an_archive_that_does_not_hold_the_files(
    server: Server,
    empty_cache: Path,
    toy_registry: Callable[[dict[str, Any]], None],
    content: bytes,
    words: str,
) -> None:
    toy_registry(packed(server, content))
    with pytest.raises(DataError, match=words):
        cache.get("toy")
    assert everything(empty_cache) <= {"toy/toy.tar.gz"}
