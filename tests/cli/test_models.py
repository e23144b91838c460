"""The command ``ventralrnn models``."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.networks.common import build, stream
from ventralrnn.cli.main import main
from ventralrnn.graph import Clock, format_steps
from ventralrnn.networks import Norm, PostNet, RecurrentNetwork, count_multiply_adds, count_parameters
from ventralrnn.resources import data_dir
from ventralrnn.zoo import list_models, load_checkpoint, load_model, model_spec, save_checkpoint
from ventralrnn.zoo.registry import describe

Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["models", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def page(capsys: Captured, name: str) -> str:
    status, out, err = run(capsys, name)
    assert (status, err) == (0, "")
    for line in out.splitlines():
        assert line == line.rstrip() and (len(line) <= 110 or line.endswith(".safetensors")), "a path is never broken"
    return out


def facts(out: str) -> dict[str, str]:
    """Return the block of names and values, joined where a value goes over several lines."""
    found: dict[str, str] = {}
    for line in out[out.index("\nSteps ") + 1 :].split("\n\n")[0].splitlines():
        if line[0] != " ":
            name, line = re.split(r"  +", line, maxsplit=1)
        found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def table(out: str, title: str) -> list[list[str]]:
    return [line.split() for line in out[out.index(f"\n{title}\n") + 1 :].split("\n\n")[0].splitlines()[1:]]


def test_the_list_has_a_line_and_a_sentence_for_every_model(capsys: Captured) -> None:
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 110
    head = lines[0]
    assert head.split() == ["MODEL", "AREAS", "STEPS", "WEIGHTS", "PARAMETERS", "MULT-ADDS", "MS/STEP", "TRAINED"]
    for number, name in enumerate(list_models()):
        spec, line = model_spec(name), lines[1 + 2 * number]
        words = line.split()
        assert words[:4] == [name, str(len(spec.graph.areas)), str(spec.steps), "shared" if spec.shared else "unshared"]
        assert words[4] == f"{count_parameters(spec):,}"
        unit = {"M": 1e6, "G": 1e9}[words[6]]
        assert float(words[5]) * unit == pytest.approx(count_multiply_adds(spec), rel=0.005)
        assert words[7] == "10"
        assert lines[2 + 2 * number] == f"    {describe(name)}"
        assert line.index(words[4]) + len(words[4]) == head.index("PARAMETERS") + len("PARAMETERS"), "aligned"


def test_one_model_in_full(capsys: Captured) -> None:
    out = page(capsys, "ventral")
    spec = model_spec("ventral")
    assert out.startswith(f"ventral\n\n{describe('ventral')}\n\nThe picture stays on")
    assert table(out, "Areas")[1:] == [
        [
            a.name,
            str(a.channels),
            str(a.stride),
            str(spec.size(a.name)),
            "x",
            str(spec.size(a.name)),
            str(n),
            f"{ms}",
            "ms",
        ]
        for n, (a, ms) in enumerate(zip(spec.graph.areas, (50, 60, 70, 80), strict=True))
    ]
    for line in str(spec.graph.matrix()).splitlines():
        assert f"  {line}\n" in out
    found, classes = facts(out), ", ".join(load_model("ventral").checkpoint_info["classes"])
    # What the checkpoint tells follows, and has a test of its own.
    assert dict(list(found.items())[:12]) == {
        "Steps": "8, 0 to 7",
        "Input": "the picture enters V1 at steps 0:8: it stays on",
        "Readout": "IT at steps 3:8, after 80, 90, 100, 110, 120 ms",
        "Classes": f"10: {classes}",
        "Weights": "shared over time",
        "Parameters": "1,072,010",
        "Mult-adds": "112.8 M a picture",
        "Batch norm": "statistics of their own for every step; no learned scale and shift",
        "Clock": f"10 ms a step. {spec.clock.source}",
        "Preprocessing": "shorter side resized to 32 pixels (bilinear), the central 32 x 32 kept; RGB of 0 to 1 minus "
        "0.4914, 0.4822, 0.4465 over 0.247, 0.2435, 0.2616; spans 8 degrees of visual angle",
        "Source": spec.reference,
        "Trained": str(data_dir() / "checkpoints" / "ventral.safetensors"),
    }


@pytest.mark.parametrize("name", ["ventral", "recurrent-3state", "resnet-2state", "ventral-feedforward"])
def test_connections_are_drawn_in_time(capsys: Captured, name: str) -> None:
    spec = model_spec(name)
    live = spec.dependence.live_arrivals(spec.readout_states)
    rows = {row[0]: row for row in table(page(capsys, name), "Connections, and when they arrive")[1:-1]}
    assert list(rows) == [c.name for c in spec.graph.connections]
    for c in spec.graph.connections:
        matters = [t for t in range(spec.steps) if (c.name, t) in live]
        arrives = [t for t in range(spec.steps) if c in spec.dependence.terms(c.target, t)]
        marks = ["#" if t in matters else "+" if t in arrives else "." for t in range(spec.steps)]
        assert rows[c.name][-2:] == [format_steps(matters), "".join(marks)]
        assert rows[c.name][1:3] == [spec.graph.role(c), c.transition]


def test_a_connection_that_ends_in_time_says_so(capsys: Captured) -> None:
    out = page(capsys, "resnet-3state-oneconv")
    assert "BRCx2+Id @5:8" in out
    rows = table(out, "Connections, and when they arrive")
    assert rows[0][-1] == "0123456789012"
    assert rows[3] == ["state2-state2", "lateral", "BRCx2+Id", "3x3", "1", "all", "5:8", ".....###....."]
    assert facts(out)["Input"] == "the picture enters state1 at step 0"
    assert facts(out)["Readout"] == "state3 at step 12, after 120 ms"


def test_an_unshared_network_shows_only_what_it_has_weights_for(capsys: Captured, tmp_path: Path) -> None:
    save_checkpoint(build(stream(readouts=(3,), shared=False)), tmp_path / "u.safetensors")
    out = page(capsys, str(tmp_path / "u.safetensors"))
    assert facts(out)["Weights"] == "unshared: every step has its own"
    rows = table(out, "Connections, and when they arrive")[1:-1]
    assert {row[0]: row[-1] for row in rows}["V1-V1"] == ".#..."


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    spec = stream(
        input_steps=2,
        norm=Norm("shared", "shared"),
        post_net=PostNet(1234),
        clock=Clock(12.5, {"IT": 80.0}, "made up"),
        reference="nowhere",
    )
    info = {"accuracy": {"3": 0.5, "4": 0.625}, "recipe": "fast", "steps": 7, "final_loss": 0.25}
    save_checkpoint(build(spec), tmp_path / "my.safetensors", info)
    return tmp_path / "my.safetensors"


def test_a_checkpoint_says_what_was_saved_with_it(capsys: Captured, checkpoint: Path) -> None:
    out = page(capsys, str(checkpoint))
    assert out.startswith("stream\n\nSteps ")
    lines = out[: out.index("\n\nAreas")].splitlines()
    assert [line.split(maxsplit=1) for line in lines if line[:5] in ("Steps", "Accur", "Recip")] == [
        ["Steps", "5, 0 to 4"],
        ["Accuracy", "3: 0.5, 4: 0.625"],
        ["Recipe", "fast"],
        ["Steps", "7"],
    ]
    assert facts(out)["Final loss"] == "0.25"
    assert facts(out)["Trained"] == str(checkpoint)
    assert facts(out)["Batch norm"] == "one set of statistics for all steps; one learned scale and shift for all steps"
    assert facts(out)["Input"] == "the picture enters V1 at steps 0:2"
    assert facts(out)["Clock"] == "12.5 ms a step. made up" and facts(out)["Classes"] == "1,234"


def test_what_training_left_is_told_in_words(capsys: Captured, tmp_path: Path) -> None:
    info = {
        "recipe": {"name": "fast", "epochs": 3, "batch_size": 50, "optimiser": "muon", "padding": 4},
        "test_accuracy": {"3": 0.5, "4": 0.6254},
        "classes": ["a", "b", "c"],
        "seconds": 1234.5,
    }
    save_checkpoint(build(stream()), tmp_path / "my.safetensors", info)
    found = facts(page(capsys, str(tmp_path / "my.safetensors")))
    assert found["Recipe"] == "fast: 3 epochs, batches of 50, muon"
    assert found["Test accuracy"] == "50.00 % at step 3, 62.54 % at step 4"
    assert found["Classes"] == "3: a, b, c" and found["Seconds"] == "1,234"


def test_json_says_the_same(capsys: Captured, checkpoint: Path) -> None:
    status, out, err = run(capsys, str(checkpoint), "--json")
    assert (status, err) == (0, "")
    model, network = json.loads(out), load_checkpoint(checkpoint)
    spec = network.spec
    assert model["parameters"] == sum(p.numel() for p in network.parameters())
    assert model["multiply_adds"] == count_multiply_adds(spec)
    assert model["checkpoint"] == str(checkpoint) and model["info"] == network.checkpoint_info
    assert [a["first_step"] for a in model["areas"]] == [0, 1, 2]
    assert [a["onset_ms"] for a in model["areas"]] == [0.0, 12.5, 80.0]
    assert model["clock"] == {"ms_per_step": 12.5, "onset_ms": {"IT": 80.0}, "source": "made up"}
    assert model["input"] == {"area": "V1", "steps": [0, 1]}
    assert model["readout"] == {"area": "IT", "steps": [4], "ms": [105.0]}
    live = spec.dependence.live_arrivals(spec.readout_states)
    for c in model["connections"]:
        assert c["matters"] == sorted(t for name, t in live if name == c["name"])
        assert set(c["matters"]) <= set(c["arrives"])
        assert (c["role"], c["transition"]) == (
            spec.graph.role(spec.graph.connection(c["name"])),
            spec.graph.connection(c["name"]).transition,
        )


def test_json_of_the_zoo_is_a_list_of_everything(capsys: Captured) -> None:
    status, out, _ = run(capsys, "--json")
    models = json.loads(out)
    assert status == 0 and [m["name"] for m in models] == list_models()
    _, one, _ = run(capsys, "ventral", "--json")
    assert json.loads(one) == models[list_models().index("ventral")]


def test_shipped_weights_show_as_trained(capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setattr("ventralrnn.zoo.headers.data_dir", lambda: tmp_path)
    path = tmp_path / "checkpoints" / "recurrent-2state.safetensors"
    _, out, _ = run(capsys)
    assert {line.split()[-1] for line in out.splitlines()[1:-2:2]} == {"no"}
    save_checkpoint(RecurrentNetwork(model_spec("recurrent-2state")), path, {"accuracy": 0.9})
    _, out, _ = run(capsys)
    trained = [line.split()[0] for line in out.splitlines()[1:-2:2] if line.endswith("yes")]
    assert trained == ["recurrent-2state"]
    assert facts(page(capsys, "recurrent-2state"))["Accuracy"] == "0.9"
    assert facts(page(capsys, "recurrent-3state"))["Trained"] == "no: its weights are random"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ventrel", "no model 'ventrel': did you mean ventral"),
        ("none.safetensors", "none.safetensors: no such checkpoint"),
        ("my_model.py:make", "my_model.py:make: models in Python files have no specification"),
    ],
)
def test_what_is_no_model_gets_one_line_and_status_2(capsys: Captured, name: str, why: str) -> None:
    status, out, err = run(capsys, name)
    assert (status, out) == (2, "")
    assert err.startswith(f"ventralrnn: error: {why}") and err.count("\n") == 1


def test_a_damaged_checkpoint_gets_one_line_and_status_2(capsys: Captured, checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    status, out, err = run(capsys, str(checkpoint))
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert f"{checkpoint}: damaged" in err


def test_printing_models_loads_no_torch(checkpoint: Path) -> None:
    code = (
        "import sys\n"
        "from ventralrnn.cli.main import _run\n"
        "for arguments in ([], ['ventral'], [sys.argv[1]], ['--json']):\n"
        "    assert _run(['models', *arguments], False) == 0\n"
        "print([m for m in ('torch', 'torchvision', 'xarray') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(checkpoint)], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
