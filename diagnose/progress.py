"""How far a study is: one updating line on a terminal, a line at each end when piped."""

import time
from typing import TextIO

from diagnose.ledger import Ledger

REDRAW_EVERY_S = 0.1


class Progress:
    """Prints to ``stream``; costs nothing between redraws."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._drawn_at = float("-inf")
        self._width = 0

    def start(self, total: int, missing: int, workers: int, slots: int = 1) -> None:
        """Begin: ``missing`` of ``total`` episodes are to run now."""
        self._total, self._missing, self._done = total, missing, 0
        self._began_at = time.monotonic()
        each = f", {slots} at once on each" if slots > 1 else ""
        self.say(f"{total} episodes, {missing} to run on {workers} workers{each}")

    def update(self, ledger: Ledger) -> None:
        """Count one record; redraw on a terminal, at most ten times a second."""
        self._done += 1
        now = time.monotonic()
        if self._live and now - self._drawn_at >= REDRAW_EVERY_S:
            self._drawn_at = now
            self._draw(self._line(ledger))

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

    def _line(self, ledger: Ledger) -> str:
        passed = f"{ledger.passed / ledger.observed:.1%}" if ledger.observed else "no data"
        parts = [f"{len(ledger)}/{self._total}", f"success {passed}"]
        if self._done:
            rate = self._done / max(time.monotonic() - self._began_at, 1e-9)
            parts.append(f"{rate:.3g} episodes/s")
            if self._done < self._missing:
                parts.append(f"{_duration((self._missing - self._done) / rate)} left")
        parts.append(f"${ledger.cost_usd:.2f}")
        if ledger.not_observed:
            parts.append(f"{ledger.not_observed} not observed")
        return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
