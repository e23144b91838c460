"""The page of recurrence against its controls is what its results file and the shipped models say."""

import pytest

from benchmarks import controls
from ventralrnn.networks import count_multiply_adds, count_parameters
from ventralrnn.zoo import model_spec, read_header
from ventralrnn.zoo.headers import shipped_checkpoint


def test_the_page_shows_the_results_file() -> None:
    assert controls.show(controls.read_rows()) in controls.PAGE.read_text()


@pytest.mark.parametrize("model", [controls.MODEL, *controls.CONTROLS])
def test_results_are_those_of_the_shipped_models(model: str) -> None:
    path = shipped_checkpoint(model)
    assert path is not None
    accuracy = read_header(path).info["test_accuracy"]
    rows = [row for row in controls.read_rows() if row.model == model]
    assert {row.step for row in rows if row.comparison == "time"} == set(model_spec(model).readout_steps)
    for row in rows:
        assert row.accuracy == pytest.approx(accuracy[str(row.step)], abs=1.01e-4)
        assert row.multiply_adds == count_multiply_adds(model_spec(model), readouts=[row.step])


def test_what_is_called_equal_is_equal() -> None:
    rows = controls.read_rows()
    own = {(row.comparison, row.against): row for row in rows if row.model == controls.MODEL}
    for row in rows:
        reference = own[row.comparison, row.against]
        assert row.difference == pytest.approx(reference.accuracy - row.accuracy, abs=1e-6)
        assert row.low <= row.difference <= row.high
        if row.comparison == "time":
            assert row.ms == reference.ms
        else:
            assert row.multiply_adds <= controls.TOLERANCE * reference.multiply_adds


def test_the_wide_control_costs_what_ventral_costs() -> None:
    wide, ventral = controls.widen(), model_spec(controls.MODEL)
    cost = count_multiply_adds(ventral, readouts=ventral.readout_steps[-1:])
    assert count_multiply_adds(wide) == pytest.approx(cost, rel=0.03)
    (row,) = [row for row in controls.read_rows() if row.model == wide.name]
    assert (row.parameters, row.multiply_adds) == (count_parameters(wide), count_multiply_adds(wide))
    assert not any(c.source == c.target for c in wide.graph.connections)
