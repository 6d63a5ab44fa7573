"""A completion as llama.cpp's server streams it, one event a step of the model."""

import codecs
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from bot.generation.llama_protocol import read_sampler
from bot.generation.streaming import StopScanner
from bot.generation.workers.sampling import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from bot.generation.workers.vocabulary import Vocabulary

Event = dict[str, object]


class TokenModel(Protocol):
    """What a completion needs of a model."""

    @property
    def vocabulary(self) -> "Vocabulary":
        """What its ids mean."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens of its window."""
        ...

    @property
    def logits(self) -> "npt.NDArray[np.float32]":
        """Of the token evaluated last."""
        ...

    def evaluate(self, tokens: Sequence[int]) -> "Iterator[int]":
        """Make its state that of a text, and yield how far it is."""
        ...

    def append(self, token: int) -> None:
        """Evaluate one token more."""
        ...


@dataclass(slots=True, kw_only=True)
class _Costs:
    """What llama.cpp tells in `timings`."""

    cached: int = 0
    evaluated: int = 0
    said: int = 0
    began: float = field(default_factory=time.monotonic)
    prompt_done: float | None = None

    def write(self) -> Event:
        now = time.monotonic()
        prompt_done = now if self.prompt_done is None else self.prompt_done
        return {
            "cache_n": self.cached,
            "prompt_n": self.evaluated,
            "prompt_ms": 1000 * (prompt_done - self.began),
            "predicted_n": self.said,
            "predicted_ms": 1000 * (now - prompt_done),
        }


class Completion:
    """One request's way through the model. Its events are made in the model's thread."""

    def __init__(
        self, model: TokenModel, tokens: Sequence[int], body: Mapping[str, object]
    ) -> None:
        """Read what was asked for.

        Args:
            model: Nobody else uses it until the events have ended or are closed.
            tokens: The prompt; there is room for one more in the window.
            body: The rest of the request.

        Raises:
            ValueError: If a value is of the wrong kind.
        """
        self._model = model
        self._text = list(tokens)
        room = model.context_length - len(self._text)
        limit = _read_int(body, "n_predict", -1)
        self._limit = room if limit < 0 else min(limit, room)
        seed = _read_int(body, "seed", -1)
        self._sampler = Sampler(read_sampler(body), seed=None if seed < 0 else seed)
        self._scanner = StopScanner(_read_texts(body, "stop"), goes_on=body.get("goes_on") is True)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._costs = _Costs()

    def events(self) -> Generator[Event, None, None]:
        """What the server sends; closing it between two events leaves the model usable."""
        yield from self._read_prompt()
        stop_type, held = "limit", ""
        while self._costs.said < self._limit:
            token = self._sampler.choose(self._model.logits, self._text)
            self._costs.said += 1
            if token in self._model.vocabulary.ends:
                stop_type = "eos"
                break
            self._text.append(token)
            said = self._decoder.decode(self._model.vocabulary.pieces[token])
            text = self._scanner.feed(said)
            if self._scanner.stopped:
                stop_type, held = "word", text
                break
            yield {"content": text, "tokens": [token], "stop": False}
            if self._costs.said < self._limit:
                self._model.append(token)
        if not self._scanner.stopped:
            held = self._scanner.feed(self._decoder.decode(b"", final=True)) + self._scanner.flush()
        yield self._write_last(stop_type, held)

    def _read_prompt(self) -> Generator[Event, None, None]:
        costs, total = self._costs, len(self._text)
        for step, done in enumerate(self._model.evaluate(self._text)):
            if step == 0:
                costs.cached = done
            costs.evaluated = done - costs.cached
            yield {
                "content": "",
                "stop": False,
                "prompt_progress": {"total": total, "cache": costs.cached, "processed": done},
            }
        costs.prompt_done = time.monotonic()

    def _write_last(self, stop_type: str, text: str) -> Event:
        return {
            "content": text,
            "stop": True,
            "stop_type": stop_type,
            "id_slot": 0,
            "tokens_evaluated": self._costs.cached + self._costs.evaluated,
            "tokens_predicted": self._costs.said,
            "timings": self._costs.write(),
        }


def _read_int(body: Mapping[str, object], name: str, usual: int) -> int:
    value = body.get(name, usual)
    if not isinstance(value, int):
        message = f"{name} is no whole number"
        raise ValueError(message)
    return value


def _read_texts(body: Mapping[str, object], name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list):
        message = f"{name} is no list"
        raise ValueError(message)
    return [str(item) for item in cast("list[object]", value)]
