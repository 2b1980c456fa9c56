"""A report of estimates: put together, and written as files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.report import conduct, findings
from analysis.report.blocks import Numbers, Report, Section, TableBlock
from analysis.report.markdown import FIGURES, markdown
from analysis.report.page import html
from analysis.report.recorded import Made, Recorded
from analysis.report.table import save
from analysis.results import Estimates


def built(estimates: Estimates, made: Made, recorded: Recorded | None = None) -> Report:
    """Put a report together.

    Args:
        estimates: of a study or a table.
        made: the command and the versions that make the report.
        recorded: what the study's records say besides; None for a table, which cannot say it.
    """
    study = estimates.study
    drawn, kinds = findings.figures(estimates)
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
    who = models[0] if len(models) == 1 else f"{len(models)} models"
    subtitle = (
        f"{recorded.name if recorded else f'table {study.name}'}: {len(study.layout.cells)} cells, "
        f"{len(study.layout.tasks)} tasks, {len(study.episodes):,} episodes"
    )
    return Report(f"What holds {who} back", subtitle, _named_apart(sections))


def _named_apart(sections: Sequence[Section]) -> list[Section]:
    """Give every table a name of its own: two models' names may come out as one."""
    seen = Counter[str]()
    apart = []
    for section in sections:
        blocks = []
        for block in section.blocks:
            if isinstance(block, TableBlock | Numbers):
                name = block.table.name
                seen[name] += 1
                if seen[name] > 1:
                    table = replace(block.table, name=f"{name}-{seen[name]}")
                    block = replace(block, table=table)  # noqa: PLW2901
            blocks.append(block)
        apart.append(replace(section, blocks=blocks))
    return apart


def write(report: Report, folder: Path) -> Path:
    """Write ``report.html``, ``report.md``, its pictures and its tables; return the page's path.

    Equal reports give equal bytes.
    """
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
