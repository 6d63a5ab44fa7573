"""The vocabulary of a GGML or GGUF model file: what each token says, and which are more than text.

ctransformers gives neither: it never parses control tokens and has no text for them.

A GGML file has control tokens without any text, byte tokens as that byte, words with blanks, and at
the end tokens that were added to the vocabulary, all with the same score.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from bot.generation.workers.ggml_header import GgmlHeader, read_ggml_header
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    detect_model_file,
    read_gguf_metadata,
)

if TYPE_CHECKING:
    from pathlib import Path

_LLAMA_START, _LLAMA_END = 1, 2
"""Where every Llama vocabulary has `<s>` and `</s>`; a GGML file does not say."""
_FIRST_BYTE, _BYTES = 3, 256
"""Where every Llama vocabulary has its byte tokens, and how many."""
_ADDED_SCORE = -1000.0
_USUAL_PLACE = _FIRST_BYTE + _BYTES + 1000
"""Where a word has that score by its rank."""
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_CONTROL, _USER_DEFINED, _BYTE_TYPE, _UNKNOWN = 3, 4, 6, 2
"""GGUF's token types."""
_ENDS = ("</s>", "<|im_end|>", "<|endoftext|>", "<|end_of_turn|>", "<|eot_id|>")
"""Tokens that end a turn in one format or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What the ids of a model mean."""

    pieces: tuple[bytes, ...] = field(repr=False)
    """What each id says; nothing for control tokens. Together they may be half a character."""
    specials: dict[str, int] = field(repr=False)
    """Texts that stand for one token each in a prompt's control segments."""
    bytes_at: dict[int, int] = field(repr=False)
    """The token of a byte that is no part of a piece."""
    start: int
    ends: frozenset[int]
    """Ids after which a reply is over."""

    def decode(self, tokens: Iterable[int]) -> bytes:
        """What tokens say together."""
        return b"".join(self.pieces[token] for token in tokens)


def read_vocabulary(path: "Path", header: GgmlHeader | None = None) -> Vocabulary:
    """Read the vocabulary of a model file.

    Args:
        path: Where it is.
        header: A GGML file's, where it has been read already: that takes some 50 ms each time.

    Raises:
        ModelFileError: If the file is damaged or of a kind that has none to read.
    """
    if header or detect_model_file(path) is ModelFileKind.GGML:
        pieces = _list_ggml_pieces((header or read_ggml_header(path)).entries)
        vocabulary = _assemble(pieces, start=_LLAMA_START, end=_LLAMA_END)
    else:
        vocabulary = _read_gguf_vocabulary(path)
    missing = _BYTES - len(vocabulary.bytes_at)
    if missing:  # native code aborts where it needs one
        found = f"its vocabulary has no token for {missing} of the 256 bytes"
        raise ModelFileError(path, found, "take the GGUF file, and TROUPE_ENGINE__KIND=llamacpp")
    return vocabulary


def _read_gguf_vocabulary(path: "Path") -> Vocabulary:
    values = read_gguf_metadata(path)
    tokens, types = values.get("tokenizer.ggml.tokens"), values.get("tokenizer.ggml.token_type")
    if not isinstance(tokens, tuple) or not isinstance(types, tuple):
        remedy = "take a file that was converted with its vocabulary"
        raise ModelFileError(path, "it holds no SentencePiece vocabulary", remedy)
    return _assemble(
        _list_gguf_pieces(cast("tuple[str, ...]", tokens), cast("tuple[int, ...]", types)),
        start=_read_id(values, "bos", _LLAMA_START),
        end=_read_id(values, "eos", _LLAMA_END),
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """One entry of a vocabulary, whatever file it is from."""

    said: bytes
    special: str = ""
    byte: int | None = None


def _assemble(pieces: Sequence[_Piece], *, start: int, end: int) -> Vocabulary:
    specials = {piece.special: number for number, piece in enumerate(pieces) if piece.special}
    ends = {end} | {specials[text] for text in _ENDS if text in specials}
    return Vocabulary(
        pieces=tuple(piece.said for piece in pieces),
        specials=specials,
        bytes_at={p.byte: number for number, p in enumerate(pieces) if p.byte is not None},
        start=start,
        ends=frozenset(ends),
    )


def _list_gguf_pieces(tokens: Sequence[str], types: Sequence[int]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for text, kind in zip(tokens, types, strict=False):
        if kind in {_CONTROL, _UNKNOWN}:
            pieces.append(_Piece(b"", text))
        elif kind == _BYTE_TYPE and (match := _BYTE.fullmatch(text)):
            value = int(match[1], 16)
            pieces.append(_Piece(bytes([value]), byte=value))
        else:
            said = text.replace("\u2581", " ").encode()
            pieces.append(_Piece(said, text if kind == _USER_DEFINED else ""))
    return pieces


def _list_ggml_pieces(entries: Sequence[tuple[bytes, float]]) -> list[_Piece]:
    words = _FIRST_BYTE + _BYTES
    pieces = [_Piece(said) for said, _ in entries]
    for number, (said, _) in enumerate(entries[_FIRST_BYTE:words], start=_FIRST_BYTE):
        pieces[number] = _Piece(said, byte=said[0] if len(said) == 1 else None)
    for number in range(len(entries) - 1, words, -1):
        if entries[number][1] != _ADDED_SCORE or number == _USUAL_PLACE:
            break
        pieces[number] = _Piece(b"", entries[number][0].decode("utf-8", errors="replace"))
    pieces[:_FIRST_BYTE] = [_Piece(b"", text) for text in ("<unk>", "<s>", "</s>")]
    return pieces


def _read_id(values: dict[str, object], name: str, usual: int) -> int:
    number = values.get(f"tokenizer.ggml.{name}_token_id", usual)
    return number if isinstance(number, int) else usual
