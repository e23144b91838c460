"""From time steps to milliseconds after stimulus onset."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ventralrnn.errors import SpecificationError


@dataclass(frozen=True)
class Clock:
    """A model's clock: an area's first response comes at its onset latency, later ones a fixed time apart.

    Parameters
    ----------
    ms_per_step : float
        Milliseconds a time step stands for.
    onset_ms : mapping of str to float
        Latency of each area's first response after stimulus onset, in ms. An area without one is taken to respond
        ``ms_per_step`` after onset for every step that the input needs to get there.
    source : str
        Where the figures come from.

    Examples
    --------
    >>> from ventralrnn.graph import Clock
    >>> Clock(ms_per_step=10, onset_ms={"IT": 80}).onset_ms["IT"]
    80
    """

    ms_per_step: float = 10.0
    onset_ms: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.ms_per_step < float("inf"):
            raise SpecificationError(f"clock.ms_per_step is {self.ms_per_step}: give a positive number of ms")

    def time_ms(self, area: str, step: int, first_step: int | None) -> float:
        """Return when, in ms after stimulus onset, an area's state at ``step`` is reached.

        Parameters
        ----------
        area : str
            Name of the area.
        step : int
            Time step.
        first_step : int or None
            First step at which the input has reached the area (see :meth:`Dependence.first_step`); None if never.

        Returns
        -------
        float
            Milliseconds; for steps before ``first_step`` the extrapolation backwards in time.
        """
        if first_step is None or area not in self.onset_ms:
            return step * self.ms_per_step
        return self.onset_ms[area] + (step - first_step) * self.ms_per_step
