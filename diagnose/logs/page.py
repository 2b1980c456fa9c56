"""One episode as a page: what was said, what it built at each trial, how it was judged and why."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.trace import Trace, Window
from diagnose.errors import DiagnoseError
from diagnose.intervention import SHAM
from diagnose.logs.drawn import picture, timeline
from diagnose.logs.html import page
from diagnose.logs.text import coloured, parts_of, visible
from diagnose.logs.told import ENDS, OUTCOMES, bills, causes, facts, yes
from diagnose.models import ToolCall
from diagnose.records import EpisodeRecord
from diagnose.replay import Replayed, Trial
from diagnose.tasks import Family, Task, family_of, task

_MOST_REASONS = 12


def episode_page(
    record: EpisodeRecord, replayed: Replayed, *, pictures: bool = True, back: str = ""
) -> bytes:
    """Return a record's page.

    Args:
        record: the episode.
        replayed: the same, played again; its trials are drawn.
        pictures: whether devices are drawn; lamps' times are shown either way.
        back: a link to the list of episodes; ours, not a record's.
    """
    drawing = _Drawing(record, pictures=pictures)
    figures = [drawing.trial(number, trial) for number, trial in enumerate(replayed.trials, 1)]
    openings, turns = _transcript(record, replayed, figures)
    return page(
        "episode",
        title=f"{record.task} run {record.run} cell {record.cell}: {OUTCOMES[record.outcome]}",
        heading=f"{record.task}, run {record.run}, cell {record.cell or '–'}",
        outcome=record.outcome,
        outcome_said=OUTCOMES[record.outcome],
        subtitle=" · ".join(filter(None, (drawing.title, *_origin(record)))),
        facts=facts(record),
        missing=record.missing_cause,
        interventions=_interventions(record, replayed),
        verdict=drawing.verdict(),
        causes=_causes(record),
        departed=replayed.departed if record.transcript else "",
        openings=openings,
        turns=turns,
        consultations=_consultations(record),
        rest=_rest(record),
        back=Markup(back),
    )


class _Drawing:
    """What is drawn of one episode; each device once."""

    def __init__(self, record: EpisodeRecord, *, pictures: bool) -> None:
        self._record = record
        self._pictures = pictures
        self._first: dict[str, int] = {}
        self.task: Task | None = None
        self.family: Family | None = None
        try:
            self.task = task(record.task)
            self.family = family_of(self.task)
        except DiagnoseError:  # a task of another version: its devices are drawn without a rule
            pass

    @property
    def title(self) -> str:
        """What the task's family asks for."""
        return self.family.title if self.family else ""

    def trial(self, number: int, trial: Trial) -> dict[str, Any]:
        """Return a press or verdict as the template reads it."""
        verdict, circuit = trial.judged.verdict, trial.circuit
        said = "What the task's rule says of it" if trial.kind == "press" else "FAILED"
        shown: dict[str, Any] = {
            "kind": f"{trial.kind}()",
            "state": "passed"
            if verdict.passed and trial.kind == "verify"
            else trial.kind
            if trial.kind == "press"
            else "failed",
            "said": said,
            "reasons": verdict.reasons[:_MOST_REASONS],
            "blocks": len(circuit.blocks) if circuit else 0,
            "same_as": 0,
            "moment": "",
            "picture": "",
            "lamps": "",
        }
        if circuit is not None and trial.trace is not None:
            shown["same_as"] = same = self._first.setdefault(circuit.sha256, number)
            if same == number:
                shown.update(self._drawn(circuit, trial.trace), same_as=0)
        return shown

    def verdict(self) -> dict[str, Any] | None:
        """Return how the episode was judged, from the record alone."""
        record = self._record
        if record.verdict is None:
            return None
        reasons = record.verdict.get("reasons")
        shown: dict[str, Any] = {
            "ended": ENDS[record.stop_reason],
            "reasons": [str(one) for one in reasons[:_MOST_REASONS]]
            if isinstance(reasons, list)
            else [],
            "blocks": 0,
            "moment": "",
            "picture": "",
            "lamps": "",
        }
        if record.circuit is None or self.task is None or self.family is None:
            return shown
        try:
            circuit = Circuit.from_json(record.circuit, self.task.area_side)
            last_fall_rt = self.family.last_fall_rt(self.task)
            trace = press(circuit, self.task.area_side, last_fall_rt=last_fall_rt)
        except DiagnoseError:  # a circuit that no host of ours recorded
            return shown
        return {**shown, **self._drawn(circuit, trace), "blocks": len(circuit.blocks)}

    def _drawn(self, circuit: Circuit, trace: Trace) -> dict[str, Any]:
        at_rt = trace.brightest_rt()
        windows: Mapping[Any, Window] = {}
        if self.family and self.task and trace.lamps:
            windows = self.family.windows(self.task, trace)
        return {
            "moment": f"drawn at t = {at_rt:g} rt",
            # Markup: a data URI of our own making, which stands in an attribute.
            "picture": Markup(picture(circuit, at_rt)) if self._pictures else "",
            "lamps": timeline(trace, windows) if trace.lamps else "",
        }


def _origin(record: EpisodeRecord) -> tuple[str, str, str]:
    return (record.model, f"study {record.study}", f"episode {record.episode_id}")


def _interventions(record: EpisodeRecord, replayed: Replayed) -> list[dict[str, Any]]:
    """Return what each factor's intervention was and did, in the order of the cell's digits."""
    shown = []
    for name in record.factors:
        did = record.interventions.get(name)
        if did is None:
            continue
        offered = (replayed.offered or {}).get(name)
        texts = [offered.opening, *offered.helps] if offered else []
        text = "\n".join(one.strip() for one in texts if one)
        first = text.partition("\n")[0]
        shown.append(
            {
                "name": name,
                "capacity": did.capacity,
                "dose": {0: "off", SHAM: "sham"}.get(did.dose, str(did.dose)),
                "offered": yes(did.offered) if did.dose else "–",
                "seen": yes(did.seen),
                "used": yes(did.used),
                "text": text,
                "summary": first if len(first) <= 90 else f"{first[:90]}…",
            }
        )
    return shown


def _transcript(
    record: EpisodeRecord, replayed: Replayed, figures: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the messages before the first reply, and the turns: a reply with what answers it."""
    openings: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    billed = bills(record)
    for message in record.transcript:
        role, content = str(message.get("role")), str(message.get("content") or "")
        if role == "assistant":
            number = len(turns)
            mine = [
                (at, figure)
                for at, (trial, figure) in enumerate(zip(replayed.trials, figures, strict=True), 1)
                if trial.reply == number
            ]
            turns.append(
                {
                    "number": number + 1,
                    "bill": billed.get(number, ""),
                    "parts": [
                        (kind, coloured(text) if kind == "code" else visible(text.strip("\n")))
                        for kind, text in parts_of(content)
                        if text.strip()
                    ],
                    "calls": _calls(message),
                    "answers": [],
                    "trials": mine,
                    "state": _state(mine),
                    "marks": "".join(_mark(figure) for _, figure in mine[:8]),
                }
            )
        elif turns:
            turns[-1]["answers"].append({"role": _ROLES.get(role, role), "html": visible(content)})
        else:
            named = _ROLES.get(role, role) if role != "user" else "The task, as the subject read it"
            size = f"{len(content):,} characters"
            openings.append(
                {"role": named, "size": size, "html": visible(content), "open": role == "user"}
            )
    return openings, turns


_ROLES = {"system": "System prompt", "user": "the host shows", "tool": "the host shows"}


def _calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a message's tool calls, each with its program or, without one, its arguments."""
    calls = message.get("tool_calls")
    return [
        {
            "name": str(call.get("name")),
            "html": coloured(code) if (code := ToolCall.of(call).code) else visible(_json(call)),
        }
        for call in (calls if isinstance(calls, list | tuple) else ())
        if isinstance(call, Mapping)
    ]


def _state(trials: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    states = [figure["state"] for _, figure in trials]
    return next((one for one in ("passed", "failed", "press") if one in states), "")


def _mark(figure: Mapping[str, Any]) -> str:
    return {"passed": "✓", "failed": "✗"}.get(figure["state"], "•")


def _causes(record: EpisodeRecord) -> dict[str, Any] | None:
    """Return the failure causes as a table of whatever they say."""
    found = causes(record)
    if not found:
        return None
    names = list(dict.fromkeys(str(name) for one in found for name in one))
    return {
        "names": names,
        "rows": [[_short(one.get(name, "")) for name in names] for one in found],
    }


def _short(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _consultations(record: EpisodeRecord) -> list[dict[str, Any]]:
    """Return the scientist's reports, with what it did to write them."""
    shown = []
    for report in getattr(record, "reports", ()):
        sections = report.get("sections")
        messages = report.get("transcript")
        shown.append(
            {
                "question": str(report.get("question")),
                "sections": [
                    (str(name).replace("_", " "), _short(text))
                    for name, text in (sections.items() if isinstance(sections, Mapping) else ())
                ],
                "messages": [
                    (str(one.get("role")), visible(_said(one)))
                    for one in (messages if isinstance(messages, list | tuple) else ())
                    if isinstance(one, Mapping)
                ],
            }
        )
    return shown


def _said(message: Mapping[str, Any]) -> str:
    programs = [ToolCall.of(call).code or "" for call in message.get("tool_calls") or ()]
    return "\n".join([str(message.get("content") or ""), *programs]).strip()


def _rest(record: EpisodeRecord) -> list[tuple[str, str]]:
    """Return what a page has no better place for: nothing of a record is hidden."""
    hashes = {
        name: getattr(record, name) for name in ("task_sha256", "prompt_sha256", "circuit_sha256")
    }
    kept: tuple[tuple[str, object], ...] = (
        ("what the subject says of itself", record.subject_log),
        ("knowledge book at the end", list(getattr(record, "book", ()))),
        ("calls", list(getattr(record, "calls", ()))),
        ("configuration", record.config),
        ("versions", record.versions),
        ("hashes", hashes),
        ("circuit", record.circuit),
        ("verdict", record.verdict),
    )
    return [(name, _json(value, indent=1)) for name, value in kept if value]


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=indent is not None)
