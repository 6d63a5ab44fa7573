"""What tests of pulling have in common."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.generation.hub.download import Downloader
from bot.generation.hub.hub import Hub

REPOSITORY = "maker/model-GGUF"
FILE = "model.Q4_K_M.gguf"
CONTENT = bytes(range(256)) * 2000
"""Half a megabyte, of which every part tells where it belongs."""
PLENTY_BYTES = 10**12


@dataclass
class Told:
    """A progress that remembers."""

    sentences: list[str] = field(default_factory=list)
    shown: list[tuple[str, int, int]] = field(default_factory=list)
    """What, with how much of it done, of how much."""
    counted: int = 0

    def say(self, sentence):
        self.sentences.append(sentence)

    @contextmanager
    def show(self, doing, *, done_bytes, total_bytes):
        self.shown.append((doing, done_bytes, total_bytes))
        self.counted = done_bytes

        def advance(count):
            self.counted += count

        yield advance


def make_downloader(hub, told, **settings):
    """A downloader on a fake hub, that does not wait."""
    pauses = []
    settings.setdefault("find_free_bytes", lambda folder: PLENTY_BYTES)
    downloader = Downloader(Hub(hub.endpoint), told, pause=pauses.append, **settings)
    return downloader, pauses


def find_part(folder):
    """The one unfinished file of a folder."""
    (part,) = folder.glob("*.part")
    return part
