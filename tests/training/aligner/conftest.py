"""No hub is asked; the four families are one parameter."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

# PEFT 0.21 and TRL 1.16 use names that transformers 5.23 has renamed.
RENAMED = "ignore:.*gradient_checkpointing.* is deprecated:FutureWarning"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(RENAMED))


@pytest.fixture(params=("llama", "qwen2", "qwen3", "gemma3"))
def family(request):
    return request.param
