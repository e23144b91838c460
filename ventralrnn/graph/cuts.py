"""Connections cut for an experiment, for some steps or for all."""

from dataclasses import dataclass

from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph.graph import Graph
from ventralrnn.graph.steps import format_steps, parse_steps


@dataclass(frozen=True)
class Cut:
    """A connection that delivers nothing at some steps of its target.

    Parameters
    ----------
    connection : str
        Name of the connection, for example ``'IT-V4'``.
    steps : tuple of int, optional
        Steps of the target at which it is cut; None means all.

    Examples
    --------
    >>> from ventralrnn.graph import Cut
    >>> cut = Cut("IT-V4", steps=(3, 4))
    >>> cut.removes("IT-V4", 3), cut.removes("IT-V4", 5)
    (True, False)
    """

    connection: str
    steps: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, text: str, graph: Graph, total: int) -> "Cut":
        """Read a cut written ``NAME`` or ``NAME@FROM:TO``.

        Parameters
        ----------
        text : str
            For example ``'IT-V4@3:8'``: cut at steps 3 to 7.
        graph : Graph
            Where the connection must exist.
        total : int
            Number of steps of the run.

        Returns
        -------
        Cut
            The same, checked.

        Raises
        ------
        GraphError
            If the graph has no such connection, or the steps are not steps of the run.
        """
        name, at, steps = text.partition("@")
        try:
            return cls(graph.connection(name).name, parse_steps(steps, total) if at else None)
        except (GraphError, SpecificationError) as error:
            raise GraphError(f"cut {text!r}: {error}") from None

    def removes(self, connection: str, step: int) -> bool:
        """Whether ``connection`` is cut at ``step``."""
        return connection == self.connection and (self.steps is None or step in self.steps)

    def __str__(self) -> str:
        """Write the cut as :meth:`parse` reads it."""
        return self.connection if self.steps is None else f"{self.connection}@{format_steps(self.steps)}"
