"""Errors that a user can act on: each message names the file or argument and says what to do.

A message about an argument begins with its name and a colon, ``method: ...``, and what to give instead reads as in a
call, ``bootstrap=0``, or has the name in backticks. The command line says it with its options, ``--compare: ...`` and
``--bootstrap 0``.
"""


class VentralrnnError(Exception):
    """Base of the errors that the command line shows as one line, without a traceback."""


class GraphError(VentralrnnError, ValueError):
    """A graph of areas and connections that cannot be run; the message names the area or connection."""


class SpecificationError(VentralrnnError, ValueError):
    """A model specification, checkpoint or model name that cannot be used."""


class StimulusError(VentralrnnError, ValueError):
    """A stimulus or a set of stimuli that cannot be read; the message names the file."""


class UnreadableStimulusError(StimulusError):
    """A stimulus that cannot be read, in a set whose others may be in order."""


class RecordingError(VentralrnnError, ValueError):
    """A recording that cannot be made, continued or read."""


class DataError(VentralrnnError, ValueError):
    """A data set that is unknown, missing, or not the file that its hash promises."""


class TrainingError(VentralrnnError, ValueError):
    """A training run that cannot be started, continued or finished; the message says what to try."""


class DeviceError(VentralrnnError, ValueError):
    """A device to compute on that is not there."""


class AnalysisError(VentralrnnError, ValueError):
    """Arrays that cannot be analysed as asked; the message names the argument."""
