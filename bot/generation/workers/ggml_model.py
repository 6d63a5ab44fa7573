"""A GGML model in this process: ctransformers' token-level calls, made safe.

What is avoided of ctransformers 0.2.27: its `tokenize` gives the C function room for as many tokens
as there are characters, and one emoji may need more; its text stream drops what is no ASCII at the
end; it never parses control tokens; beyond the window it overwrites memory; and it takes
grouped-query attention from the file's name.
"""

import ctypes
import logging
import platform
import re
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ctransformers.llm import LLM, Config

from bot.generation.workers.ggml_header import GgmlHeader, read_ggml_header
from bot.generation.workers.model_files import ModelFileKind, detect_model_file
from bot.generation.workers.vocabulary import read_vocabulary

if TYPE_CHECKING:
    import numpy.typing as npt

_GGUF, _GGML = "gguf", "llama"
"""ctransformers' words for the kind of a file."""
_log = logging.getLogger(__name__)


class WindowExceededError(Exception):
    """More tokens than the window has."""


class GgmlModel:
    """A loaded model and the tokens that it has evaluated. Not for several threads at once."""

    def __init__(
        self,
        path: Path,
        *,
        context_length: int,
        gpu_layers: int = 0,
        threads: int = 1,
        batch_size: int = 8,
    ) -> None:
        """Load a file.

        Args:
            path: A GGML file of version 3, or GGUF of autumn 2023; Llama in either case.
            context_length: Tokens of the window.
            gpu_layers: Layers put on the GPU; more than 0 needs ctransformers' build for it.
            threads: For the processor's part.
            batch_size: Tokens of a prompt evaluated in one call.

        Raises:
            ModelFileError: If its header is damaged.
            RuntimeError: If ctransformers cannot load it; it says why on standard error.
        """
        is_ggml = detect_model_file(path) is ModelFileKind.GGML
        header = read_ggml_header(path) if is_ggml else None
        self.vocabulary = read_vocabulary(path, header)
        self._is_gguf = header is None
        self._batch_size = batch_size
        self._threads = threads
        config = Config(context_length=context_length, gpu_layers=gpu_layers)
        with _linked(path, header) as link:
            kind = _GGML if header else _GGUF
            self._model = LLM(str(link), kind, config=config, lib=_choose_library(gpu_layers))
        self._context: list[int] = []
        self._special = _compile(self.vocabulary.specials)

    @property
    def context_length(self) -> int:
        """Tokens of the window, as it was loaded."""
        return self._model.context_length

    def tokenize(self, text: str, *, start: bool = False, specials: bool = False) -> list[int]:
        """Cut text into tokens.

        Args:
            text: Any text.
            start: Whether the token that begins a text comes first.
            specials: Whether the texts of control tokens stand for those.
        """
        tokens = [self.vocabulary.start] if start else []
        known = self.vocabulary.specials
        parts = self._special.split(text) if specials and self._special else [text]
        for part in parts:
            if specials and part in known:
                tokens.append(known[part])
            elif part:
                tokens += self._tokenize_plain(part)
        return tokens

    def _tokenize_plain(self, text: str) -> list[int]:
        """The reference begins every stretch of text with a blank; C ends its texts at a NUL."""
        data = text.encode("utf-8", errors="replace")
        if self._is_gguf:  # there the package puts the blank itself, also after a NUL: none is kept
            return self._call_tokenize(data.replace(b"\0", b""))
        first, *others = (b" " + data).split(b"\0")
        tokens = self._call_tokenize(first)
        for part in others:
            tokens.append(self.vocabulary.bytes_at.get(0, 0))
            tokens += self._call_tokenize(part)
        return tokens

    def _call_tokenize(self, text: bytes) -> list[int]:
        if not text:
            return []
        # At worst each byte is a token of its own.
        room = (ctypes.c_int * (len(text) + 2))()
        count = self._model.ctransformers_llm_tokenize(text, False, room)
        return room[:count]

    def evaluate(self, tokens: Sequence[int]) -> Iterator[int]:
        """Make the model's state that of a text, step by step.

        What the text before has in common with this one is kept. The iterator may be left between
        any two steps.

        Yields:
            How many tokens are evaluated, those that were kept first of all.

        Raises:
            WindowExceededError: If the window has no room for them; the state stays as it is.
        """
        if len(tokens) > self.context_length:
            raise WindowExceededError
        kept = self._count_kept(tokens)
        del self._context[kept:]
        yield kept
        for begin in range(kept, len(tokens), self._batch_size):
            batch = tokens[begin : begin + self._batch_size]
            self._evaluate_batch(batch)
            yield begin + len(batch)

    def append(self, token: int) -> None:
        """Evaluate one token more.

        Raises:
            WindowExceededError: If the window is full; the state stays as it is.
        """
        if len(self._context) >= self.context_length:
            raise WindowExceededError
        self._evaluate_batch([token])

    def _count_kept(self, tokens: Sequence[int]) -> int:
        """All that is equal from the start, but for the last token: its logits are wanted."""
        most = min(len(tokens) - 1, len(self._context))
        return next((n for n in range(most) if tokens[n] != self._context[n]), max(0, most))

    def _evaluate_batch(self, batch: Sequence[int]) -> None:
        array = (ctypes.c_int * len(batch))(*batch)
        succeeded = self._model.ctransformers_llm_batch_eval(
            array, len(batch), len(self._context), len(batch), self._threads
        )
        if not succeeded:
            message = "ctransformers could not evaluate a batch"
            raise RuntimeError(message)
        self._context += batch

    @property
    def logits(self) -> "npt.NDArray[np.float32]":
        """Of the last token evaluated: a view into the model's memory, valid until the next."""
        data = self._model.ctransformers_llm_logits_data()
        return np.ctypeslib.as_array(data, (self._model.ctransformers_llm_logits_size(),))


def _compile(specials: Mapping[str, int]) -> re.Pattern[str] | None:
    """What finds control tokens in a text, the longest first; the texts found are kept."""
    texts = sorted((text for text in specials if text), key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, texts))})") if texts else None


@contextmanager
def _linked(path: Path, header: GgmlHeader | None) -> Generator[Path]:
    """A path under which ctransformers takes the model for what its header says.

    It believes in grouped-query attention, eight heads to one, where `70b` stands anywhere in a
    GGML file's path, and in none elsewhere. The tensors' shapes tell.
    """
    if header is None:
        yield path
        return
    name = "model.bin" if header.heads == header.kv_heads else "model-70b.bin"
    with tempfile.TemporaryDirectory(prefix="troupe-") as folder:
        link = Path(folder) / name
        try:
            link.symlink_to(path.resolve())
        except OSError:  # Windows lets few people make links
            _log.warning("%s keeps its name: no link to it can be made", path)
            link = path
        yield link


def _choose_library(gpu_layers: int) -> str | None:
    """Which of the package's builds runs here; None lets the package find out.

    For a processor it takes a second and a half to do so, at every start.
    """
    if gpu_layers or sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    flags = set(Path("/proc/cpuinfo").read_text("utf-8", errors="replace").split())
    return "avx2" if "avx2" in flags else "avx" if {"avx", "f16c"} <= flags else "basic"
