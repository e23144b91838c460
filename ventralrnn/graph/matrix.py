"""The transition matrix: the view of a graph that prints."""

from collections.abc import Callable, Sequence

from ventralrnn.graph.areas import Connection
from ventralrnn.graph.steps import format_steps


class TransitionMatrix:
    r"""Cell (i, j) holds the transitions from area i to area j; a third axis, time, says when they are active.

    Parameters
    ----------
    areas : sequence of str
        Names, from low to high.
    connections : sequence of Connection
        The graph's connections.
    steps : int, optional
        Length of the time axis; without it the matrix is two-dimensional.

    Examples
    --------
    >>> from ventralrnn.graph import Area, Connection, Graph
    >>> graph = Graph((Area("V1", 8), Area("IT", 8)), (Connection("V1", "IT"), Connection("IT", "V1", steps=(2, 3))))
    >>> matrix = graph.matrix(steps=4)
    >>> matrix.shape
    (2, 2, 4)
    >>> matrix["IT", "V1", 1], len(matrix["IT", "V1", 2])
    ((), 1)
    >>> print(matrix)
    steps 0:2
    from \ to  V1  IT
    V1         .   BRC
    IT         .   .
    <BLANKLINE>
    steps 2:4
    from \ to  V1   IT
    V1         .    BRC
    IT         BRC  .
    """

    def __init__(self, areas: Sequence[str], connections: Sequence[Connection], steps: int | None = None) -> None:
        self.areas = tuple(areas)
        self.connections = tuple(connections)
        self.steps = steps

    @property
    def shape(self) -> tuple[int, ...]:
        """(sources, targets) or (sources, targets, steps)."""
        n = len(self.areas)
        return (n, n) if self.steps is None else (n, n, self.steps)

    def __getitem__(self, cell: tuple[str, str] | tuple[str, str, int]) -> tuple[Connection, ...]:
        """Return the connections from one area to another, at one step if a third index is given."""
        source, target, *step = cell
        return self._cell(str(source), str(target), *map(int, step))

    def _cell(self, source: str, target: str, step: int | None = None) -> tuple[Connection, ...]:
        between = (c for c in self.connections if (c.source, c.target) == (source, target))
        return tuple(c for c in between if step is None or c.is_active(step))

    def __str__(self) -> str:
        """Draw the matrix, sources in rows, targets in columns."""
        if self.steps is None:
            return self._table(lambda c: _label(c, with_steps=True))
        # Steps with the same connections are one table: 3-d matrices are mostly runs of equal slices.
        slices: list[tuple[list[int], str]] = []
        for step in range(self.steps):
            table = self._table(_label, step)
            if slices and slices[-1][1] == table:
                slices[-1][0].append(step)
            else:
                slices.append(([step], table))
        return "\n\n".join(f"steps {format_steps(steps)}\n{table}" for steps, table in slices)

    def _table(self, label: Callable[[Connection], str], step: int | None = None) -> str:
        head = ["from \\ to", *self.areas]
        cells = {(a, b): ", ".join(map(label, self._cell(a, b, step))) for a in self.areas for b in self.areas}
        rows = [[a, *(cells[a, b] or "." for b in self.areas)] for a in self.areas]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        return "\n".join("  ".join(f"{x:<{w}}" for x, w in zip(r, widths, strict=True)).rstrip() for r in [head, *rows])


def _label(connection: Connection, with_steps: bool = False) -> str:
    text = connection.transition
    if connection.kernel != 3:
        text += f" {connection.kernel}x{connection.kernel}"
    if connection.delay != 1:
        text += f" delay {connection.delay}"
    if with_steps and connection.steps is not None:
        text += f" @{format_steps(connection.steps)}"
    return text
