"""Llama 2 chat: the head inside the first exchange, every exchange between start and end tokens.

Sources: Meta's reference code; llama.cpp's template of this name. The very first start token is
the server's; those between exchanges are the format's own.
"""

from typing import Final

from bot.prompting.formats.alternating import AlternatingFormat

LLAMA2: Final = AlternatingFormat(
    name="llama2",
    head=("[INST] <<SYS>>\n", "\n<</SYS>>\n\n"),
    is_folded=True,
    person=("<s>[INST] ", " [/INST]"),
    persona=(" ", " </s>"),
    stop_sequences=("</s>", "[INST]", "[/INST]"),
    line_headers=("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
)
