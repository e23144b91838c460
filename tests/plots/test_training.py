"""Curves of a run: what they show."""

import numpy as np

from ventralrnn.plots import make_training_figure

LOG = {
    "epoch": [1.0, 2.0],
    "train_loss": [2.0, 1.0],
    "train_accuracy_3": [0.2, 0.4],
    "validation_loss": [1.9, 1.2],
    "validation_accuracy_3": [0.3, 0.5],
    "validation_accuracy_4": [0.3, 0.6],
}


def test_held_out_pictures_are_drawn_where_there_are_some() -> None:
    loss, accuracy = make_training_figure(LOG, "run").axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["step 3", "step 4"]
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), [30, 60])
    assert "validation" in accuracy.get_title(loc="left")


def test_training_pictures_are_said_to_be_so() -> None:
    log = {key: values for key, values in LOG.items() if not key.startswith("validation")}
    loss, accuracy = make_training_figure(log).axes
    assert [line.get_label() for line in loss.lines] == ["training"]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [20, 40])
    assert accuracy.get_title(loc="left") == "training pictures, augmented"


def test_one_epoch_is_a_dot() -> None:
    loss, _ = make_training_figure({key: values[:1] for key, values in LOG.items()}).axes
    assert loss.lines[0].get_marker() == "o"
