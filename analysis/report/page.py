"""A report as one HTML page: nothing is loaded, no script runs, whatever a record says is text."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.report.blocks import Report
from analysis.report.table import plain

_TEMPLATES = Path(__file__).with_name("templates")
_MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: plain(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(report: Report) -> str:
    """Return the page. Its policy allows inline pictures and its one style sheet, by its hash."""
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _templates().get_template("report.html")
    return template.render(report=report, style=Markup(style), policy=Markup(policy), uri=_uri)


def _uri(data: bytes, suffix: str) -> Markup:
    return Markup("data:{};base64,{}").format(_MEDIA[suffix], base64.b64encode(data).decode())
