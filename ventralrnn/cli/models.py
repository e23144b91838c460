"""``ventralrnn models``: what is in the zoo, and what one model is."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, fill, table_width, text_width, without_least
from ventralrnn.graph import format_steps
from ventralrnn.zoo.registry import list_models
from ventralrnn.zoo.summary import Entry, look_up, summarise

# Where nobody looks: tables of this page are as wide.
_PIPED = 110
_Rows = list[tuple[str, ...]]


@click.command(
    epilog=options.examples(
        "ventralrnn models", "ventralrnn models ventral", "ventralrnn models run/last.safetensors --json"
    )
)
@click.argument("name", required=False)
@options.as_json
def command(name: str | None, as_json: bool) -> None:
    """List the models of the zoo; or print one of them, or a checkpoint file.

    Steps read as everywhere: 1:6 are the steps 1 to 5.
    """
    if name is not None:
        entry = look_up(name)
        options.print_json(summarise(entry)) if as_json else click.echo(_page(entry))
        return
    models = [summarise(look_up(known)) for known in list_models()]
    options.print_json(models) if as_json else click.echo(_list(models))


def _list(models: list[dict[str, Any]]) -> str:
    rows: _Rows = [("MODEL", "AREAS", "STEPS", "WEIGHTS", "PARAMETERS", "MULT-ADDS", "MS/STEP", "TRAINED")]
    for m in models:
        weights, trained = "shared" if m["shared"] else "unshared", "yes" if m["checkpoint"] else "no"
        cost = f"{m['parameters']:,}", _large(m["multiply_adds"])
        ms = f"{m['clock']['ms_per_step']:g}"
        rows.append((m["name"], str(len(m["areas"])), str(m["steps"]), weights, *cost, ms, trained))
    # Each row has the description below it, so none can be broken.
    fitting = without_least(rows, (6, 5, 3))
    words = [i for i, name in enumerate(fitting[0]) if name in ("MODEL", "WEIGHTS")]
    head, *lines = columns(fitting, left=words).splitlines()
    texts = (_wrap(m["description"].split("\n\n")[0], indent=4) for m in models)
    blocks = [f"{line}\n{text}" for line, text in zip(lines, texts, strict=True)]
    return "\n".join([head, *blocks, "", "`ventralrnn models NAME` says everything about one of them."])


def _page(entry: Entry) -> str:
    model = summarise(entry)
    paragraphs = [_wrap(text) for text in (entry.spec.name, *entry.description.split("\n\n")) if text]
    sections = {
        "Areas": _areas(model),
        "Transition matrix": str(entry.spec.graph.matrix()),
        "Connections, and when they arrive": _connections(model),
    }
    tables = [f"{title}\n{textwrap.indent(text, '  ')}" for title, text in sections.items() if text]
    return "\n\n".join([*paragraphs, _facts(entry, model), *tables])


def _areas(model: dict[str, Any]) -> str:
    rows: _Rows = [("AREA", "CHANNELS", "STRIDE", "MAP", "FIRST STEP", "ONSET")]
    for a in model["areas"]:
        reached = ("never", "") if a["first_step"] is None else (str(a["first_step"]), f"{a['onset_ms']:g} ms")
        rows.append((a["name"], str(a["channels"]), str(a["stride"]), f"{a['size']} x {a['size']}", *reached))
    return columns(rows, left=(0,), indent=2)


def _connections(model: dict[str, Any]) -> str:
    """Return a table whose last column is the third axis of the transition matrix, time."""
    if not model["connections"]:
        return ""
    digits = "".join(str(step % 10) for step in range(model["steps"]))
    rows: _Rows = [("NAME", "ROLE", "TRANSITION", "KERNEL", "DELAY", "SHARES", "MATTERS AT", digits)]
    for c in model["connections"]:
        kernel = f"{c['kernel']}x{c['kernel']}" + ", resize" * (c["upsample"] == "resize")
        marks = "".join(_mark(step, c) for step in range(model["steps"]))
        shares, matters = ", ".join(dict.fromkeys(c["weights"] or ())), format_steps(c["matters"]) or "never"
        rows.append((c["name"], c["role"], c["transition"], kernel, str(c["delay"]), shares, matters, marks))
    used = [i for i, column in enumerate(zip(*rows[1:], strict=True)) if any(column)]
    # All but the delay, and the marks, which are of one width.
    words = [place for place, i in enumerate(used) if i not in (4, 7)]
    table = columns([tuple(row[i] for i in used) for row in rows], left=words, indent=2)
    marks = "# arrives and can influence a readout; + arrives too late for that; . nothing arrives"
    return f"{table}\n{fill(marks, width=_text_width() - 2)}"


def _mark(step: int, connection: dict[str, Any]) -> str:
    return "#" if step in connection["matters"] else "+" if step in connection["arrives"] else "."


def _facts(entry: Entry, model: dict[str, Any]) -> str:
    spec, readout, entering, info = entry.spec, model["readout"], model["input"]["steps"], dict(entry.info)
    facts = [
        ("Steps", f"{spec.steps}, 0 to {spec.steps - 1}"),
        (
            "Input",
            f"the picture enters {spec.graph.input} at {_steps(entering)}"
            + (": it stays on" if spec.input_steps is None else ""),
        ),
        ("Readout", f"{spec.graph.readout} at {_steps(readout['steps'])}, after {_numbers(readout['ms'])} ms"),
        ("Classes", ": ".join([f"{spec.post_net.classes:,}", *[", ".join(c) for c in [info.pop("classes", [])] if c]])),
        ("Weights", "shared over time" if spec.shared else "unshared: every step has its own"),
        ("Parameters", f"{model['parameters']:,}"),
        ("Mult-adds", f"{_large(model['multiply_adds'])} a picture"),
        ("Batch norm", _norm(spec.norm.statistics, spec.norm.affine)),
        ("Clock", f"{spec.clock.ms_per_step:g} ms a step. {spec.clock.source}"),
        ("Preprocessing", _preprocessing(model["preprocessing"])),
        ("Source", spec.reference),
        ("Trained", str(entry.checkpoint) if entry.checkpoint else "no: its weights are random"),
        *((key[:1].upper() + key[1:].replace("_", " "), _told(key, value)) for key, value in info.items()),
    ]
    width = max(len(name) for name, _ in facts) + 2
    return "\n".join(_wrap(text, width, f"{name:<{width}}") for name, text in facts if text)


def _norm(statistics: str, affine: str) -> str:
    own = {"step": "statistics of their own for every step", "shared": "one set of statistics for all steps"}
    learned = {"none": "no learned scale and shift", "step": "scale and shift learned for every step"}
    return f"{own[statistics]}; {learned.get(affine, 'one learned scale and shift for all steps')}"


def _preprocessing(p: dict[str, Any]) -> str:
    side, middle = round(p["size"] / p["crop"]), f"the central {p['size']} x {p['size']} kept"
    scaled = f"minus {_numbers(p['mean'])} over {_numbers(p['std'])}"
    span = f"; spans {p['degrees']:g} degrees of visual angle" if p["degrees"] else ""
    return f"shorter side resized to {side} pixels ({p['interpolation']}), {middle}; RGB of 0 to 1 {scaled}{span}"


def _steps(steps: Sequence[int]) -> str:
    return f"{'step' if len(steps) == 1 else 'steps'} {format_steps(steps)}"


def _told(key: str, value: Any) -> str:
    """Return what a checkpoint says about its training, in the words of a reader; --json has all of it."""
    if key == "recipe" and isinstance(value, dict):
        return f"{value['name']}: {value['epochs']} epochs, batches of {value['batch_size']}, {value['optimiser']}"
    if key.endswith("_accuracy") and isinstance(value, dict):
        return ", ".join(f"{100 * share:.2f} % at step {step}" for step, share in value.items())
    if key == "seconds":
        return f"{value:,.0f}"
    return _value(value)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(item)}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _large(number: int) -> str:
    return f"{number / 1e9:.2f} G" if number >= 1e9 else f"{number / 1e6:.1f} M"


def _text_width() -> int:
    return text_width() if table_width() else _PIPED


def _wrap(text: str, indent: int = 0, first: str | None = None) -> str:
    before = " " * indent
    return fill(text, before if first is None else first, before, width=_text_width())
