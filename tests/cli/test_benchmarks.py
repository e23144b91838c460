"""The command ``ventralrnn benchmarks``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ventralrnn.brains.benchmarks import BENCHMARKS, listing
from ventralrnn.cli.main import main
from ventralrnn.errors import VentralrnnError
from ventralrnn.stimuli import cache

Captured = pytest.CaptureFixture[str]
FOREIGN = (
    "Kar2019-ost",
    "MajajHong2015public.IT-temporal-pls",
    "MajajHong2015public.V4-pls",
    "tong.Coggan2024_behavior-ConditionWiseAccuracySimilarity",
)


def run(capsys: Captured, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["benchmarks", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setenv("BRAINIO_HOME", str(tmp_path / "brainio"))
    monkeypatch.setattr(listing, "brainscore_ids", lambda: FOREIGN)


@pytest.mark.parametrize("width", [None, 60, 80])
def test_all_benchmarks_are_listed_within_the_terminal(
    capsys: Captured, width: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ventralrnn.cli.benchmarks.table_width", lambda: width)
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    assert all(len(line) <= (width or 1000) and line == line.rstrip() for line in out.splitlines())
    assert "~" not in out or width, "piped, nothing is cut"
    for identifier in (*BENCHMARKS, *FOREIGN):
        assert identifier in out, "ids are whole"
    row = out[out.index("ventralrnn.Cowley2023.V4-pls") :]
    assert row.split()[:6] == ["ventralrnn.Cowley2023.V4-pls", "V4", "pls", "50-150", "ms", "no"]


@pytest.mark.parametrize(("text", "count"), [("it", 6), ("PLS", 3), ("V4", 3), ("behaviour", 2), ("zebra", 0)])
def test_a_text_chooses(capsys: Captured, text: str, count: int) -> None:
    found = json.loads(run(capsys, text, "--json")[1])
    assert len([e for e in found if text.lower() in f"{e['area']} {e['metric']}".lower()]) <= len(found)
    assert len(found) == count, "an area is no part of other words: similarity"
    _, out, _ = run(capsys, text)
    assert ("no benchmark has 'zebra'" in out) == (count == 0)


def test_json_tells_area_metric_time_and_data(capsys: Captured, tmp_path: Path) -> None:
    folder = tmp_path / "brainio" / "abc"
    folder.mkdir(parents=True)
    (folder / "assy_dicarlo_MajajHong2015_public.nc").touch()
    found = {entry.pop("identifier"): entry for entry in json.loads(run(capsys, "--json")[1])}
    assert found["Kar2019-ost"] == {
        "source": "brain-score", "area": "IT", "metric": "ost", "time_bins": "18 x 10 ms", "data": "no",
    }  # fmt: skip
    temporal = found["MajajHong2015public.IT-temporal-pls"]
    assert (temporal["area"], temporal["metric"], temporal["time_bins"]) == ("IT", "pls", "10 ms")
    assert temporal["data"] == "some"
    own = found["ventralrnn.Cichy2016.EVC-rdm"]
    assert (own["source"], own["area"], own["metric"], own["data"]) == ("ventralrnn", "EVC", "rdm", "no")


def test_without_brain_score_ours_are_listed_and_it_is_said_how_to_get_it(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise VentralrnnError("Brain-Score is not installed: pip install 'ventralrnn[brainscore]'")

    monkeypatch.setattr(listing, "brainscore_ids", missing)
    status, out, err = run(capsys)
    assert status == 0 and "ventralrnn.Cichy2016.IT-rdm" in out and "Of Brain-Score" not in out
    assert err.count("\n") == 1 and "pip install 'ventralrnn[brainscore]'" in err


def test_the_real_list_needs_no_data_and_no_network(tmp_path: Path) -> None:
    pytest.importorskip("brainscore_vision")
    nowhere = "http://127.0.0.1:9"
    variables = {**os.environ, "HOME": str(tmp_path), "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere}
    code = "from ventralrnn.cli.main import main\nmain(['benchmarks'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) > 250 and "Kar2019-ost" in done.stdout
