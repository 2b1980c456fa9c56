"""The list of a study's episodes, with plain buttons that show some of them: no script runs."""

from collections.abc import Sequence

from markupsafe import Markup

from diagnose.logs.html import page
from diagnose.logs.told import OUTCOMES, causes, cost, file_name
from diagnose.records import EpisodeRecord

_MOST_WRONG = 120  # characters


def index_page(records: Sequence[EpisodeRecord]) -> bytes:
    """Return the page that lists records, linking to ``file_name`` of each."""
    groups = [
        _Group("outcome", "o", [OUTCOMES[one.outcome] for one in records]),
        _Group("cell", "c", [one.cell or "–" for one in records]),
        _Group("task", "t", [one.task for one in records]),
        _Group("run", "r", [str(one.run) for one in records]),
    ]
    models = sorted({one.model for one in records})
    passed = sum(one.outcome == "passed" for one in records)
    observed = sum(one.outcome != "not_observed" for one in records)
    told = [", ".join(models), f"{len(records):,} episodes", f"{passed:,} of {observed:,} passed"]
    if observed < len(records):
        told.append(f"{len(records) - observed:,} not observed")
    told.append(cost(sum(one.usage.cost_usd for one in records)))
    studies = ", ".join(sorted({one.study for one in records}))
    return page(
        "index",
        title=f"Episodes of {studies}",
        more_style="".join(group.style() for group in groups),
        heading=f"Episodes of {studies}",
        subtitle=" · ".join(told),
        groups=[group.shown() for group in groups if len(group.choices) > 1],
        rows=[
            _row(record, " ".join(group.key_of(at) for group in groups))
            for at, record in enumerate(records)
        ],
        digits=", ".join(records[0].factors) if records else "",
    )


class _Group:
    """A property by which rows are chosen: radio buttons and style rules, one per value.

    Values are numbered, so that nothing a record says becomes part of a rule.
    """

    def __init__(self, name: str, prefix: str, values: Sequence[str]) -> None:
        self.name = name
        self.choices = sorted(set(values))
        self._prefix = prefix
        number = {value: at for at, value in enumerate(self.choices)}
        self._keys = [f"{prefix}{number[value]}" for value in values]

    def key_of(self, row: int) -> str:
        """Return the class that a row has for its value."""
        return self._keys[row]

    def style(self) -> str:
        """Return the rules that hide the rows of other values."""
        return "".join(
            f"body:has(#f-{self._prefix}{at}:checked) tbody tr:not(.{self._prefix}{at})"
            "{display:none}\n"
            for at in range(len(self.choices))
        )

    def shown(self) -> dict[str, object]:
        """Return what the template reads; the first choice is all."""
        ids = [
            f"f-{self._prefix}all",
            *(f"f-{self._prefix}{at}" for at in range(len(self.choices))),
        ]
        return {
            "name": self.name,
            "key": Markup(self._prefix),
            "choices": [
                {"id": Markup(one), "said": said}
                for one, said in zip(ids, ["all", *self.choices], strict=True)
            ],
        }


def _row(record: EpisodeRecord, classes: str) -> dict[str, object]:
    used = record.usage
    wrong = next((str(one.get("cause")) for one in causes(record)), "")
    if not wrong and record.verdict:
        wrong = next(map(str, record.verdict.get("reasons") or ()), "")
    wrong = record.missing_cause or wrong
    return {
        "classes": Markup(classes),
        "href": Markup(file_name(record)),
        "name": f"{record.task} run {record.run}",
        "cell": record.cell,
        "outcome": record.outcome,
        "outcome_said": OUTCOMES[record.outcome],
        "ended": "" if record.stop_reason == "not_observed" else record.stop_reason,
        "turns": used.turns,
        "trials": used.trials,
        "tokens": f"{used.input_tokens + used.output_tokens:,}",
        "cost": cost(used.cost_usd),
        "wrong": wrong if len(wrong) <= _MOST_WRONG else f"{wrong[:_MOST_WRONG]}…",
    }
