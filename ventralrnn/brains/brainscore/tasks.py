"""Behavioural tasks: Brain-Score's own readouts, on our responses."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ventralrnn.errors import RecordingError

TASKS = ("passive", "label", "probabilities", "odd_one_out")
_IMAGENET = 1000


class Behaviour:
    """What a model does with stimuli.

    Parameters
    ----------
    identifier : str
        Of the model.
    activations : callable
        ``activations(stimuli, layers=[...])`` -> assembly (presentation, neuroid); the layer is 'readout' or 'logits'.
    labels : sequence of str, optional
        Classes of the model's output.

    Notes
    -----
    'probabilities' is a multinomial logistic regression (C = 1e-3) on standardised features, 'odd_one_out' the
    stimulus outside the pair with the largest product of features, 'label' the class with the largest output, of
    those that belong to a label the largest mean: all three are Brain-Score's own code.
    """

    def __init__(self, identifier: str, activations: Callable[..., Any], labels: Sequence[str] | None) -> None:
        self._identifier, self._activations = identifier, activations
        self._labels = None if labels is None else tuple(labels)
        self._performer: Any = None
        self._passive = False

    def stop(self) -> None:
        """Do nothing any more."""
        self._performer, self._passive = None, False

    def start(self, task: str, *args: Any, **kwargs: Any) -> None:
        """Begin a task; see :meth:`VentralBrainModel.start_task`."""
        self.stop()
        task = str(task)
        if task == "passive":
            self._passive = True
            return
        if task not in TASKS:
            raise RecordingError(f"task {task!r}: {', '.join(TASKS)}")
        from brainscore_vision.model_helpers.brain_transformation import behavior

        if task == "label" and self._labels is not None:
            self._performer = _OwnLabels(self._activations, self._labels)
        elif task == "label":
            self._performer = behavior.LabelBehavior(self._identifier, _Checked(self._activations))
        elif task == "probabilities":
            self._performer = behavior.ProbabilitiesMapping(self._identifier, self._activations, "readout")
        else:
            self._performer = behavior.OddOneOut(self._identifier, self._activations, "readout")
        self._performer.start_task(task, *args, **kwargs)

    def look_at(self, stimuli: Any, **kwargs: Any) -> Any:
        """Do the task."""
        if self._passive:
            return None
        if self._performer is None:
            raise RecordingError("nothing to do: call start_recording or start_task first")
        return self._performer.look_at(stimuli, **kwargs)


class _Checked:
    """Outputs that must be ImageNet's classes, which is seen before all stimuli are."""

    def __init__(self, activations: Callable[..., Any]) -> None:
        self._activations = activations

    def __call__(self, stimuli: Any, layers: Sequence[str], **kwargs: Any) -> Any:
        first = stimuli[:1]
        if hasattr(stimuli, "stimulus_paths"):
            first.stimulus_paths = stimuli.stimulus_paths
        outputs = self._activations(first, layers=layers).sizes["neuroid"]
        if outputs != _IMAGENET:
            raise RecordingError(
                f"task 'label': the model has {outputs} outputs, not ImageNet's {_IMAGENET} classes: name them "
                "(labels=[...])"
            )
        return self._activations(stimuli, layers=layers, **kwargs)


class _OwnLabels:
    """The task 'label' for models with classes of their own."""

    def __init__(self, activations: Callable[..., Any], labels: tuple[str, ...]) -> None:
        self._activations, self._labels = activations, labels
        self._choices: tuple[str, ...] = ()

    def start_task(self, task: str, choice_labels: Any) -> None:
        choices = self._labels if choice_labels == "imagenet" else tuple(str(label) for label in choice_labels)
        unknown = [label for label in choices if label not in self._labels]
        if choice_labels == "imagenet" or unknown:
            asked = "ImageNet's classes" if choice_labels == "imagenet" else repr(unknown[0])
            raise RecordingError(f"task 'label': the model knows no {asked}; it knows {', '.join(self._labels)}")
        self._choices = choices

    def look_at(self, stimuli: Any, number_of_trials: int = 1, **kwargs: Any) -> Any:
        from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, walk_coords

        outputs = self._activations(stimuli, layers=["logits"], number_of_trials=number_of_trials)
        if outputs.sizes["neuroid"] != len(self._labels):
            raise RecordingError(f"labels: {len(self._labels)} for {outputs.sizes['neuroid']} outputs of the model")
        columns = [self._labels.index(label) for label in self._choices]
        best = outputs.values[:, columns].argmax(1)
        chosen = np.array(self._choices)[best].tolist()
        coords = {name: (dims, values) for name, dims, values in walk_coords(outputs["presentation"])}
        return BehavioralAssembly(
            [chosen], coords=coords | {"label": ("presentation", chosen)}, dims=["choice", "presentation"]
        )
