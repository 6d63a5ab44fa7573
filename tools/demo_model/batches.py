"""Turn conversations into batches of token ids, the same ones for the same seed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from tools.demo_model.conversations import TOPIC_WEIGHTS, Family, families
from tools.demo_model.layout import Piece, render_lines
from tools.demo_model.tokenizer import BOS, EOS

SHARD = 400
"""Families in a shard: what is sorted by length together."""
IGNORED = -1
TOPICS = tuple(TOPIC_WEIGHTS)


@dataclass(frozen=True)
class Batch:
    """Rows of about one length; a target of -1 is not learned."""

    ids: Tensor
    targets: Tensor
    positions: Tensor
    """Where in its conversation each token stands: every branch goes on from the trunk."""
    branches: Tensor
    """0 for the trunk, and 1, 2, ... for the branches, which do not see each other."""
    topics: Tensor
    """What is answered (its place in TOPICS) where an answer is asked for and begins; else -1."""

    @property
    def tokens(self) -> int:
        """How many positions there are, padding included."""
        return self.ids.numel()

    def mask(self) -> Tensor:
        """Return what attention adds: zero where a token may look, minus infinity elsewhere."""
        to, source = self.branches[:, None, :], self.branches[:, :, None]
        allowed = ((to == 0) | (to == source)).tril()
        return torch.zeros(allowed.shape).masked_fill_(~allowed, float("-inf"))[:, None]


@dataclass
class Row:
    """One family as numbers."""

    ids: list[int]
    targets: list[int]
    positions: list[int]
    branches: list[int]
    topics: list[int]

    def add(self, ids: list[int], targets: list[int], start: int, branch: int) -> None:
        """Append a stretch that stands at a position."""
        self.topics += [IGNORED] * len(ids)
        self.ids += ids
        self.targets += targets
        self.positions += range(start, start + len(ids))
        self.branches += [branch] * len(ids)


def encode(
    pieces: Sequence[Piece], tokenizer: SentencePieceProcessor
) -> tuple[list[int], list[int]]:
    """Return ids and, for each, what should follow it; the end token closes a learned stretch.

    The end token is never among the ids: a chat's history has none either.
    """
    ids: list[int] = []
    targets: list[int] = []
    for piece in pieces:
        new = tokenizer.encode(piece.text)
        if piece.learn:
            targets[-1] = new[0]
        ids += new
        targets += [*new[1:], EOS] if piece.learn else [IGNORED] * len(new)
    return ids, targets


def encode_family(family: Family, tokenizer: SentencePieceProcessor, context: int) -> Row:
    """Return a family as numbers, with as many branches as fit."""
    ids, targets = encode(family.trunk(), tokenizer)
    row = Row([], [], [], [], [])
    row.add([BOS, *ids], [IGNORED, *targets], 0, 0)
    trunk = len(row.ids)
    mark = tokenizer.encode("### Response")[0]
    for index, branch in enumerate(family.branches, start=1):
        ids, targets = encode(render_lines(branch.lines, branch.length), tokenizer)
        if len(row.ids) + len(ids) <= context:
            row.add(ids, targets, trunk, index)
            begin = next(i for i, target in enumerate(targets) if target != IGNORED)
            asked = begin - ids[begin::-1].index(mark)
            for place in (asked, begin):
                row.topics[place - len(ids)] = TOPICS.index(branch.topic)
    return row


def _tensor(rows: Sequence[list[int]], longest: int, filler: int) -> Tensor:
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def pad(rows: Sequence[Row]) -> Batch:
    """Put rows of nearly one length into tensors."""
    longest = max(len(row.ids) for row in rows)
    return Batch(
        _tensor([row.ids for row in rows], longest, EOS),
        _tensor([row.targets for row in rows], longest, IGNORED),
        _tensor([row.positions for row in rows], longest, 0),
        _tensor([row.branches for row in rows], longest, -1),
        _tensor([row.topics for row in rows], longest, IGNORED),
    )


def shard_batches(
    tokenizer: SentencePieceProcessor,
    seed: int,
    *,
    size: int,
    context: int,
    count: int = SHARD,
) -> list[Batch]:
    """Return the batches of one shard, in a shuffled order."""
    samples = itertools.islice(families(seed), count)
    encoded = (encode_family(sample, tokenizer, context) for sample in samples)
    rows = sorted((r for r in encoded if len(r.ids) <= context), key=lambda r: len(r.ids))
    groups: list[list[Row]] = [[]]
    for row in rows:
        if groups[-1] and len(row.ids) * (len(groups[-1]) + 1) > size:
            groups.append([])
        groups[-1].append(row)
    Random(seed).shuffle(groups)
    return [pad(group) for group in groups]
