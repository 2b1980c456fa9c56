"""Tags of device files, to be edited and written again."""

import numpy as np

from diagnose.env.nbt import Long, Short


def typed(value, name=""):
    """Return tags read as they are to be written: a number forgets how long it was."""
    if isinstance(value, dict):
        return {key: typed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.astype(value.dtype.newbyteorder("="))
    if name in ("Width", "Height", "Length"):
        return Short(value)
    return Long(value) if name.startswith("Time") else value
