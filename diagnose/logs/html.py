"""Pages of one file: a template with its style sheet inside, and a policy that runs no script."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from diagnose.logs.text import plain, visible

_TEMPLATES = Path(__file__).with_name("templates")


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,  # whatever a record says is text
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


def page(template: str, *, title: str, more_style: str = "", **values: Any) -> bytes:
    """Return a page that needs nothing but itself.

    Nothing is loaded, no script runs and no form is sent: the policy allows inline pictures and
    this one style sheet, by its hash.

    Args:
        template: of the folder ``templates``.
        title: of the window.
        more_style: rules of this page alone; ours, never a record's.
        values: what the template names. Plain strings are shown as ``visible`` shows them; what
            stands in an attribute is Markup, made here.
    """
    style = _style() + more_style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text = (
        _templates()
        .get_template(f"{template}.html")
        .render(
            title=plain(title),
            style=Markup(style),
            policy=Markup(policy),
            **values,
        )
    )
    return text.encode()
