"""How the operator describes an engine that runs elsewhere."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, JsonValue, SecretStr

from bot.generation.config_fields import AnyCase, Config, read_text
from bot.generation.openai_api.dialects import DIALECTS


def _check_server(name: str) -> str:
    if name != "auto" and name not in DIALECTS:
        message = f"known are auto, {', '.join(DIALECTS)}"
        raise ValueError(message)
    return name


class LlamaServerConfig(Config):
    """A llama.cpp server that runs elsewhere."""

    kind: Literal["llama_server"]
    url: AnyHttpUrl
    """Its address, for example http://192.168.1.20:8080."""
    api_key: SecretStr = SecretStr("")


class OpenaiConfig(Config):
    """A server with OpenAI's API: vLLM, TabbyAPI, KoboldCpp, LM Studio and others."""

    kind: Literal["openai"]
    url: AnyHttpUrl
    """Its address, for example http://192.168.1.20:5000; with or without `/v1` at the end."""
    api_key: SecretStr = SecretStr("")
    model: str = ""
    """What the server calls the model; empty is the one that is loaded, or the first it lists."""
    api: AnyCase[Literal["completions", "chat"]] = "completions"
    """Whether Troupe writes the prompt, or the server does, with the model's own template."""
    server: Annotated[AnyCase[str], AfterValidator(_check_server)] = "auto"
    """Which program it is; auto looks at what it says of itself."""
    context_length: Annotated[int, Field(ge=256)] | None = None
    """Tokens of one scene's window; None is what the server tells."""
    slots: Annotated[int, Field(ge=1, le=256)] = 4
    """Replies asked for at once; the server may still let some of them wait."""
    extra_body: Annotated[
        dict[str, JsonValue],
        read_text(json.loads, 'it is a JSON object such as {"top_a": 0.2}'),
    ] = Field(default_factory=dict[str, JsonValue])
    """Fields that every request carries as they are, for what Troupe has no setting for."""
    session_field: str = ""
    """A field of the body that names the scene too, for routers that do not read the header."""

    @property
    def root(self) -> str:
        """The address without `/v1`, under which some routes are."""
        return str(self.url).rstrip("/").removesuffix("/v1").rstrip("/")
