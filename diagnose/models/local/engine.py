"""Answers from weights, written side by side: each is what it would be if it were written alone."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch

from diagnose.models.local.loading import adapted, model_of, tokenizer_of
from diagnose.models.local.memory import (
    CHUNK,
    Beginnings,
    Memory,
    Pairs,
    Prompt,
    Room,
    mask_of,
    room_of,
)
from diagnose.models.local.sampling import Sampler
from diagnose.models.local.settings import Settings

SEEN_BACK = 32  # characters before a stop text that its last token may have begun in


@dataclass
class Job:
    """One answer that is asked for, and how far it is written."""

    ids: Sequence[int]
    folder: str  # of the weights; empty = the model's own
    sampler: Sampler
    most: int  # tokens it may have
    stop: Sequence[str] = ()
    made: list[int] = field(default_factory=list)
    text: str = ""
    finish: str = ""
    done: "Future[Job]" = field(default_factory=Future)


class Engine:
    """A model, what stands beside it, and the thread that does the arithmetic."""

    def __init__(self, settings: Settings) -> None:
        """Load the model.

        Raises:
            ConfigError: it cannot be read, or its adapter does not fit.
        """
        torch.set_num_threads(settings.threads)
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
        self._settings = settings
        self._tokenizer = tokenizer_of(settings.model, settings.template)
        self._base = model_of(settings.model, settings.dtype, settings.device)
        self._writers: dict[str, Writer] = {}
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        own = self._base.config.get_text_config()
        self.context = settings.context or int(own.max_position_embeddings)
        self._ends = _ends(self._base, self._tokenizer)
        self.rows = self._writer(settings.adapter).rows
        threading.Thread(target=self._work, daemon=True).start()

    def encoded(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return a conversation's tokens, ready to be answered."""
        read = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return list(map(int, read))

    def submit(self, job: Job) -> "Future[Job]":
        """Have an answer written."""
        self._waiting.put(job)
        return job.done

    def close(self) -> None:
        """End the thread once what it writes is written."""
        self._waiting.put(None)

    def _writer(self, folder: str) -> "Writer":
        if folder not in self._writers:
            dtype, device = self._settings.dtype, self._settings.device
            model = adapted(self._base, folder, dtype, device) if folder else self._base
            memory = self._settings.prefix_cache_mb * 1_000_000
            self._writers[folder] = Writer(model, self._settings.batch, memory)
        return self._writers[folder]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _work(self) -> None:
        held: list[Job] = []
        ended = False
        while not ended or held or any(one.busy for one in self._writers.values()):
            idle = not held and not any(one.busy for one in self._writers.values())
            while idle or not self._waiting.empty():
                job = self._waiting.get()
                if job is None:
                    ended = True
                else:
                    held.append(job)
                idle = False
            held = [job for job in held if not self._begun(job)]
            for writer in list(self._writers.values()):
                for job in writer.step(self._told):
                    self._finish(job)

    def _begun(self, job: Job) -> bool:
        """Begin an answer if there is room; one that cannot be begun is done, with its error."""
        try:
            writer = self._writer(job.folder)
            if not writer.has_room(job):
                return False
            if writer.begin(job, self._told):
                self._finish(job)
        except Exception as error:  # noqa: BLE001 - the thread's boundary: the call's own error
            job.done.set_exception(error)
        return True

    def _told(self, job: Job, token: int) -> bool:
        """Take a token; whether the answer ends with it."""
        if token in self._ends:
            job.finish = "stop"
            return True
        job.made.append(token)
        if job.stop:
            tail = self._tokenizer.decode(job.made[-SEEN_BACK:], skip_special_tokens=True)
            if any(stop in tail for stop in job.stop):
                job.finish = "stop"
                return True
        if len(job.made) >= job.most:
            job.finish = "length"
        return bool(job.finish)

    def _finish(self, job: Job) -> None:
        text = self._tokenizer.decode(job.made, skip_special_tokens=True)
        places = [at for stop in job.stop if (at := text.find(stop)) >= 0]
        job.text = text[: min(places)] if places else text
        job.done.set_result(job)


class _Bench:
    """One room of answers that are being written."""

    def __init__(self, room: Room, rows: int) -> None:
        self.room = room
        self.jobs: list[Job | None] = [None] * rows
        self.tokens = torch.zeros(rows, 1, dtype=torch.long, device=room.places.device)

    @property
    def free(self) -> int:
        """The first free row; -1 where there is none."""
        return next((row for row, job in enumerate(self.jobs) if job is None), -1)


class Writer:
    """One set of weights, and the answers that it writes."""

    def __init__(self, model: Any, rows: int, memory_bytes: int) -> None:
        self._model = model
        config = model.config.get_text_config()
        self._layers = int(config.num_hidden_layers)
        kinds = set(getattr(config, "layer_types", None) or ())
        self._window = int(config.sliding_window) if "sliding_attention" in kinds else 0
        self._dtype = next(model.parameters()).dtype
        self._device = next(model.parameters()).device
        self._beginnings = Beginnings(memory_bytes)
        self._benches: dict[int, list[_Bench]] = {}
        self.rows = rows if rows == 1 or self._is_alike(rows) else 1

    @property
    def busy(self) -> bool:
        """Whether it writes."""
        return any(any(bench.jobs) for own in self._benches.values() for bench in own)

    def has_room(self, job: Job) -> bool:
        """Whether an answer can be begun now."""
        own = self._benches.get(room_of(len(job.ids) + 1), [])
        return not own or any(bench.free >= 0 for bench in own)

    def begin(self, job: Job, told: Any) -> bool:
        """Read a prompt and write the first token; whether that was all."""
        pairs, logits = self._read(job.ids)
        token = job.sampler.next(logits)
        if told(job, token):
            return True
        self._seat(job, token, pairs, len(job.ids))
        return False

    def _seat(self, job: Job, token: int, pairs: Pairs, place: int) -> None:
        """Give an answer a row: its last token is still to be read, at ``place``."""
        length = room_of(place + 1)
        own = self._benches.setdefault(length, [])
        bench = next((one for one in own if one.free >= 0), None)
        if bench is None:
            bench = _Bench(Room(self.rows, length, pairs), self.rows)
            own.append(bench)
        row = bench.free
        bench.room.put(row, pairs)
        bench.room.places[row], bench.tokens[row, 0], bench.jobs[row] = place, token, job

    def _read(self, ids: Sequence[int]) -> tuple[Pairs, Any]:
        """Read a prompt; its keys and values, and the logits of what follows it."""
        known = self._beginnings.of(ids)
        prompt = Prompt(self._layers, known)
        logits = None
        for start in range(len(known) * CHUNK, len(ids), CHUNK):
            end = min(start + CHUNK, len(ids))
            prompt.begin()
            tokens = torch.tensor([ids[start:end]], device=self._device)
            at = torch.arange(start, end, device=self._device)[None]
            logits = self._logits(tokens, at, end, prompt)
            if end - start == CHUNK:
                self._beginnings.add(ids[:end], prompt.new)
        assert logits is not None  # a prompt has at least one token that is not known
        return prompt.pairs, logits[0]

    def step(self, told: Any) -> list[Job]:
        """Write a token of every answer; those that have ended."""
        ended: list[Job] = []
        for length, own in list(self._benches.items()):
            for bench in [one for one in own if any(one.jobs)]:
                self._write(bench, length, told, ended)
            self._benches[length] = [one for one in own if any(one.jobs)] or own[:1]
        return ended

    def _write(self, bench: _Bench, length: int, told: Any, ended: list[Job]) -> None:
        room = bench.room
        logits = self._logits(bench.tokens, room.places[:, None], length, room)
        for row, job in enumerate(bench.jobs):
            if job is None:
                continue
            token = job.sampler.next(logits[row])
            place = int(room.places[row]) + 1
            bench.tokens[row, 0], room.places[row] = token, place
            over = told(job, token)
            if over:
                ended.append(job)
            if over or place >= length:
                bench.jobs[row] = None
                bench.tokens[row, 0], room.places[row] = 0, 0
                if not over:
                    self._seat(job, token, room.taken(row, place), place)

    def _logits(self, tokens: Any, at: Any, length: int, memory: Memory) -> Any:
        """Return the logits of what follows each row's last token. Shape: rows, vocabulary."""
        mask: Any = mask_of(at, length, 0, self._dtype)
        if self._window:
            near = mask_of(at, length, self._window, self._dtype)
            mask = {"full_attention": mask, "sliding_attention": near}
        said = self._model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=at,
            past_key_values=memory.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return said.logits[:, -1].float().cpu().numpy()

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _is_alike(self, rows: int) -> bool:
        """Whether a row's logits are the same bits in every row and beside any others.

        That hangs on the machine's arithmetic, so it is tried; where it fails, answers are written
        one by one.
        """
        vocabulary = int(self._model.config.get_text_config().vocab_size)
        draw = torch.Generator().manual_seed(0)
        found = set()
        for shift in range(2):
            many = torch.randint(vocabulary, (rows, CHUNK), generator=draw).to(self._device)
            many[shift::2] = torch.arange(CHUNK, device=self._device) % vocabulary
            pairs = [self._read(row.tolist())[0] for row in many]
            room = Room(rows, room_of(CHUNK + 1), pairs[0])
            for row, own in enumerate(pairs):
                room.put(row, own)
                room.places[row] = CHUNK
            tokens = torch.randint(vocabulary, (rows, 1), generator=draw).to(self._device)
            tokens[shift::2] = 1
            logits = self._logits(tokens, room.places[:, None], room.length, room)
            found |= {logits[row].tobytes() for row in range(shift, rows, 2)}
        return len(found) == 1


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the model's own and the tokenizer's."""
    own = model.generation_config.eos_token_id
    listed = own if isinstance(own, list) else [own]
    return frozenset(int(one) for one in [*listed, tokenizer.eos_token_id] if one is not None)
