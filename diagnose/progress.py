"""How far a study is: one updating line on a terminal, a line at each end when piped."""

import time
from collections.abc import Callable, Mapping
from typing import TextIO

from diagnose.ledger import Ledger

REDRAW_EVERY_S = 0.1
IDLE_REDRAW_S = 1.0  # where nothing is recorded: what it waits for may change
SAY_WAIT_EVERY_S = 60.0  # where lines are not redrawn


class Progress:
    """Prints to ``stream``; costs nothing between redraws."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._drawn_at = float("-inf")
        self._width = 0
        self._cells: dict[str, tuple[int, int]] = {}  # recorded, and planned
        self._waiting: Callable[[], str] = str
        self._said_at = float("-inf")

    def start(self, total: int, missing: int, workers: int, slots: int = 1) -> None:
        """Begin: ``missing`` of ``total`` episodes are to run now."""
        self._total, self._missing, self._done = total, missing, 0
        self._began_at = time.monotonic()
        each = f", {slots} at once on each" if slots > 1 else ""
        self.say(f"{total} episodes, {missing} to run on {workers} workers{each}")

    def waits_for(self, waiting: Callable[[], str]) -> None:
        """Show what ``waiting`` says, beside the counts: empty for nothing."""
        self._waiting = waiting

    def start_cells(self, done: Mapping[str, int], planned: Mapping[str, int]) -> None:
        """Count by cell too: how many episodes are recorded, and how many there will be."""
        self._cells = {cell: (done.get(cell, 0), most) for cell, most in planned.items()}

    def fewer(self, count: int) -> None:
        """Expect so many episodes fewer: a look has stopped them."""
        self._missing -= count

    def update(self, ledger: Ledger, cell: str = "") -> None:
        """Count one record of a cell; redraw on a terminal, at most ten times a second."""
        self._done += 1
        if cell in self._cells:
            done, most = self._cells[cell]
            self._cells[cell] = (done + 1, most)
        now = time.monotonic()
        if self._live and now - self._drawn_at >= REDRAW_EVERY_S:
            self._drawn_at = now
            self._draw(self._line(ledger) + self._by_cell() + self._wait())

    def tick(self, ledger: Ledger) -> None:
        """Redraw though nothing was recorded, so that a wait shows; piped, say so each minute."""
        now = time.monotonic()
        if now - self._drawn_at < IDLE_REDRAW_S:  # asking what calls wait for reads a file
            return
        self._drawn_at = now
        if self._live:
            self._draw(self._line(ledger) + self._by_cell() + self._wait())
        elif now - self._said_at >= SAY_WAIT_EVERY_S and (wait := self._wait()):
            self._said_at = now
            self.say(self._line(ledger) + wait)

    def _wait(self) -> str:
        waiting = self._waiting()
        return f"  {waiting}" if waiting else ""

    def finish(self, ledger: Ledger) -> None:
        """End with the last state on a line of its own."""
        self.say(self._line(ledger))

    def say(self, text: str) -> None:
        """Print one whole line, over the updating one if there is one."""
        if self._live and self._width:
            self._draw("")
            self._stream.write("\r")
            self._width = 0
        self._stream.write(text + "\n")
        self._stream.flush()

    def _draw(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def _by_cell(self) -> str:
        """Return the cell that has least and the one that has most, of what each will have."""
        if len(self._cells) < 2:
            return ""
        done = [counts[0] for counts in self._cells.values()]
        most = max(counts[1] for counts in self._cells.values())
        return f"  cells {min(done)} to {max(done)} of {most}"

    def _line(self, ledger: Ledger) -> str:
        passed = f"{ledger.passed / ledger.observed:.1%}" if ledger.observed else "no data"
        parts = [f"{len(ledger)}/{self._total}", f"success {passed}"]
        if self._done:
            rate = self._done / max(time.monotonic() - self._began_at, 1e-9)
            parts.append(f"{rate:.3g} episodes/s")
            if self._done < self._missing:
                parts.append(f"{duration((self._missing - self._done) / rate)} left")
        parts.append(f"${ledger.cost_usd:.2f}")
        if ledger.not_observed:
            parts.append(f"{ledger.not_observed} not observed")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds as h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
