"""A report as Markdown, its figures as files beside it."""

from collections.abc import Sequence

from analysis.report.blocks import Block, Commands, Facts, Heading, Picture, Report, Words
from analysis.report.table import marked, plain

FIGURES = "figures"  # folder of the pictures


def markdown(report: Report) -> str:
    """Return the page's text; pictures are links into ``FIGURES``."""
    parts = [f"# {marked(report.title)}", marked(report.subtitle)]
    for section in report.sections:
        parts.append(f"## {marked(section.title)}")
        parts += map(_written, section.blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


def _written(block: Block) -> str:
    match block:
        case Words():
            said = marked(block.text)
            return {"lead": f"**{said}**", "note": f"> {said}"}.get(block.tone, said)
        case Heading():
            return f"### {marked(block.text)}"
        case Facts():
            return "\n".join(f"- {marked(name)}: {marked(value)}" for name, value in block.pairs)
        case Commands():
            return _fenced(block.lines)
        case Picture():
            title, caption = marked(block.title), marked(block.caption)
            link = f"![{title}]({FIGURES}/{block.name}{block.suffix})" if block.data else ""
            parts = (link, f"**{title}** {caption}", _fenced(block.commands))
            return "\n\n".join(part for part in parts if part)
        case _:
            return block.table.markdown()


def _fenced(lines: Sequence[str]) -> str:
    """Return lines as code: indented, so that nothing in them can end it."""
    return "\n".join(f"    {plain(line)}" for line in lines)
