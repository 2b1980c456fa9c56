"""Model-written code: what it can do, what stops it, and what of that is told."""

import os
import re
import signal
import subprocess
import sys

import pytest

from diagnose.errors import ConfigError, InfrastructureError, SubjectError
from diagnose.sandbox import Halt, Limits, Ran, Sandbox
from diagnose.subjects.briefing import system_prompt
from diagnose.subjects.budgets import Budgets
from tests.agent.beside import TASK

SHORT = Limits(wall_s=0.5, memory_bytes=16_000_000, recursion=100, host_calls=50, printed=300)


class Counter:
    """A host function that keeps what it was given."""

    def __init__(self):
        self.given = []
        self.refused = []

    def put(self, x, y=0):
        if x == "bad":
            raise SubjectError("no such thing")
        self.given.append((x, y))
        return {"at": [x, y]}

    def stop(self):
        raise Halt

    @property
    def functions(self):
        return {"put": self.put, "stop": self.stop}


def run(*blocks: str, limits: Limits = SHORT, counter: Counter | None = None) -> Ran:
    """Run blocks in one sandbox and return what the last one did."""
    counter = counter or Counter()
    with Sandbox(limits, seed=1) as sandbox:
        return [sandbox.run(code, counter.functions, counter.refused.append) for code in blocks][-1]


def test_a_program_prints_calls_and_has_a_value():
    counter = Counter()
    ran = run("for i in range(3):\n    print(put(i, y=i + 1))\ni * 2", counter=counter)
    assert ran.stdout == "".join(f"{{'at': [{i}, {i + 1}]}}\n" for i in range(3))
    assert (ran.value, ran.error, ran.calls) == (4, None, 3)
    assert counter.given == [(0, 1), (1, 2), (2, 3)]


def test_variables_and_functions_live_until_a_limit():
    blocks = ["x = 4\ndef f():\n    return x + 1", "f()"]
    assert run(*blocks).value == 5
    stopped = run(*blocks, "while True:\n    pass")
    assert stopped.forgot
    assert run(*blocks, "while True:\n    pass", "f()").error.startswith("NameError")
    assert run(*blocks, "1 / 0", "f()").value == 5  # an ordinary error loses nothing


def test_a_host_error_reaches_the_code_and_can_be_caught():
    assert run("put(1)\nput('bad')").error == "ValueError: no such thing (line 2: put('bad'))"
    assert run("try:\n    put('bad')\nexcept ValueError as e:\n    print(e)").stdout == (
        "no such thing\n"
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("put()", "put(): missing a required argument: 'x'"),
        ("put(1, 2, 3)", "put(): too many positional arguments"),
        ("put(1, z=2)", "put(): got an unexpected keyword argument 'z'"),
        ("put(float('nan'))", "put(): the number nan is not finite"),
        ("put(10 ** 100)", "put(): an integer beyond 64 bits"),
        ("put({1, 2})", "put(): a value of type set"),
        ("put([[0] * 1000] * 1000)", "put(): more than 200000 values in one call"),
        ("put('a' * 10_000_000)", "put(): a string of 10000000 characters"),
        ("x = []\nx.append(x)\nput(lambda: 1, b'a', x)", "put(): too many positional arguments"),
        ("class A:\n    pass\nput(A())", "put(): a value of type MontyClassProxy"),
    ],
)
def test_wrong_arguments_never_reach_the_function(call, says):
    counter = Counter()
    ran = run(call, counter=counter)
    assert ran.error is not None
    assert ran.error.startswith("TypeError: ")
    assert says in ran.error or "a value of type" in ran.error
    assert (counter.given, counter.refused) == ([], ["put"])


def test_the_modules_named_in_the_prompt_can_be_imported():
    prompt = system_prompt(TASK, Budgets(), SHORT)
    (names,) = re.findall(r"modules (\w+(?:, \w+)+)", prompt.replace("\n", " "))
    assert run(f"import {names}").error is None
    assert len(names.split(", ")) == 7


def test_halt_ends_the_block_whatever_is_caught():
    counter = Counter()
    ran = run("try:\n    stop()\nexcept BaseException:\n    pass\nput(1)", counter=counter)
    assert (ran.halted, ran.error, counter.given) == (True, None, [])


def test_a_bug_of_a_host_function_is_not_hidden():
    def broken():
        raise ZeroDivisionError("ours")

    with Sandbox(SHORT) as sandbox:
        with pytest.raises(ZeroDivisionError, match="ours"):
            sandbox.run("try:\n    f()\nexcept Exception:\n    pass", {"f": broken})
        assert sandbox.run("1 + 1", {}).value == 2


TIME = "stopped: ran longer than 0.5 s"
MEMORY = "stopped: used more than 16 MB"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("while True:\n    pass", TIME),
        (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            TIME,
        ),
        ("i = 0\nwhile True:\n    i += 1\n    if i % 100_000 == 0:\n        print(i)", TIME),
        ("while True:\n    print('x' * 100)", TIME),
        ("import re\nre.match('(a|aa)+$', 'a' * 60 + 'b')", ""),
        ("x = [0]\nwhile True:\n    x = x + x", MEMORY),
        ("x = 'a'\nwhile True:\n    x = x + x", MEMORY),
        ("2 ** 10 ** 10", MEMORY),
        ("try:\n    [0] * 10 ** 9\nexcept MemoryError:\n    print('caught')\n1 / 0", ""),
        ("'a' * 10 ** 12", MEMORY),
        ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError"),
        (
            "try:\n    while True:\n        put(1)\nexcept BaseException:\n    pass",
            "stopped: more than 50 calls",
        ),
        (
            "while True:\n    try:\n        put(1)\n    except BaseException:\n        pass",
            "stopped: more than 50 calls",
        ),
        ("open('/etc/passwd').read()", "PermissionError"),
        ("open('x', 'w')", "PermissionError"),
        ("import os\nos.environ", "RuntimeError"),
        ("import os\nos.system('true')", "AttributeError"),
        ("import socket", "ModuleNotFoundError"),
        ("import subprocess", "ModuleNotFoundError"),
        ("__import__('os')", "NameError"),
        ("().__class__.__bases__[0].__subclasses__()", "AttributeError"),
        ("put.__globals__", "AttributeError"),
        ("put.__self__", "AttributeError"),
        ("import sys\nsys._getframe()", "AttributeError"),
        ("globals()['put']", "NameError"),
        ("raise SystemExit(3)", "RuntimeError: the sandbox's Python cannot do that"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("print(", "SyntaxError"),
        ("x = '\ud800'", "SyntaxError"),
        ("x = 1\n" * 100_000, "SyntaxError: the code is longer"),
        ("(" * 5000 + ")" * 5000, "SyntaxError"),
        ("list(map(put, [1]))", "NotImplementedError"),
        ("import asyncio\nasync def f():\n    await put(1)\nasyncio.run(f())", "TypeError"),
    ],
)
def test_hostile_code_is_an_outcome_and_the_next_program_runs(code, error):
    counter = Counter()
    with Sandbox(SHORT) as sandbox:
        ran = sandbox.run(code, counter.functions)
        assert ran.error is not None or not error
        assert (ran.error or "").startswith(error)
        assert len(counter.given) <= SHORT.host_calls
        assert len(ran.stdout) <= SHORT.printed
        assert sandbox.run("put(7)\n6 * 7", counter.functions).value == 42


def test_what_is_told_of_a_timeout_does_not_depend_on_the_machine():
    code = "i = 0\nwhile True:\n    i += 1\n    if i % 100_000 == 0:\n        print(i)"
    assert run(code) == Ran(error=TIME, forgot=True)
    flood = run("i = 0\nwhile True:\n    print(i)\n    i += 1")
    assert flood == Ran(error=TIME, forgot=True)


def test_a_long_print_is_cut_and_counted():
    ran = run("print('a' * 1000, end='')\nprint('b')")
    assert (ran.stdout, ran.cut, ran.error) == ("a" * 300, 702, None)


def test_clock_randomness_and_addresses_repeat():
    code = (
        "import random, time, datetime\nclass A:\n    pass\ntime.sleep(1000)\n"
        "print(random.random(), time.time(), datetime.datetime.now(), A(), hash('a'), {'b', 'a'})"
    )
    first = run(code)
    assert first.error is None
    run("x = [1] * 10_000\nput(3)")  # another episode in between, in the same process
    assert run(code) == first
    with Sandbox(SHORT, seed=2) as other:
        assert other.run(code, {}).stdout != first.stdout


def test_a_killed_interpreter_is_infrastructure():
    with Sandbox(SHORT) as sandbox:
        assert sandbox.run("1", {}).value == 1
        pid = sandbox.interpreter_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(InfrastructureError) as caught:
            sandbox.run("2", {})
        assert caught.value.cause == "sandbox_died"
        assert sandbox.run("3", {}).value == 3


FORKING = """
import os, warnings
from diagnose.sandbox import Sandbox
warnings.simplefilter("ignore", DeprecationWarning)  # it forks beside threads: that is the point
def interpreter():
    with Sandbox() as sandbox:
        assert sandbox.run("6 * 7", {}).value == 42
        return sandbox.interpreter_pid
first = interpreter()
for depth in range(2):  # children, and children of children
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
        assert interpreter() == first  # a child that ends leaves its parent's alone
        break
    assert interpreter() != first
    first = interpreter()
"""


def test_a_forked_child_has_interpreters_of_its_own():
    """In a process of its own, so that the fork meets no thread of the test runner."""
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=60)


@pytest.mark.parametrize("name", ["wall_s", "memory_bytes", "recursion", "host_calls", "printed"])
def test_limits_are_positive(name):
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: 0})
