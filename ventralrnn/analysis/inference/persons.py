"""Rows of RDMs that belong to one person, such as sessions: they count as one subject, drawn and left out together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.errors import AnalysisError

#: The coordinate (subject) that says whose a row is.
PERSON = "person"


@dataclass(frozen=True)
class Persons:
    """Whose each row is.

    Parameters
    ----------
    codes : numpy.ndarray of int, (row,)
        Person of each row, from 0 without gaps.
    """

    codes: np.ndarray

    @classmethod
    def of(cls, rows: int, names: Sequence[Any] | np.ndarray | None) -> "Persons":
        """Return whose rows are; without names, each is a person of its own."""
        if names is None:
            return cls(np.arange(rows))
        given = np.asarray(names)
        if given.shape != (rows,):
            raise AnalysisError(f"persons: {given.size} names for the RDMs of {rows} subjects or sessions")
        return cls(np.unique(given, return_inverse=True)[1].ravel())

    @property
    def number(self) -> int:
        """How many persons there are."""
        return int(self.codes.max()) + 1

    @property
    def rows_of_each(self) -> np.ndarray:
        """Number of rows of the person of each row, (row,)."""
        return np.asarray(np.bincount(self.codes)[self.codes])

    @property
    def shares(self) -> np.ndarray:
        """What each row counts where every person counts 1, (row,)."""
        return 1 / self.rows_of_each

    @property
    def same(self) -> np.ndarray:
        """Whether two rows are of one person, (row, row)."""
        return np.asarray(self.codes[:, None] == self.codes)

    def spread(self, often: np.ndarray) -> np.ndarray:
        """Return what rows count, (..., row), where persons are drawn so often, (..., person)."""
        return often[..., self.codes] * self.shares


def person_names(rdms: xr.Dataset) -> np.ndarray | None:
    """Return the coordinate ``person`` of RDMs, (subject,); None where each subject is a person."""
    if PERSON not in rdms.coords or rdms[PERSON].dims != ("subject",):
        return None
    return np.asarray(rdms[PERSON].values)


def mean_over_persons(similarity: xr.DataArray, names: np.ndarray | None) -> xr.DataArray:
    """Return means over ``subject``, if there is one, all persons counting alike; NaN where any subject is."""
    if "subject" not in similarity.dims:
        return similarity
    whose = Persons.of(similarity.sizes["subject"], names)
    shares = xr.DataArray(whose.shares / whose.number, dims="subject")
    return (similarity * shares).sum("subject", skipna=False)
