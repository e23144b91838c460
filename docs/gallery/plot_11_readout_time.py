"""
Better answers, later
=====================

A recurrent network can be asked for its answer at every step. Its accuracy over time, beside models without feedback
and without any recurrence.
"""

from ventralrnn.plots import plot_readout_accuracy
from ventralrnn.resources import data_dir
from ventralrnn.training import evaluate

# %%
# The 400 pictures that the package holds are from the CIFAR-10 test set. With so few, intervals are wide.
pictures = str(data_dir() / "stimuli" / "cifar10")
models = {name: evaluate(name, pictures) for name in ("ventral", "ventral-lateral", "ventral-feedforward")}
ax = plot_readout_accuracy(models)

# %%
for name, evaluation in models.items():
    last = evaluation.readouts[-1]
    print(f"{name}: {100 * last.accuracy:.1f} % right at step {last.step}, {evaluation.parameters:,} parameters")
