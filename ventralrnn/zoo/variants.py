"""Changed models: other widths, steps, sharing and connections."""

from collections.abc import Sequence
from dataclasses import replace

from ventralrnn.errors import SpecificationError
from ventralrnn.networks.spec import NetworkSpec


def vary(
    spec: NetworkSpec,
    *,
    steps: int | None = None,
    width: float | None = None,
    shared: bool | None = None,
    without: Sequence[str] = (),
) -> NetworkSpec:
    """Return a changed specification.

    Parameters
    ----------
    spec : NetworkSpec
        The model.
    steps : int, optional
        Number of time steps. Readout times that no longer fit are left out; if none does, or there are more steps,
        the last step is read.
    width : float, optional
        Times as many channels in every area, rounded.
    shared : bool, optional
        Whether weights are shared over time.
    without : sequence of str
        Connections to leave out.

    Returns
    -------
    NetworkSpec
        Under the same name if nothing changes, else with the changes in its name.

    Raises
    ------
    GraphError, SpecificationError
        If there is no such connection, or the result is no network.
    """
    changes = []
    if width is not None and width != 1:
        areas = tuple(replace(a, channels=max(1, round(a.channels * width))) for a in spec.graph.areas)
        spec = replace(spec, graph=replace(spec.graph, areas=areas))
        changes.append(f"width{width:g}")
    for name in without:
        gone = spec.graph.connection(name)
        kept = tuple(c for c in spec.graph.connections if c != gone)
        spec = replace(spec, graph=replace(spec.graph, connections=kept))
        changes.append(f"without-{name}")
    if steps is not None and steps != spec.steps:
        if steps < 1:
            raise SpecificationError(f"{spec.name}: steps is {steps}: a run has at least one step")
        fitting = tuple(step for step in spec.readout_steps if step < steps) if steps < spec.steps else ()
        spec = replace(spec, steps=steps, readouts=fitting or None)
        changes.append(f"steps{steps}")
    if shared is not None and shared != spec.shared:
        spec = replace(spec, shared=shared)
        changes.append("shared" if shared else "unshared")
    return replace(spec, name="-".join([spec.name, *changes]))
