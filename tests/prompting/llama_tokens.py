"""Asks llama.cpp's own tokenizers, special tokens parsed as its server parses prompts.

Usage: python -m tests.prompting.llama_tokens < JSON; a process of its own, because ending a
server may take for ever. Prints, for each text, its tokens: ids and what they stand for.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xllamacpp

LIMIT_SECONDS = 60
ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenized:
    """A text as a model sees it."""

    ids: tuple[int, ...]
    text: str
    """What the tokens stand for, one behind the other."""


def tokenize(texts: Mapping[Path, Sequence[str]]) -> dict[Path, list[Tokenized]]:
    """The tokens of texts, by the model file whose vocabulary is asked; each is asked once."""
    distinct = {str(model): list(dict.fromkeys(each)) for model, each in texts.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.prompting.llama_tokens"],
        input=json.dumps(distinct).encode(),
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    told = {
        model: dict(zip(distinct[model], map(_read, answers), strict=True))
        for model, answers in json.loads(done.stdout).items()
    }
    return {model: [told[str(model)][text] for text in each] for model, each in texts.items()}


def _read(tokens: Sequence[dict[str, Any]]) -> Tokenized:
    pieces = (token["piece"] for token in tokens)
    data = b"".join(piece.encode() if isinstance(piece, str) else bytes(piece) for piece in pieces)
    return Tokenized(ids=tuple(token["id"] for token in tokens), text=data.decode())


def _serve(model: str) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.n_ctx = 256
    params.n_parallel = 1
    params.n_gpu_layers = 0
    return xllamacpp.Server(params)


def _ask(connection: http.client.HTTPConnection, text: str) -> list[Any]:
    body = {"content": text, "add_special": True, "parse_special": True, "with_pieces": True}
    connection.request("POST", "/tokenize", json.dumps(body), {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["tokens"]


def main() -> None:
    answers_to, answers = os.dup(1), dict[str, list[list[Any]]]()
    os.dup2(2, 1)  # what native code prints
    servers: list[xllamacpp.Server] = []
    for model, texts in json.loads(sys.stdin.read()).items():
        servers.append(_serve(model))
        address = urlsplit(servers[-1].listening_address).netloc
        connection = http.client.HTTPConnection(address, timeout=ANSWER_SECONDS)
        answers[model] = [_ask(connection, text) for text in texts]
    with os.fdopen(answers_to, "wb") as output:
        output.write(json.dumps(answers).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
