"""Train the SentencePiece vocabulary of the demo model, and encode whole conversations."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

BOS = 1
EOS = 2
NAME_BREAK = re.compile(r" (?=[A-Z])")


def name_safe(text: str) -> str:
    """Turn a space before a capital into a line break.

    The vocabulary then has no piece of a space and a capital, so a name is made of the same
    pieces at the start of a line and inside one, which makes copying it easier to learn.
    """
    return NAME_BREAK.sub("\n", text)


def train_tokenizer(texts: Iterable[str], path: Path, *, size: int) -> None:
    """Train a BPE vocabulary with byte fallback and write it to a file."""
    lines = (line for text in texts for line in name_safe(text).split("\n") if line)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_digits=True,
        max_sentence_length=16384,
        num_threads=2,
        bos_id=BOS,
        eos_id=EOS,
        unk_id=0,
        pad_id=-1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def load_tokenizer(path: Path) -> sentencepiece.SentencePieceProcessor:
    """Open a trained vocabulary."""
    return sentencepiece.SentencePieceProcessor(model_file=str(path))
