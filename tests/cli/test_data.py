"""The command ``ventralrnn data``."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ventralrnn.cli.data import HOLDS
from ventralrnn.cli.main import main
from ventralrnn.stimuli import cache, download, registry


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["data", *arguments])
    return int(ended.value.code or 0)


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry._registry()["peterson2019"]
    file = real.files[0]
    moved = registry.DataFile(file.path, file.algorithm, file.hash, file.bytes, "http://127.0.0.1:9/counts.npy")
    fields = {**vars(real), "files": (moved,)}
    monkeypatch.setattr(registry, "_registry", lambda: {"peterson2019": registry.DataSet(**fields)})
    monkeypatch.setattr(download, "RETRIES", 0)


def test_list_fits_the_screen_and_says_what_matters(capsys: pytest.CaptureFixture[str], empty_cache: Path) -> None:
    assert run("list") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-1])) <= 100
    for name in registry.names():
        data = registry.data_set(name)
        flat = " ".join(out.split())
        assert f"{name} {data.bytes / 1e6:.1f} MB missing" in flat
        assert f"Licence: {data.licence}." in flat
        assert f"Cite: {data.citation}." in flat
    assert str(empty_cache) in out.splitlines()[-1]


def test_list_says_what_is_here(capsys: pytest.CaptureFixture[str], empty_cache: Path) -> None:
    (empty_cache / "peterson2019").mkdir(parents=True)
    (empty_cache / "peterson2019/cifar10h-counts.npy").write_bytes(b"x")
    assert run("list") == 0
    assert f"here: {empty_cache / 'peterson2019'}" in capsys.readouterr().out


def test_list_says_what_sets_hold_and_what_loads_it(capsys: pytest.CaptureFixture[str]) -> None:
    from ventralrnn.brains.datasets.registry import JUDGEMENTS, RDMS, RESPONSES
    from ventralrnn.stimuli.named import NAMES

    assert set(HOLDS) == set(registry.names())
    rdms = {entry.data_set for entry in RDMS.values()}
    for name, holds in HOLDS.items():
        said = " ".join(holds)
        assert ("RDMs (load_brain)" in said) == (name in rdms)
        assert ("responses (load_responses)" in said) == (name in RESPONSES)
        assert ("judgements (load_responses)" in said) == (name in JUDGEMENTS)
        assert ("pictures (load_stimuli)" in said) == (name in NAMES or f"{name}-test" in NAMES)
    assert run("list") == 0
    out = capsys.readouterr().out
    assert "Holds responses (load_responses), pictures (load_stimuli)." in out and "data check my_data.yaml" in out


def test_check_of_what_holds_no_responses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "my_data.yaml")) == 2
    assert "no such file or data set of responses" in capsys.readouterr().err
    assert run("check", "zhang2011") == 2
    assert "`ventralrnn data get zhang2011`" in capsys.readouterr().err


def test_list_as_json(capsys: pytest.CaptureFixture[str], empty_cache: Path) -> None:
    assert run("list", "--json") == 0
    sets = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(sets) == set(registry.names())
    assert sets["zhang2011"]["path"] is None
    first = sets["zhang2011"]["downloads"][0]
    assert first["address"].startswith("https://")
    assert first["save_as"].startswith(str(empty_cache / "zhang2011"))
    assert len(first["sha256"]) == 64


@pytest.mark.parametrize("verb", ["get", "path"])
def test_unknown_name(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert run(verb, "kriegeskorte") == 2
    assert "did you mean kriegeskorte2008?" in capsys.readouterr().err


def test_path_of_what_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("path", "cowley2023") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "`ventralrnn data get cowley2023`" in captured.err
    assert captured.err.count("\n") == 1


def test_get_says_what_it_fetches_before_it_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    offline(monkeypatch)
    assert run("get", "peterson2019") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    said, _, failed = captured.err.partition("ventralrnn: error: ")
    assert said.startswith(f"Fetching peterson2019: 1 file, 0.8 MB, from 127.0.0.1:9 into {empty_cache}")
    assert "CC BY-NC-SA 4.0" in said
    assert f"save http://127.0.0.1:9/counts.npy as {empty_cache}/peterson2019/cifar10h-counts.npy" in failed
    assert failed.count("\n") == 1


@pytest.mark.parametrize("verb", ["get", "path"])
def test_what_is_here_is_checked_and_printed(
    capsys: pytest.CaptureFixture[str], empty_cache: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    content = b"counts"
    file = registry.DataFile("c.npy", "md5", "1f7fa6f3d1eef5c5f0dfa4dd1f2b4ab1", len(content), "http://127.0.0.1:9/c")
    fields = {**vars(registry.data_set("peterson2019")), "name": "toy", "files": (file,)}
    monkeypatch.setattr(registry, "_registry", lambda: {"toy": registry.DataSet(**fields)})
    (empty_cache / "toy").mkdir(parents=True)
    (empty_cache / "toy/c.npy").write_bytes(content)
    assert run(verb, "toy") == 2
    assert "c.npy: not the file it should be" in capsys.readouterr().err
    right = registry.DataFile("c.npy", "sha256", hashlib.sha256(content).hexdigest(), len(content), file.address)
    monkeypatch.setattr(registry, "_registry", lambda: {"toy": registry.DataSet(**{**fields, "files": (right,)})})
    assert run(verb, "toy") == 0
    assert capsys.readouterr().out == f"{empty_cache / 'toy'}\n"
    assert run(verb, "toy", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "toy", "path": str(empty_cache / "toy")}


def test_list_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom ventralrnn.cli.main import main\ntry:\n    main(['data', 'list'])\nexcept SystemExit:\n"
        "    print({'torch', 'pooch', 'scipy', 'tqdm'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
