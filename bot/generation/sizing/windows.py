"""How many tokens of a scene a model sees, and why."""

from dataclasses import dataclass

from bot.generation.config import LlamaCppConfig, ModelFileConfig

LONGEST_DEFAULT_WINDOW = 8192
SHORTEST_MODEL_WINDOW = 2048
"""For files that do not say what they were trained for: LLaMA 1's length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window, for one slot."""

    tokens: int
    reason: str
    is_capped: bool = False
    """Whether the operator asked for more than the model can."""


def choose_window(config: ModelFileConfig, trained_context: int) -> Window:
    """Choose one slot's window.

    Args:
        config: What the operator set.
        trained_context: Tokens that the model was trained for; 0 if its file does not say.
    """
    asked, trained = config.context_length, trained_context or SHORTEST_MODEL_WINDOW
    reach, said = trained, "what the model was trained for"
    if not trained_context:
        said = "the file does not say what it was trained for; TROUPE_ENGINE__CONTEXT_LENGTH does"
    if isinstance(config, LlamaCppConfig) and (scale := config.rope_freq_scale):
        reach = int((config.yarn_orig_ctx or trained) / scale)
        said = f"{trained:,} stretched by TROUPE_ENGINE__ROPE_FREQ_SCALE={scale:g}"
    if asked is not None and asked > reach and trained_context:
        # llama.cpp's server never gives a slot more than positions reach
        more = f"{said}, and {asked:,} were asked for; TROUPE_ENGINE__ROPE_FREQ_SCALE stretches it"
        return Window(tokens=reach, reason=more, is_capped=True)
    if asked is not None:
        return Window(tokens=asked, reason="TROUPE_ENGINE__CONTEXT_LENGTH")
    if reach > LONGEST_DEFAULT_WINDOW:
        more = f"of {reach:,} that it can; TROUPE_ENGINE__CONTEXT_LENGTH takes more"
        return Window(tokens=LONGEST_DEFAULT_WINDOW, reason=more)
    return Window(tokens=reach, reason=said)
