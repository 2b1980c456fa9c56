"""A page says what the record says, needs nothing but itself, and runs nothing."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from diagnose.cli.rebuilt import interventions_of
from diagnose.logs.listing import index_page
from diagnose.logs.page import episode_page
from diagnose.logs.told import cost, file_name
from diagnose.replay import replay
from tests.logs.played import REPLIES, changed, played
from tests.logs.reading import Page
from tests.logs.test_text import HOSTILE

LOADS = {"script", "iframe", "object", "embed", "link", "base", "form", "video", "audio"}


def page_of(record, **options) -> Page:
    html = episode_page(record, replay(record, interventions_of(record)), **options)
    return Page(html.decode())


def attributes(page: Page, tag: str, name: str) -> list[str]:
    return [attrs[name] for found, attrs in page.tags if found == tag and name in attrs]


def assert_inert(page: Page) -> None:
    """No script, nothing loaded from elsewhere, and a policy that would stop it all the same."""
    assert not page.names & LOADS
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
    assert all(
        source.startswith("data:image/png;base64,") for source in attributes(page, "img", "src")
    )
    assert all(
        re.fullmatch(r"#[a-z]+-\d+|[\w-]+\.html", to) for to in attributes(page, "a", "href")
    )
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert attributes(page, "meta", "content")[0] == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "url(" not in page.style
    assert "@import" not in page.style


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def record():
    return played()


def test_a_page_says_what_the_record_says(record):
    page = page_of(record)
    assert_inert(page)
    told = squeezed(page.text)
    assert "A-L1, run 2, cell 11 passed" in told
    assert "scripted/test · study test · episode 0123456789abcdef0123" in told
    for message in record.transcript:
        for line in message["content"].splitlines():
            if line.strip() and not line.startswith("```"):
                assert squeezed(line) in told
    assert "identification gap_hints 1 yes yes no" in told
    used = "yes" if record.interventions["knowledge_notes"].used else "no"
    assert f"consolidation knowledge_notes 1 yes yes {used}" in told
    assert "trials 5" in told
    assert "Trial 1: press(), 2 blocks, drawn at t = 0 rt" in told
    assert "Trial 2: press(), 2 blocks, the device of trial 1" in told
    assert "Trial 3: verify(), 2 blocks, the device of trial 1" in told
    # Two devices stood in the trials, and the one that was judged heads the page.
    pictures = attributes(page, "img", "src")
    assert len(pictures) == 3
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2])))
        image.verify()
        assert image.format == "PNG"
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 3


def test_the_lamps_bars_are_their_times(record):
    html = episode_page(record, replay(record, interventions_of(record))).decode()
    judged = html[html.index("The device that was judged") : html.index("<h2>Transcript")]
    bars = re.findall(
        r'<rect class="lit( wrong)?" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', judged
    )
    lamps = record.verdict["lamps"]
    assert len(bars) == len(lamps) == 4
    press = float(re.search(r'<path class="press" d="M([\d.]+) ', judged)[1])
    one = float(bars[0][2]) / (lamps[0]["fall_rt"] - lamps[0]["rise_rt"])  # pixels per rt
    for (wrong, left, width), lamp in zip(bars, lamps, strict=True):
        assert wrong == ""
        assert float(left) == pytest.approx(press + one * lamp["rise_rt"], abs=0.2)
        assert float(width) == pytest.approx(one * (lamp["fall_rt"] - lamp["rise_rt"]), abs=0.2)


def test_nothing_that_a_stranger_wrote_becomes_markup(record):
    plainly = {
        "content": HOSTILE + record.transcript[2]["content"],
        "tool_calls": [{"id": HOSTILE, "name": HOSTILE, "arguments": HOSTILE}],
    }
    hostile = replace(
        changed(changed(record, 2, **plainly), 3, content=HOSTILE, role=HOSTILE),
        model=HOSTILE,
        study=HOSTILE,
        missing_cause=HOSTILE,
        subject_log={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        verdict={**record.verdict, "reasons": [HOSTILE]},
    )
    page = page_of(hostile)
    assert_inert(page)
    clean = page_of(record)
    assert page.names <= clean.names | {"span"}
    assert page.text.count("<img src=x onerror=alert(1)>") >= 8
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    listed = Page(index_page([hostile, record]).decode())
    assert_inert(listed)
    assert "<img src=x onerror=alert(1)>" in listed.text


def test_odd_fields_of_later_versions_are_shown_and_earlier_ones_missed(record):
    report = {
        "question": "Why <b>?",
        "sections": {"claim": "dust <i>fades</i>"},
        "transcript": [{"role": "assistant", "content": "hm"}],
    }
    later = replace(record)
    for name, value in {
        "reports": (report,),
        "calls": (
            {
                "agent": "subject",
                "number": 0,
                "input_tokens": 1200,
                "output_tokens": 34,
                "cost_usd": 0.0123,
            },
        ),
        "chain": "A/run2/11",
        "causes": ({"cause": "dust_passing", "law": "dust_pointing", "lamps": 3},),
    }.items():
        object.__setattr__(later, name, value)
    told = squeezed(page_of(later).text)
    assert "Why <b>?" in told
    assert "dust <i>fades</i>" in told
    assert "1,200 + 34 tokens, $0.012" in told
    assert "chain A/run2/11" in told
    assert "dust_passing dust_pointing 3" in told


def test_an_episode_that_was_not_observed_has_a_page(record):
    none = replace(
        record,
        outcome="not_observed",
        stop_reason="not_observed",
        success=None,
        missing_cause="rate_limit: 429",
        verdict=None,
        circuit=None,
        transcript=(),
    )
    told = squeezed(page_of(none).text)
    assert "not observed" in told
    assert "rate_limit: 429" in told
    assert "Transcript" not in told


def test_a_departed_replay_is_said_and_the_record_s_verdict_stands(record):
    moved = changed(record, 6, content=REPLIES[2].replace("[7, 1, 8", "[7, 2, 8"))
    told = squeezed(page_of(moved).text)
    assert "departs from the record: its last device is another" in told
    assert told.index("passed") < told.index("departs from the record")


def test_without_pictures_a_page_has_times_alone(record):
    page = page_of(record, pictures=False, back="index.html")
    assert attributes(page, "img", "src") == []
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 3
    assert attributes(page, "a", "href")[0] == "index.html"


def test_the_list_of_episodes_hides_by_value(record):
    failed = replace(record, outcome="failed", success=False, run=1, episode_id="f" * 20)
    page = Page(index_page([record, failed]).decode())
    assert_inert(page)
    rows = [attrs["class"] for tag, attrs in page.tags if tag == "tr" and "class" in attrs]
    ids = attributes(page, "input", "id")
    assert ids == ["f-oall", "f-o0", "f-o1", "f-rall", "f-r0", "f-r1"]  # what differs alone
    # The rule of a checked value hides exactly the rows without its class.
    for chosen, shown in (("f-o0", 1), ("f-o1", 0), ("f-r0", 1), ("f-r1", 0)):
        rule = re.search(rf"body:has\(#{chosen}:checked\) tbody tr:not\(\.(\w+)\)", page.style)
        assert [rule[1] in row.split() for row in rows] == [n == shown for n in range(2)]
    assert attributes(page, "a", "href") == [file_name(record), file_name(failed)]
    assert "1 of 2 passed" in page.text


def test_names_of_files_hold_no_path():
    record = replace(played(), task="../../etc/passwd", cell="", episode_id="/x\n<y>")
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.html", file_name(record))


@pytest.mark.parametrize(
    ("usd", "said"), [(0, "$0"), (0.0123, "$0.012"), (1e-5, "$1e-05"), (1.5, "$1.50")]
)
def test_costs(usd, said):
    assert cost(usd) == said


def test_a_record_s_json_is_on_the_page(record):
    page = page_of(record)
    start = page.text.index('{\n "blocks"')
    shown, _ = json.JSONDecoder().raw_decode(page.text[start:])
    assert shown == json.loads(json.dumps(record.circuit))
