"""Whether the extra ``train`` is installed; asked before anything of it is imported."""

from importlib.util import find_spec

from diagnose.errors import ConfigError

NEEDED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "gguf")


def require_train(field: str = "train") -> None:
    """Refuse to go on without the extra.

    Raises:
        ConfigError: one of its packages is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        remedy = 'it needs the extra train: pip install -e ".[train]"'
        raise ConfigError(field, f"without {', '.join(missing)}", remedy)
