"""Small models of the tests' own, which say nothing and whose vocabulary is what counts."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.generation.workers.model_files import read_gguf_metadata
from tests.gguf_files import Sizes, list_places, list_values, write_gguf

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
_SPECIAL = (UNKNOWN, CONTROL, USER_DEFINED)
_PIECES = ("##", "###", "Mira", "Res", "ponse", "ob", "ey", "im", "end", "US", "ER", "IN", "ST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """A model file, and the tokens that are no text."""

    path: Path
    specials: dict[int, str]


def read_vocabulary(path: Path) -> Vocabulary:
    """By the file's own kinds of tokens."""
    values = read_gguf_metadata(path)
    texts, kinds = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    assert isinstance(texts, tuple)
    assert isinstance(kinds, tuple)
    specials = {
        number: str(text)
        for number, (text, kind) in enumerate(zip(texts, kinds, strict=True))
        if kind in _SPECIAL
    }
    return Vocabulary(path=path, specials=specials)


def write_sentencepiece(path: Path, specials: tuple[str, ...]) -> Vocabulary:
    """As Llama 2 and Mistral have it: bytes, a few pieces, and markers of all families."""
    added = [text for text in specials if text not in {"<unk>", "<s>", "</s>"}]
    pieces = ["\u2581", *dict.fromkeys("".join(_PIECES)), *_PIECES]
    values = list_values(Sizes(layers=1, vocabulary=259))
    values["tokenizer.ggml.tokens"] += [*pieces, *added]
    values["tokenizer.ggml.token_type"] += [*[NORMAL] * len(pieces), *[CONTROL] * len(added)]
    count = len(values["tokenizer.ggml.tokens"])
    values["tokenizer.ggml.scores"] = [float(len(t)) for t in values["tokenizer.ggml.tokens"]]
    return _write(path, values, count)


def write_byte_pairs(path: Path, specials: tuple[str, ...]) -> Vocabulary:
    """As Llama 3 has it: letters for bytes, pairs of them, and markers of all families."""
    letters = _list_byte_letters()
    merges = ["# #", "## #", "M i", "r a", "Mi ra", "\u0120 M", "| >"]
    tokens = [*letters, *(merge.replace(" ", "") for merge in merges), *specials]
    values = list_values(Sizes(layers=1, vocabulary=259)) | {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": tokens.index("<s>"),
        "tokenizer.ggml.eos_token_id": tokens.index("</s>"),
    }
    plain = len(tokens) - len(specials)
    values["tokenizer.ggml.token_type"] = [*[NORMAL] * plain, *[CONTROL] * len(specials)]
    del values["tokenizer.ggml.scores"]
    return _write(path, values, len(tokens))


def copy_vocabulary(path: Path, source: Path) -> Vocabulary:
    """A file that has nothing but Llama 2's vocabulary, with a model around it that loads."""
    known = read_gguf_metadata(source)
    names = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")
    values = list_values(Sizes(layers=1, vocabulary=259))
    values |= {name: known[name] for name in names}
    values["tokenizer.ggml.scores"] = _read_scores(source)
    return _write(path, values, len(values["tokenizer.ggml.scores"]))


def _read_scores(path: Path) -> list[float]:
    """What the bot has no use for, so that its own reader leaves it out."""
    data, key = path.read_bytes(), b"tokenizer.ggml.scores"
    array = data.index(key) + len(key) + 8  # behind the two types
    (count,) = struct.unpack_from("<Q", data, array)
    return list(struct.unpack_from(f"<{count}f", data, array + 8))


def _write(path: Path, values: dict[str, Any], count: int) -> Vocabulary:
    write_gguf(path, values, list_places(Sizes(layers=1, vocabulary=count)))
    return read_vocabulary(path)


def _list_byte_letters() -> list[str]:
    """The letter that stands for each byte in GPT-2's vocabulary (source: its encoder.py)."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in shown else next(others)) for byte in range(256)]
