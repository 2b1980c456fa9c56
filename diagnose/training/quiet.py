"""Keep the libraries' progress bars, and their words to one another, off the user's terminal."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# What a library of the pinned set says of another's, or of an option that is meant as given.
EXPECTED = (
    ".*is_gradient_checkpointing.* is deprecated.*",  # PEFT of transformers
    ".*label_smoothing_factor.* is deprecated.*",  # TRL of an option that it takes
)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence them while the block runs, and leave everything as it was."""
    import datasets
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    tables = datasets.is_progress_bar_enabled()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            for message in EXPECTED:
                warnings.filterwarnings("ignore", message=message, category=FutureWarning)
            yield
    finally:
        if bars:
            logging.enable_progress_bar()
        logging.set_verbosity(level)
        if tables:
            datasets.enable_progress_bars()
