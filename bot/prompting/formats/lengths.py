"""How long a reply may be: sentences for models without length words, token limits for all.

LimaRP's own table of lengths was published only as a picture; the numbers here are our choice.
"""

_SENTENCES = {
    "micro": "Write the next reply in three or four words.",
    "tiny": "Write the next reply as one short sentence.",
    "short": "Write the next reply in one or two sentences.",
    "medium": "Write the next reply as one paragraph.",
    "long": "Write the next reply in two paragraphs.",
    "massive": "Write the next reply in three paragraphs.",
    "huge": "Write the next reply in four paragraphs.",
    "enormous": "Write the next reply in five or six paragraphs.",
    "humongous": "Write the next reply in seven or more paragraphs.",
    "extreme": "Write the next reply in ten or more paragraphs.",
    "unlimited": "Write the next reply as long as it needs to be.",
}
_TOKEN_LIMITS = {
    "micro": 32,
    "tiny": 64,
    "short": 128,
    "medium": 256,
    "long": 384,
    "massive": 512,
    "huge": 640,
    "enormous": 896,
    "humongous": 1280,
    "extreme": 1536,
    "unlimited": 2048,
}
_DEFAULT_LIMIT = 400


def write_length_sentence(length_word: str) -> str:
    """What a length word means, for a model that was not trained on it."""
    return _SENTENCES[length_word]


def get_token_limit(length_word: str | None) -> int:
    """Where a reply is cut if the model does not end it; ample for its length word."""
    return _TOKEN_LIMITS[length_word] if length_word else _DEFAULT_LIMIT
