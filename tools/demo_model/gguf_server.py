"""Open a GGUF file in llama.cpp's own server (xllamacpp) and ask it for text."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import xllamacpp


class GgufServer:
    """One llama.cpp server in this process, on a free loopback port."""

    def __init__(self, model: Path, *, threads: int = 2, slots: int = 1) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx = 1024 * slots
        params.n_parallel = slots
        params.n_gpu_layers = 0
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.warmup = False
        params.cpuparams.n_threads = threads
        params.verbosity = 0
        self._server = xllamacpp.Server(params)
        self.address: str = self._server.listening_address

    def ask(self, path: str, **fields: object) -> dict[str, Any]:
        """Post a JSON request and return the JSON answer."""
        request = urllib.request.Request(  # noqa: S310 (our own loopback address)
            f"{self.address}{path}",
            data=json.dumps(fields).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids llama.cpp makes of a text, without a beginning token."""
        return self.ask("/tokenize", content=text, add_special=False)["tokens"]

    def complete(self, prompt: str | list[int], **fields: object) -> dict[str, Any]:
        """Continue a prompt; sampling settings as in llama.cpp's `/completion`."""
        return self.ask("/completion", prompt=prompt, **fields)
