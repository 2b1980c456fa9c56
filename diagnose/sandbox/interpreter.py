"""One episode's interpreter: variables live from turn to turn, limits hold per block of code.

Host functions are answered one suspension at a time rather than by the library's callbacks: six
times cheaper (0.03 ms a call), and a block can be stopped at a call, which no code can catch.
"""

import datetime as dt
import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from diagnose.errors import ConfigError, InfrastructureError, SubjectError
from diagnose.sandbox.pool import Loaded, loaded
from diagnose.sandbox.values import MAX_PARTS, measured

HostFunctions = Mapping[str, Callable[..., Any]]
EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)  # the clock stands still: records must repeat
MAX_CODE = 200_000  # characters
MAX_GIVEN = 20 * MAX_PARTS  # values in all arguments of a block's calls: some seconds of the host


class Halt(BaseException):
    """Raised by a host function: the block ends here, whatever anyone would catch."""


@dataclass(frozen=True)
class Limits:
    """What one block of code may use.

    Raises:
        ConfigError: a limit is not positive.
    """

    wall_s: float = 5.0  # seconds of the code's own running, time in host functions left out
    memory_bytes: int = 64_000_000  # of all variables of the episode
    recursion: int = 200  # nested calls
    host_calls: int = 10_000  # calls of host functions
    printed: int = 8_000  # characters kept; more are counted, not kept

    def __post_init__(self) -> None:
        """Check the limits."""
        for name, value in vars(self).items():
            plain = type(value) is int or (name == "wall_s" and type(value) is float)
            if not plain or not 0 < value < 2**31:
                raise ConfigError(f"limits.{name}", value, "give more than 0, less than 2**31")


@dataclass(frozen=True)
class Ran:
    """What a block did."""

    stdout: str = ""  # what it printed, cut at the limit
    cut: int = 0  # characters printed beyond the limit
    value: object = None  # of its last line, when that is an expression
    error: str | None = None  # type, message and line
    calls: int = 0  # host functions called
    halted: bool = False  # a host function ended it
    forgot: bool = False  # the variables of earlier blocks are lost


class _LimitError(Exception):
    """The block used more than its limits allow; the text says of what."""


class Sandbox:
    """Runs the blocks of one episode. Use as a context manager."""

    def __init__(self, limits: Limits | None = None, seed: int = 0) -> None:
        """Prepare; nothing starts before the first block.

        Args:
            limits: per block; the defaults suit building by hand and by loop.
            seed: of the sandbox's ``random``.
        """
        self.limits = limits or Limits()
        self._seed = seed
        self._stack = ExitStack()
        self._session: Any = None
        self._feeds = 0

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the process back."""
        self._drop()

    @property
    def interpreter_pid(self) -> int | None:
        """The process that runs this episode's code; None before the first block."""
        pid: int | None = self._session.worker_pid if self._session else None
        return pid

    def run(
        self,
        code: str,
        functions: HostFunctions,
        refused: Callable[[str], None] = lambda _name: None,
    ) -> Ran:
        """Run one block.

        A host function's ``SubjectError`` reaches the code as a ValueError, wrong arguments as a
        TypeError; ``Halt`` ends the block; anything else it raises passes through to the caller.

        Args:
            code: the block.
            functions: what it may call, by name.
            refused: told the name of a function whose call never reached it: wrong arguments.

        Raises:
            InfrastructureError: the interpreter died through no doing of the code.
        """
        if len(code) > MAX_CODE:
            return Ran(error=f"SyntaxError: the code is longer than {MAX_CODE} characters")
        block = _Block(self._open(), functions, refused, self.limits)
        self._feeds += 1
        finished = False
        try:
            ran = block.drive(self._session, code)
            finished = not ran.forgot and not ran.halted
            return ran
        finally:
            if not finished:
                self._drop()  # after a limit or in the middle of a call nothing inside is sound

    def state(self) -> bytes | None:
        """Return all variables between two blocks; None where the next block begins with none.

        The bytes restore the same variables, but the same variables need not give the same bytes.

        Raises:
            InfrastructureError: the interpreter died.
        """
        if self._session is None:
            return None
        try:
            return bytes(self._session.dump())
        except loaded().library.MontyError as error:
            raise InfrastructureError("sandbox_died", str(error)) from error

    def resume(self, state: bytes | None) -> None:
        """Go on from what ``state`` returned, here or in another process, and from nothing else.

        Raises:
            InfrastructureError: the interpreter cannot be started, or refuses the bytes.
        """
        self._drop()
        if state is None:
            return
        now = self._open()
        try:
            self._session.load_session(state)
        except (now.library.MontyError, RuntimeError, ValueError) as error:
            self._drop()
            raise InfrastructureError("sandbox_failed", str(error)) from error

    def _open(self) -> Loaded:
        now = loaded()
        if self._session is None:
            checkout = now.pool.checkout(
                limits={
                    "max_feed_duration_secs": self.limits.wall_s,
                    "max_memory": self.limits.memory_bytes,
                    "max_recursion_depth": self.limits.recursion,
                    "max_suspensions": 2**31 - 1,  # per session: a block's calls are counted here
                },
                os_policy={
                    "datetime": EPOCH,
                    "sleep": "zero",
                    "process_time": "zero",
                    "random_start": {"seed": self._seed},
                },
            )
            try:
                self._session = self._stack.enter_context(checkout)
            except TimeoutError as error:
                raise InfrastructureError("sandbox_busy", str(error)) from error
            except now.library.MontyError as error:
                raise InfrastructureError("sandbox_died", str(error)) from error
            self._feeds = 0
        return now

    def _drop(self) -> None:
        self._session = None
        self._stack.close()


class _Block:
    """One block on its way through the interpreter."""

    def __init__(
        self,
        now: Loaded,
        functions: HostFunctions,
        refused: Callable[[str], None],
        limits: Limits,
    ) -> None:
        self._lib = now.library
        self._functions = functions
        self._refused = refused
        self._signatures: dict[str, inspect.Signature] = {}
        self._limits = limits
        self._kept: list[str] = []
        self._room = limits.printed
        self._cut = 0
        self._calls = 0
        self._given = 0

    def drive(self, session: Any, code: str) -> Ran:
        """Run the code to its end, its error, a limit or a Halt."""
        try:
            step = session.feed_start(code, print_callback=self._print)
            while not isinstance(step, self._lib.MontyComplete):
                step = self._answer(step)
            return self._ran(value=step.output)
        except Halt:
            return self._ran(halted=True, forgot=True)
        except _LimitError as limit:
            return self._ran(error=f"stopped: {limit}", forgot=True)
        except self._lib.MontyCrashedError as error:
            if error.timed_out:
                return self._out_of_time()
            raise InfrastructureError("sandbox_died", str(error)) from error
        except (self._lib.MontySyntaxError, self._lib.MontyRuntimeError) as error:
            return self._failed(error)
        except self._lib.MontyError as error:
            raise InfrastructureError("sandbox_failed", str(error)) from error

    def _answer(self, step: Any) -> Any:
        """Answer one suspension and return the next."""
        if isinstance(step, self._lib.NameLookupSnapshot):
            known = step.object_id is None and step.variable_name in self._functions
            if not known:
                return step.resume()
            return step.resume(value=_named(step.variable_name))
        if not isinstance(step, self._lib.FunctionSnapshot):
            raise _LimitError("waiting for something that never comes")
        if step.is_os_function:
            return step.resume_not_handled()
        return step.resume(self._call(step.function_name, step.args, step.kwargs))

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        function = self._functions.get(name)
        if function is None:
            return {"exc_type": "NameError", "message": f"name {_clean(name)!r} is not defined"}
        if self._calls >= self._limits.host_calls:
            raise _LimitError(f"more than {self._limits.host_calls} calls of host functions")
        self._calls += 1
        cost, fault = measured(*args, *kwargs, *kwargs.values())
        self._given += cost  # refused ones too: reading them is what costs the host its time
        if self._given > MAX_GIVEN:
            raise _LimitError(f"more than {MAX_GIVEN} values given to host functions")
        try:
            if fault:
                raise SubjectError(fault)
            bound = self._signature(name, function).bind(*args, **kwargs)
        except (SubjectError, TypeError) as error:
            self._refused(name)
            return {"exc_type": "TypeError", "message": _clean(f"{name}(): {error}")}
        try:
            return {"return_value": function(*bound.args, **bound.kwargs)}
        except SubjectError as error:
            return {"exc_type": "ValueError", "message": _clean(str(error))}

    def _signature(self, name: str, function: Callable[..., Any]) -> inspect.Signature:
        known = self._signatures.get(name)
        if known is None:
            known = self._signatures[name] = inspect.signature(function)
        return known

    def _print(self, _stream: str, text: str) -> None:
        """Keep the head of what is printed: its end would hang on the machine's speed."""
        head = text[: self._room]
        self._kept.append(head)
        self._room -= len(head)
        self._cut += len(text) - len(head)

    def _ran(
        self,
        value: object = None,
        error: str | None = None,
        *,
        halted: bool = False,
        forgot: bool = False,
    ) -> Ran:
        return Ran("".join(self._kept), self._cut, value, error, self._calls, halted, forgot)

    def _out_of_time(self) -> Ran:
        """Tell of the limit and of nothing that depends on how far the machine came."""
        self._kept.clear()
        self._cut = 0
        text = f"stopped: ran longer than {self._limits.wall_s:g} s"
        return self._ran(error=text, forgot=True)

    def _failed(self, error: Any) -> Ran:
        """Name the error and its line; texts that vary from run to run are replaced."""
        text = str(error)
        if isinstance(error, self._lib.MontySyntaxError):
            text = f"SyntaxError: {text}"
        if text.startswith("TimeoutError: feed time limit"):
            return self._out_of_time()
        lines = [frame for frame in error.traceback() if frame.line > 0]
        place = ""
        if lines:
            last = lines[-1]
            source = (last.source_line or "").strip()
            place = f" (line {last.line}: {source[:200]})"
        if text.startswith("MemoryError: ") and "limit" in text:
            megabytes = self._limits.memory_bytes // 1_000_000
            return self._ran(error=f"stopped: used more than {megabytes} MB{place}", forgot=True)
        if text.startswith("RuntimeError: Internal error in monty"):
            text = "RuntimeError: the sandbox's Python cannot do that"
        return self._ran(error=f"{text[:1000]}{place}")


def _named(name: str) -> Callable[..., None]:
    """Return what stands for a host function inside: the library passes on its ``__name__``."""

    def stand_in() -> None:
        raise AssertionError("never called: calls arrive as suspensions")

    stand_in.__name__ = name
    return stand_in


def _clean(text: str) -> str:
    """Return ``text`` without lone surrogates, which do not cross to the interpreter."""
    return text.encode("utf-8", "replace").decode()
