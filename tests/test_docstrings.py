"""Docstrings of public names: their examples run as they stand, and they document the parameters that there are."""

import doctest
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGES = ("", "graph", "networks", "zoo", "stimuli", "training", "recording", "analysis", "brains", "plots", "report")
# Those whose every name has an example.
WITH_EXAMPLES = ("", "graph", "networks", "recording", "analysis", "brains", "plots", "report")


def public(*packages: str) -> dict[str, type | Callable]:
    """Return the functions and classes that these packages offer, each once, by their names."""
    found: dict[int, tuple[str, type | Callable]] = {}
    for package in packages:
        module = importlib.import_module(f"ventralrnn.{package}".rstrip("."))
        for name in module.__all__:
            one = getattr(module, name)
            if inspect.isroutine(one) or inspect.isclass(one):
                found.setdefault(id(one), (f"{module.__name__}.{name}", one))
    return dict(found.values())


NAMES = public(*PACKAGES)


def examples(name: str) -> list[doctest.DocTest]:
    """Return the examples in the docstring of a name, and of its methods."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    # Without a module, methods that are inherited from elsewhere (torch's) would count as its own.
    return [t for t in finder.find(NAMES[name], name, globs={}) if t.examples]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:.*no trained weights:UserWarning")
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in examples(name):
        runner.run(test, out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)


@pytest.mark.parametrize("name", public(*WITH_EXAMPLES))
def test_every_name_has_an_example(name: str) -> None:
    shown = inspect.getdoc(NAMES[name]) or ""
    assert "\nExamples\n--------\n>>> " in shown


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_signature(name: str) -> None:
    """What numpydoc calls PR01 to PR03 (parameters), RT01 and RT03 (what is returned), and the form."""
    validate = pytest.importorskip("numpydoc.validate", reason="needs the extra docs").validate
    one = NAMES[name]
    wanted = {"PR01", "PR02", "PR03", "RT01", "RT03", "GL03", "GL07", "GL08", "SS01", "SS03"}
    if "\nYields\n" in (one.__doc__ or "").replace(" ", ""):
        wanted -= {"RT01"}
    found = validate(f"{one.__module__}.{one.__qualname__}")["errors"]
    assert not [f"{code}: {text}" for code, text in found if code in wanted]
