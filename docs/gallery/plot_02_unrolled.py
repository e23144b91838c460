"""
A network as a matrix, and unrolled in time
===========================================

The transition matrix says what leads where. Unrolled in time, one sees which states exist when, and which of them a
connection can change.
"""

import ventralrnn
from ventralrnn.graph import Cut, Dependence
from ventralrnn.plots import plot_transition_matrix, plot_unrolled

model = ventralrnn.load_model("ventral")
matrix = plot_transition_matrix(model)

# %%
# A circle is the state of an area at a step. The picture enters V1; a state that it has not reached is hatched.
unrolled = plot_unrolled(model, steps=6)

# %%
# The same without feedback from IT, and with nothing from V1 to V2 after step 2: a cut takes arrows away, and no state
# changes before the first of them.
spec = model.spec
cut = Dependence(spec.graph, 6, range(6), [Cut("IT-V4"), Cut("V1-V2", steps=(3, 4, 5))])
lesioned = plot_unrolled(cut)

# %%
# What depends on what is computed from the graph alone: how many ways lead from the picture to IT, step by step?
whole = Dependence(spec.graph, 6, range(6))
for step in range(3, 6):
    print(f"step {step}: {whole.count_paths('IT', step)} paths, with the cuts {cut.count_paths('IT', step)}")
