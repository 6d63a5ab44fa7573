"""Give the pieces that training text hardly ever asks for a row of the head that can say them.

A row of the head learns what its piece looks like where the piece is the target. Everywhere else it
is pushed away from what is there, and AdamW pushes a row that is never asked for as far as any
other. Text hides many pieces in longer ones ("eop" in " people"); the rows of those never asked for
end up alike (mean cosine 0.85), and a name that holds one breaks off there ("Leopold"), although
the layers below propose the piece rightly and go on rightly after it.

The layers propose a projection of the piece's embedding (`start.py`), and that of a rare piece is
as good as any. So a linear map from embedding to row is fitted to the pieces that are asked for,
and a rare piece's row becomes a mean of its own and the map's: its own weighs the more, the more
often it was asked for, because it also knows where ordinary words need the piece. Nothing else
changes.
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
TRUST = 5.0
"""Asked for so often, a rare piece's own row weighs as much as the map's."""
RIDGE = 10.0
"""Weight of the map's own size in the fit; from 1 to 100 it makes no difference."""
LENGTH = 0.9
"""Of a mended row, beside the others'. Longer ones come up where no name is meant."""
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
    """Change the rows of rare pieces; once only, because what they were counts.

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
    length = LENGTH * wanted.norm(dim=1).mean() / guessed.norm(dim=1, keepdim=True)
    own = (counts[rare] / (counts[rare] + TRUST))[:, None]
    rows[rare] = own * rows[rare] + (1 - own) * (mean + guessed * length)
