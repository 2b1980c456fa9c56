"""How messages are laid out for a model: its own chat template, a plain one, or a file of Jinja."""

import hashlib
from pathlib import Path
from typing import Any

from diagnose.errors import ConfigError

PLAIN = (
    "{% for message in messages %}### {{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ message['content'] }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### assistant\n{% endif %}"
)
BEGUN = "{{ bos_token }}"  # laid before it where the tokeniser begins every text so


def read_template(field: str, template: str) -> str | None:
    """Return the Jinja that a setting names; None where it is the model's own.

    Raises:
        ConfigError: the file cannot be read.
    """
    if template == "own":
        return None
    if template == "plain":
        return PLAIN
    try:
        return Path(template).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "give own, plain, or a file of Jinja that can be read"
        raise ConfigError(field, template, remedy) from error


def template_sha256(field: str, template: str) -> str:
    """Return the hash of a template that is not the model's own; empty for that one.

    Raises:
        ConfigError: the file cannot be read.
    """
    text = read_template(field, template)
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()


def lay_out(tokenizer: Any, field: str, template: str) -> None:
    """Give a tokeniser the chat template that a setting names.

    Args:
        tokenizer: of transformers.
        field: of the configuration that names the template, for messages.
        template: ``own``, ``plain``, or a file of Jinja.

    Raises:
        ConfigError: the tokeniser has none of its own, or the file cannot be read.
    """
    text = read_template(field, template)
    if text == PLAIN and _begins(tokenizer):
        text = BEGUN + PLAIN
    if text is not None:
        tokenizer.chat_template = text
    if not isinstance(tokenizer.chat_template, str) or not tokenizer.chat_template:
        remedy = f"the tokeniser has no chat template: give {field}=plain, or a file of Jinja"
        raise ConfigError(field, template, remedy)


def _begins(tokenizer: Any) -> bool:
    """Whether a tokeniser begins every text with a token: a model that never saw one without errs.

    Gemma's base of 270M gives plain English 2.6 nats a token with it and 6.0 without.
    """
    start = tokenizer.bos_token_id
    return start is not None and list(tokenizer("")["input_ids"])[:1] == [start]
