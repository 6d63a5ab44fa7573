"""Train the demo model and export it: vocabulary, network, GGUF file, log and loss curve.

Usage: python -m tools.demo_model.train --out FOLDER [--tokens 7500000] [--seed 1]
The same command again goes on from the last checkpoint in the folder.
"""

import argparse
import csv
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from tools.demo_model.batches import TOPICS, Batch, shard_batches
from tools.demo_model.conversations import conversations
from tools.demo_model.curve import draw_curve
from tools.demo_model.export_gguf import export
from tools.demo_model.model import Network, Shape
from tools.demo_model.muon import Muon
from tools.demo_model.rare_pieces import count_targets, list_letters, mend_rare_rows
from tools.demo_model.start import start_with_copying
from tools.demo_model.tokenizer import load_tokenizer, train_tokenizer

TOKENIZER_TEXTS = 6000
HELD_OUT_SEED = 999_000_000
SAVE_EVERY_S = 240
COUNTED_SHARDS = 3
"""How much text shows which pieces are rare: 1.1 million tokens."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    out: Path
    tokens: int
    seed: int
    bfloat16: bool = False
    """Faster where the processor has it (AVX-512 BF16, AMX), fifty times slower elsewhere."""
    batch: int = 2800
    vocabulary: int = 3072
    warm_up_steps: int = 30
    muon_rate: float = 0.01
    adam_rate: float = 3e-3
    embedding_rate: float = 1e-2
    decay: float = 0.85
    """The last part of the tokens, over which the rate falls to zero."""
    topic_weight: float = 0.5
    """Weight of the loss of the topics beside that of the text."""


@dataclass(frozen=True)
class Losses:
    """What a batch was guessed worse than perfectly by, in nats."""

    text: torch.Tensor
    topic: torch.Tensor
    learned: int
    """How many positions the text's loss is the mean of."""


class Trainer:
    """Network, optimizers and where they are in the text."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        path = plan.out / "tokenizer.model"
        if not path.exists():
            samples = itertools.islice(conversations(plan.seed + 77), TOKENIZER_TEXTS)
            train_tokenizer((s.text() for s in samples), path, size=plan.vocabulary)
        self.tokenizer = load_tokenizer(path)
        torch.manual_seed(plan.seed)
        self.network = Network(Shape(vocabulary=self.tokenizer.get_piece_size()))
        start_with_copying(self.network, plan.seed)
        # Tells what an answer is about; trains the layers below it and is not exported.
        self.listener = torch.nn.Linear(self.network.shape.width, len(TOPICS))
        blocks = list(self.network.blocks.parameters())
        self.muon = Muon(p for p in blocks if p.dim() > 1)
        matrices = {id(p) for p in blocks if p.dim() > 1}
        embedding = self.network.embedding.weight
        small = [p for p in self.parameters() if id(p) not in matrices]
        self.adam = torch.optim.AdamW(
            [
                {"params": [embedding], "first_lr": plan.embedding_rate},
                {"params": [p for p in small if p is not embedding], "first_lr": plan.adam_rate},
            ],
            betas=(0.9, 0.98),
            weight_decay=0.0,
        )
        self.states = torch.compile(self.network.states, dynamic=True)
        self.tokens = self.steps = self.shard = self.batch = 0

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return all that is trained."""
        return [*self.network.parameters(), *self.listener.parameters()]

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.plan.out / "checkpoint.pt"

    def save(self) -> None:
        """Write everything needed to go on."""
        state: dict[str, Any] = {
            "shape": self.network.shape.as_dict(),
            "network": self.network.state_dict(),
            "listener": self.listener.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "progress": [self.tokens, self.steps, self.shard, self.batch],
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def resume(self) -> None:
        """Take over a checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.listener.load_state_dict(state["listener"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.tokens, self.steps, self.shard, self.batch = state["progress"]

    def rate(self) -> float:
        """Return the share of the full learning rate: warm-up, flat, then down to zero."""
        left = 1 - self.tokens / self.plan.tokens
        rise = (self.steps + 1) / self.plan.warm_up_steps
        return max(0.0, min(1.0, rise, left / self.plan.decay))

    def losses(self, batch: Batch) -> Losses:
        """Return the mean losses of the learned positions and of the topics."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.bfloat16):
            middle, last = self.states(batch.ids, batch.positions, batch.mask())
            targets, topics = batch.targets.flatten(), batch.topics.flatten()
            wanted = torch.nonzero(targets >= 0).squeeze(1)
            logits = self.network.head(last.flatten(0, 1)[wanted])
            asked = torch.nonzero(topics >= 0).squeeze(1)
            heard = middle.flatten(0, 1)[asked]
            guesses = self.listener(functional.rms_norm(heard, heard.shape[-1:]))
        return Losses(
            functional.cross_entropy(logits.float(), targets[wanted]),
            functional.cross_entropy(guesses.float(), topics[asked]),
            len(wanted),
        )

    def learn(self, batch: Batch) -> float:
        """Take one step and return the loss of its text."""
        rate = self.rate()
        losses = self.losses(batch)
        (losses.text + self.plan.topic_weight * losses.topic).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.muon.step(self.plan.muon_rate * rate)
        for group in self.adam.param_groups:
            group["lr"] = group["first_lr"] * rate
        self.adam.step()
        for parameter in self.parameters():
            parameter.grad = None
        self.steps += 1
        return losses.text.item()

    def shard_text(self, shard: int) -> list[Batch]:
        """Return the batches of a shard."""
        seed = self.plan.seed * 1_000_000 + shard
        return shard_batches(
            self.tokenizer, seed, size=self.plan.batch, context=self.network.shape.context
        )

    def text(self) -> Iterator[Batch]:
        """Yield batches from where training stands."""
        while True:
            batches = self.shard_text(self.shard)
            while self.batch < len(batches):
                self.batch += 1
                yield batches[self.batch - 1]
            self.shard, self.batch = self.shard + 1, 0

    @torch.no_grad()
    def held_out(self) -> tuple[float, float]:
        """Return the loss a token, and a topic, on conversations that are never trained on."""
        batches = shard_batches(
            self.tokenizer, HELD_OUT_SEED, size=self.plan.batch,
            context=self.network.shape.context, count=40,
        )  # fmt: skip
        parts = [self.losses(batch) for batch in batches]
        text = sum(part.text.item() * part.learned for part in parts)
        topic = sum(part.topic.item() for part in parts)
        return text / sum(part.learned for part in parts), topic / len(parts)

    def finish(self) -> None:
        """Let the network say rare pieces, and write it; the checkpoint stays as it is."""
        text = itertools.chain.from_iterable(map(self.shard_text, range(COUNTED_SHARDS)))
        counts = count_targets(text, self.network.shape.vocabulary)
        mend_rare_rows(self.network, counts, list_letters(self.tokenizer))
        state = {"shape": self.network.shape.as_dict(), "network": self.network.state_dict()}
        torch.save(state, self.plan.out / "network.pt")


def run(trainer: Trainer) -> None:
    """Train to the end of the plan, with a line in the log every twenty steps."""
    plan = trainer.plan
    losses: list[float] = []
    started = saved = time.monotonic()
    seen = 0
    with (plan.out / "log.csv").open("a", newline="") as file:
        log = csv.writer(file)
        for batch in trainer.text():
            losses.append(trainer.learn(batch))
            trainer.tokens += batch.tokens
            seen += batch.tokens
            done = trainer.tokens >= plan.tokens
            if trainer.steps % 20 == 0 or done:
                held = trainer.held_out() if trainer.steps % 200 == 0 or done else ("", "")
                mean = sum(losses) / len(losses)
                speed = seen / (time.monotonic() - started)
                log.writerow([trainer.steps, trainer.tokens, round(mean, 4), *held, round(speed)])
                file.flush()
                losses.clear()
            if done or time.monotonic() - saved > SAVE_EVERY_S:
                trainer.save()
                saved = time.monotonic()
            if done:
                return


def main() -> None:
    """Train, export and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=7_500_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="only for processors that have it")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(Plan(chosen.out, chosen.tokens, chosen.seed, chosen.bfloat16))
    trainer.resume()
    if trainer.tokens < chosen.tokens:
        run(trainer)
    trainer.finish()
    export(
        trainer.network.eval(),
        chosen.out / "tokenizer.model",
        chosen.out / "troupe-demo-limarp.Q8_0.gguf",
    )
    draw_curve(chosen.out / "log.csv", chosen.out / "loss.png")


if __name__ == "__main__":
    main()
