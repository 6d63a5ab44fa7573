"""What can go wrong while text is generated.

    GenerationError                 this one failed, the next may work
        QueueFullError              too many wait already
        GenerationTimeoutError      no token came for too long, or the reply took too long
        ContextOverflowError        the prompt is larger than the window
            PersonaOverflowError    the persona alone is
        EngineRequestError          the engine refused the request
        EmptyReplyError             no words came
    EngineError                     nothing works until the engine is back
        EngineUnavailableError      it is not running and will not come back by itself
        EngineDiedError             it ended while it was working; it is being restarted

Facts are attributes; words for people are in `bot/errors.py`.
"""


class GenerationError(Exception):
    """One generation failed; the engine itself works."""


class QueueFullError(GenerationError):
    """Too many wait already; the request was not taken."""

    def __init__(self, *, place: int, seconds: float | None) -> None:
        super().__init__(f"the queue is full: it would be number {place}")
        self.place = place
        self.seconds = seconds


class GenerationTimeoutError(GenerationError):
    """The engine sent nothing for longer than it may, or the reply took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not come within {seconds:g} s")
        self.seconds = seconds


class ContextOverflowError(GenerationError):
    """The prompt is larger than the context window."""

    def __init__(self, *, prompt_tokens: int, context_length: int) -> None:
        super().__init__(f"the prompt has {prompt_tokens} tokens, the window {context_length}")
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length


class PersonaOverflowError(ContextOverflowError):
    """The persona alone leaves no room for a reply."""

    def __init__(
        self, *, prompt_tokens: int, context_length: int, part: str, part_tokens: int
    ) -> None:
        super().__init__(prompt_tokens=prompt_tokens, context_length=context_length)
        self.args = (f"{self}; the largest part is its {part} with {part_tokens}: shorten that",)
        self.part = part
        """The largest part of its card."""
        self.part_tokens = part_tokens


class EngineRequestError(GenerationError):
    """The engine refused a request, or answered what it must not."""

    def __init__(self, *, status: int, reason: str) -> None:
        super().__init__(f"the engine answered {status}: {reason}")
        self.status = status
        self.reason = reason
        self.retry_after_seconds: float | None = None
        """When the server wants to be asked again, if it said so."""


class EmptyReplyError(GenerationError):
    """The model ended its reply before it said anything."""

    def __init__(self) -> None:
        super().__init__("the model ended its reply before it said anything")


class EngineError(Exception):
    """The engine does not work at all at present."""


class EngineUnavailableError(EngineError):
    """The engine is not running and does not come back without the operator."""

    def __init__(self, engine: str, fix: str) -> None:
        super().__init__(f"{engine}: {fix}")
        self.engine = engine
        self.fix = fix


class EngineDiedError(EngineError):
    """The engine ended or hung up while it worked; whoever owns it brings it back."""

    def __init__(self, engine: str) -> None:
        super().__init__(f"{engine} ended while it was working")
        self.engine = engine
