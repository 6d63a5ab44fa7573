"""Bytes to events, and text held back while it could be the start of a stop sequence."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import cast


async def read_events(
    pieces: AsyncIterator[bytes],
) -> AsyncGenerator[dict[str, object], None]:
    """Read the JSON objects of a server-sent event stream.

    Lines are joined across network pieces here, because llama.cpp's last event repeats the
    prompt and outgrows the line limits of stream readers. `[DONE]` and comments are passed over.

    Raises:
        ValueError: If an event is not a JSON object.
    """
    pending = b""
    async for piece in pieces:
        pending += piece
        *lines, pending = pending.split(b"\n")
        for line in lines:
            if (event := _read_line(line)) is not None:
                yield event
    if (event := _read_line(pending)) is not None:
        yield event


def _read_line(line: bytes) -> dict[str, object] | None:
    field, colon, value = line.strip().partition(b":")
    value = value.strip()
    if not colon or field not in {b"data", b"error"} or value == b"[DONE]":
        return None
    event: object = json.loads(value)
    if not isinstance(event, dict):
        message = f"an event of {len(value)} bytes that is no object"
        raise ValueError(message)
    facts = cast("dict[str, object]", event)
    # Servers of 2024 and before name the field `error` and leave the object around it away.
    return {"error": facts} if field == b"error" and "error" not in facts else facts


class StopScanner:
    """Passes text on up to a stop sequence and never shows half of one.

    A reply is scanned as if a line feed stood before it, because stop sequences are anchored with
    one and a reply may begin with a header. White space at the start of a reply is dropped. Of
    stop sequences that overlap, the one that is complete first counts.
    """

    def __init__(self, stop_sequences: Iterable[str], *, goes_on: bool = False) -> None:
        """Begin.

        Args:
            stop_sequences: Where the text ends.
            goes_on: Whether it goes on in mid-line: then nothing is dropped at its start.
        """
        self._stops = tuple(stop for stop in stop_sequences if stop)
        self._held = ""
        self._begun = self._anchor_passed = goes_on
        self.stopped = False

    def feed(self, text: str) -> str:
        """Take new text and return what may be shown for sure."""
        if self.stopped:
            return ""
        self._held += text
        if not self._begun:
            if not self._held.strip():
                return ""
            self._begun = True
            self._held = "\n" + self._held.lstrip()
        found = [(at + len(stop), at) for stop in self._stops if (at := self._find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._release(min(found)[1], drop_rest=True)
        return self._release(len(self._held) - self._longest_partial())

    def flush(self) -> str:
        """Return what was held back, when the text ended without a stop sequence."""
        if self.stopped or not self._begun:
            return ""
        return self._release(len(self._held))

    def _find(self, stop: str) -> int:
        # A bare line feed would match the one that we put there, and every reply would be empty.
        return self._held.find(stop, 1 if stop == "\n" and not self._anchor_passed else 0)

    def _release(self, end: int, *, drop_rest: bool = False) -> str:
        released, self._held = self._held[:end], "" if drop_rest else self._held[end:]
        if self._anchor_passed or not released:
            return released
        self._anchor_passed = True
        return released.removeprefix("\n")

    def _longest_partial(self) -> int:
        """Length of the longest tail that begins a stop sequence."""
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:size]):
                    longest = size
                    break
        return longest
