"""What a program says and asks does not pile up in the host."""

import hashlib
import sys

from diagnose.env import questions
from diagnose.episode import run_episode
from diagnose.records import canonical_json
from tests.agent.beside import Saying, code, episode


def test_a_long_question_is_cut_before_it_is_remembered() -> None:
    padding = "z" * (questions.MOST_CHARACTERS - len("redstone dust "))
    long = [f"redstone dust {padding}{number:050000d}" for number in range(3)]
    held = [sys.getrefcount(text) for text in long]
    assert [questions.match(text) for text in long] == [questions.match(long[0][:2000])] * 3
    assert [sys.getrefcount(text) for text in long] == held


def test_texts_are_hashed_as_they_come_and_not_kept() -> None:
    texts = [f'{number}: "quoted", \n, ünïcode' for number in range(5)]
    waiting = iter(texts)
    intervention = Saying(functions={"ask": (lambda: next(waiting), "ask(): asks.")})
    record = run_episode(
        episode(code("for i in range(5):", "    ask()"), interventions={"oracle": intervention})
    )
    said = ["ask(): ask(): asks.", *texts]
    expected = hashlib.sha256(canonical_json(said).encode()).hexdigest()
    assert record.interventions["oracle"].text_sha256 == expected
