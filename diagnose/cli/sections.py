"""A section of a configuration, made into what it names."""

from collections.abc import Mapping
from typing import Any

from diagnose.errors import ConfigError, InputError


def without(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a section without some of its keys."""
    return {key: value for key, value in entry.items() if key not in names}


def made(where: str, entry: Mapping[str, Any]) -> Any:
    """Instantiate a Hydra node; our own errors pass, others are named by their section.

    Raises:
        ConfigError: it cannot be instantiated.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(dict(entry))
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        cause = error.__cause__ or error
        raise ConfigError(where, entry.get("_target_"), str(cause).splitlines()[0]) from error


def values[T](where: str, kind: type[T], entry: Mapping[str, Any]) -> T:
    """Return a section's values as a ``kind``.

    Raises:
        ConfigError: a name or value is none of it.
    """
    try:
        return kind(**entry)
    except TypeError as error:
        raise ConfigError(where, dict(entry), str(error)) from error
