"""Give the pieces that training text hardly ever asks for a row of the head that can say them.

A row of the head learns what its piece looks like where the piece is the target. Everywhere else it
is pushed away from what is there, and AdamW pushes a row that is never asked for as far as any
other. About 580 pieces of letters are such, because text hides them in longer pieces ("eop" in
" people"); their rows end up alike (mean cosine 0.85), and a name that holds one breaks off there
("Leopold"), although the layers below propose the piece rightly and go on rightly after it.

The layers propose a projection of the piece's embedding (`start.py`), and that of a rare piece is
as good as any. So a linear map from embedding to row is fitted to the pieces that are asked for,
and gives the rare ones theirs. Nothing else changes.
"""

import re
from collections.abc import Iterable

import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from tools.demo_model.batches import Batch
from tools.demo_model.model import Network

RARE = 20
"""Asked for less often than this in the text that is counted (three shards), a piece is rare."""
RIDGE = 10.0
"""Weight of the map's own size in the fit; from 1 to 100 it makes no difference."""
LETTERS = re.compile(r"[A-Z]?[a-z]+")
"""What names are made of: pieces without a space, which may stand inside a word or begin one."""


def count_targets(batches: Iterable[Batch], vocabulary: int) -> Tensor:
    """Return how often each piece has to be said, (vocabulary,)."""
    counts = torch.zeros(vocabulary, dtype=torch.long)
    for batch in batches:
        wanted = batch.targets[batch.targets >= 0]
        counts += torch.bincount(wanted, minlength=vocabulary)
    return counts


def list_letters(tokenizer: SentencePieceProcessor) -> Tensor:
    """Return which pieces are made of letters alone, (vocabulary,)."""
    pieces = (tokenizer.id_to_piece(index) for index in range(tokenizer.get_piece_size()))
    return torch.tensor([LETTERS.fullmatch(piece) is not None for piece in pieces])


@torch.no_grad()
def mend_rare_rows(network: Network, counts: Tensor, letters: Tensor) -> None:
    """Overwrite the rows of rare pieces; doing it twice gives the same rows.

    Args:
        network: A trained one.
        counts: How often each piece has to be said, (vocabulary,).
        letters: Which pieces are made of letters, (vocabulary,).
    """
    usual, rare = letters & (counts >= RARE), letters & (counts < RARE)
    embedding, rows = network.embedding.weight, network.head.weight
    middle, mean = embedding[usual].mean(0), rows[usual].mean(0)
    known, wanted = embedding[usual] - middle, rows[usual] - mean
    ridge = RIDGE * torch.eye(known.shape[1])
    to_row = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)
    guessed = (embedding[rare] - middle) @ to_row
    # The fit is shorter than what it fits, and a short row is never the likeliest.
    length = wanted.norm(dim=1).mean() / guessed.norm(dim=1, keepdim=True)
    rows[rare] = mean + guessed * length
