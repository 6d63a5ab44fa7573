"""Servers with OpenAI's API without a model: each as strict, and as silent, as the real one is.

What they answer is from the sources named in docs/engines.md.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fake_model import FakeModel, Text, refuse, write_event

OPENAI_FIELDS = {
    "model", "prompt", "messages", "max_tokens", "temperature", "top_p", "presence_penalty",
    "frequency_penalty", "seed", "stop", "stream", "stream_options", "user", "n",
}  # fmt: skip
DONE = b"data: [DONE]\n\n"


class FakeOpenai(FakeModel):
    """The routes of one program; `program` is the name of its dialect."""

    def __init__(self, program: str = "vllm", context_length: int = 1024, **options: Any) -> None:
        super().__init__(context_length, **options)
        self.program = program
        self.name = "fake/model"
        self.models: list[dict[str, Any]] | None = None
        """What `/v1/models` lists instead of the one model."""
        self.tells_usage = True
        """False: as servers do that do not know the option."""
        self.hides_count = False
        """True: as a router does that passes only the common routes on."""
        self.retry_after: str | None = None
        """What a failure's header says."""

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/v1/models", self._models)
        router.add_post("/v1/completions", self._completion)
        router.add_post("/v1/chat/completions", self._completion)
        for method, path, answer in _ROUTES.get(self.program, ()):
            router.add_route(method, path, self._make_handler(answer))
        if self.program == "llama_cpp":
            router.add_post("/tokenize", self._tokenize)

    def _make_handler(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            if request.method == "GET":
                return web.json_response(answer(self, {}))
            if self.hides_count:
                raise web.HTTPNotFound
            return web.json_response(answer(self, await request.json()))

        return handle

    async def _models(self, request: web.Request) -> web.Response:
        if self.program == "transformers" and self.models is None:
            raise web.HTTPInternalServerError  # as where nothing was ever downloaded
        own = {"id": self.name, "object": "model", **_CARDS.get(self.program, {})}
        if self.program == "vllm":
            own["max_model_len"] = self.context_length
        return web.json_response({"object": "list", "data": self.models or [own]})

    async def _completion(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self._chat = request.path.endswith("/chat/completions")
        if (problem := self._find_problem(body)) is not None:
            self.requests.append(body)
            return problem
        return await super()._completion(request)

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = await super()._answer(request, body)
        if response.status != 200 and self.retry_after is not None:
            response.headers["Retry-After"] = self.retry_after
        return response

    def _find_problem(self, body: Mapping[str, Any]) -> web.Response | None:
        """What this program refuses of a body."""
        if self.program == "vllm" and len(body.get("stop", ())) > 4:
            return refuse(400, "You can use at most 4 stop strings", "BadRequestError")
        if self.program == "vllm" and body.get("model") != self.name:
            return refuse(404, "The model does not exist.", "NotFoundError", param="model")
        if (
            self.program == "tabbyapi"
            and min(body["presence_penalty"], body["frequency_penalty"]) < 0
        ):
            return web.json_response({"detail": [{"msg": "greater or equal 0"}]}, status=422)
        if self.program == "transformers":
            unknown = set(body) - OPENAI_FIELDS - {"generation_config"}
            if unknown:
                message = f"Unexpected fields in the request: {unknown}"
                return web.json_response({"detail": message}, status=422)
        return None

    def _read_body(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = body.get("prompt", "")
        if self._chat:
            prompt = "".join(f"{m['role']}: {m['content']}\n" for m in body["messages"])
        return {**body, "prompt": prompt, "n_predict": body["max_tokens"]}

    def _make_piece(self, piece: str) -> dict[str, Any]:
        return {"choices": [self._make_choice(piece, None)]}

    def _make_choice(self, text: str, reason: str | None) -> dict[str, Any]:
        said = {"delta": {"content": text}} if self._chat else {"text": text}
        return {"index": 0, "finish_reason": reason, **said}

    def _make_end(self, body: dict[str, Any], text: Text, prompt_tokens: int) -> list[bytes]:
        reason = "length" if text.stop_type == "limit" else "stop"
        usage: dict[str, Any] = {"prompt_tokens": prompt_tokens, "completion_tokens": text.tokens}
        usage["prompt_tokens_details"] = {"cached_tokens": 3} if self.program == "vllm" else None
        last = {"choices": [self._make_choice("", reason)]}
        if self.program == "transformers":
            return [write_event(last | {"usage": usage})]
        wanted = body.get("stream_options", {}).get("include_usage") and self.tells_usage
        if not wanted:
            return [write_event(last), DONE]
        if self.program == "tabbyapi":  # the reason comes with the usage
            return [write_event(last | {"usage": usage}), DONE]
        return [write_event(last), write_event({"choices": [], "usage": usage}), DONE]

    def _overflow(self, tokens: int) -> web.Response:
        if self.program == "vllm":
            facts = {"param": "input_tokens"}
            return refuse(400, "maximum context length", "BadRequestError", **facts)
        error = {"message": "too long", "type": "invalid_request_error"}
        return web.json_response({"error": error | {"code": "context_length_exceeded"}}, status=400)


_CARDS: Mapping[str, Mapping[str, Any]] = {
    "llama_cpp": {"owned_by": "llamacpp"},
    "llama_cpp_python": {"owned_by": "me", "permissions": []},
    "koboldcpp": {"owned_by": "koboldcpp", "root": "koboldcpp"},
    "text_generation_webui": {"owned_by": "user", "created": 0},
    "lm_studio": {"owned_by": "organization_owner"},
    "tabbyapi": {"owned_by": "tabbyAPI"},
    "vllm": {"owned_by": "vllm"},
    "transformers": {"owned_by": "somebody"},
}


def _count(answer: str, text: str, start: str = "") -> Any:
    """A route that counts; without a switch the start token is counted always."""

    def count(model: FakeOpenai, body: Mapping[str, Any]) -> dict[str, Any]:
        whole = bool(body[start]) if start else True
        return {answer: model.count(body[text], whole=whole)}

    return count


_ROUTES: Mapping[str, Any] = {
    "llama_cpp": [
        ("GET", "/props", lambda model, _: {
            "default_generation_settings": {"n_ctx": model.context_length},
            "chat_template": model.chat_template,
        }),
    ],
    "llama_cpp_python": [("POST", "/extras/tokenize/count", _count("count", "input"))],
    "koboldcpp": [
        ("GET", "/api/extra/true_max_context_length", lambda m, _: {"value": m.context_length}),
        ("GET", "/props", lambda model, _: {"chat_template": model.chat_template}),
        ("POST", "/api/extra/tokencount", _count("value", "prompt", "special")),
    ],
    "text_generation_webui": [
        ("GET", "/v1/internal/model/info", lambda model, _: {"model_name": model.name}),
        ("POST", "/v1/internal/token-count", _count("length", "text")),
    ],
    "lm_studio": [
        ("GET", "/api/v0/models", lambda model, _: {"data": [
            {"id": "other", "type": "llm", "state": "not-loaded", "max_context_length": 9},
            {"id": "embedder", "type": "embeddings", "state": "loaded"},
            {"id": model.name, "type": "llm", "state": "loaded",
             "loaded_context_length": model.context_length, "max_context_length": 99999},
        ]}),
    ],
    "tabbyapi": [
        ("GET", "/v1/model", lambda model, _: {
            "id": model.name,
            "parameters": {"max_seq_len": model.context_length,
                           "prompt_template_content": model.chat_template},
        }),
        ("POST", "/v1/token/encode", _count("length", "text", "add_bos_token")),
    ],
    "transformers": [("GET", "/health", lambda model, _: {"status": "ok"})],
    "vllm": [("POST", "/tokenize", _count("count", "prompt", "add_special_tokens"))],
}  # fmt: skip
