"""A report of estimates: put together, and written as files."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.report import conduct, findings
from analysis.report.blocks import Block, Numbers, Report, Section, TableBlock
from analysis.report.markdown import FIGURES, markdown
from analysis.report.recorded import Made, Recorded
from analysis.report.table import Table, save
from analysis.results import Estimates

_COUNTS = dict(enumerate("two three four five six seven eight nine".split(), 2))


def built(
    estimates: Estimates,
    made: Made,
    recorded: Recorded | None = None,
    only: Collection[str] | None = None,
) -> Report:
    """Put a report together.

    Args:
        estimates: of a study or a table.
        made: the command and the versions that make the report.
        recorded: what the study's records say besides; None for a table, which cannot say it.
        only: names of figures; None = all that the study allows.
    """
    study = estimates.study
    drawn, kinds = findings.figures(estimates, only)
    sections = [
        findings.answers(estimates),
        findings.gaps(estimates),
        drawn,
        conduct.design(estimates, recorded),
        conduct.deviations(study, recorded),
        findings.missing(estimates),
        conduct.costs(recorded),
        conduct.failures(study, recorded),
        findings.definitions(findings.kinds_shown(estimates, kinds)),
        findings.tests(estimates),
        conduct.provenance(recorded, made),
    ]
    models = study.models
    who = models[0] if len(models) == 1 else f"{_COUNTS.get(len(models), len(models))} models"
    name = recorded.name if recorded else f"table {study.name}"
    parts = (
        ("cell", study.layout.cells),
        ("task", study.layout.tasks),
        ("episode", study.episodes),
    )
    counts = (f"{len(own):,} {word}{'' if len(own) == 1 else 's'}" for word, own in parts)
    subtitle = f"{name}: {', '.join(counts)}"
    return Report(f"What holds {who} back", subtitle, _named_apart(sections))


def tables_of(estimates: Estimates) -> list[Table]:
    """Return the tables that a paper takes over: gaps, cells, bounds, tests."""
    parts = [findings.gaps(estimates), findings.missing(estimates), findings.tests(estimates)]
    blocks = (block for part in _named_apart(parts) for block in part.blocks)
    return [block.table for block in blocks if isinstance(block, TableBlock)]


def _named_apart(sections: Sequence[Section]) -> list[Section]:
    """Give every table a name of its own: two models' names may come out as one."""
    seen = Counter[str]()
    apart = []
    for section in sections:
        blocks = [_numbered(block, seen) for block in section.blocks]
        apart.append(replace(section, blocks=blocks))
    return apart


def _numbered(block: Block, seen: Counter[str]) -> Block:
    if not isinstance(block, TableBlock | Numbers):
        return block
    name = block.table.name
    seen[name] += 1
    if seen[name] == 1:
        return block
    return replace(block, table=replace(block.table, name=f"{name}-{seen[name]}"))


def write(report: Report, folder: Path) -> Path:
    """Write ``report.html``, ``report.md``, its pictures and its tables; return the page's path.

    Equal reports give equal bytes.
    """
    from analysis.report.page import html

    pictures = folder / FIGURES
    pictures.mkdir(parents=True, exist_ok=True)
    for one in report.pictures:
        for suffix, data in ((one.suffix, one.data), (f"_dark{one.suffix}", one.dark)):
            if data:
                (pictures / f"{one.name}{suffix}").write_bytes(data)
    save(report.tables, folder / "tables")
    (folder / "report.md").write_text(markdown(report), encoding="utf-8", newline="\n")
    page = folder / "report.html"
    page.write_text(html(report), encoding="utf-8", newline="\n")
    return page
