"""What can go wrong while a model is pulled, in the words of the command line that pulls it.

PullError                    nothing was pulled, or not all; what came so far is kept
    HubUnreachableError      no connection, or it broke
    HubBusyError             the hub has too much to do at the moment
    HubRefusedError          the repository is not for everybody
    RemoteFileMissingError   there is no such file
    HubAnswerError           the hub answers what cannot be used
    NotEnoughRoomError       the disk is too small
    FolderError              the folder cannot be written to
    DamagedDownloadError     what came is not what the hub announced; it is deleted
"""

from collections.abc import Sequence
from pathlib import Path

_SHOWN = 24


class PullError(Exception):
    """A model was not pulled; the text says how to mend it."""


class HubUnreachableError(PullError):
    """The hub does not answer, or a connection broke."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"{endpoint} cannot be reached ({reason or 'no answer'})")
        self.endpoint = endpoint


class HubBusyError(PullError):
    """The hub cannot answer now."""

    def __init__(self, endpoint: str, status: int, *, retry_after_seconds: int | None) -> None:
        super().__init__(f"{endpoint} has too much to do (it answers {status}); try again later")
        self.retry_after_seconds = retry_after_seconds


class HubRefusedError(PullError):
    """The repository is gated, private, or not there: the hub does not tell strangers which."""

    def __init__(self, repository: str, *, page: str, tokens_page: str, has_token: bool) -> None:
        token = (
            "the token in HF_TOKEN does not open it"
            if has_token
            else f"a token from {tokens_page} is needed, in the environment as HF_TOKEN"
        )
        super().__init__(
            f"{repository} is not open to everybody, or not there: {token}; and its licence has "
            f"to be accepted on {page}"
        )
        self.repository = repository


class RemoteFileMissingError(PullError):
    """The repository has no such file."""

    def __init__(self, repository: str, path: str, present: Sequence[str] = ()) -> None:
        said = f"{repository} has no {path}" if path else f"{repository}: name a file of it"
        more = f", and {len(present) - _SHOWN} more" if len(present) > _SHOWN else ""
        there = f"; there are {', '.join(present[:_SHOWN])}{more}" if present else ""
        super().__init__(said + there)
        self.repository = repository
        self.path = path


class HubAnswerError(PullError):
    """The hub answers what cannot be used; a proxy, or a mirror that is none."""

    def __init__(self, who: str, reason: str) -> None:
        super().__init__(f"{who} answers what cannot be used: {reason}")


class NotEnoughRoomError(PullError):
    """The disk has too little room."""

    def __init__(self, folder: Path, *, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"{folder} has {say_bytes(free_bytes)} of room, and {say_bytes(needed_bytes)} are "
            "needed; nothing was downloaded. --to names another folder, --file a smaller file"
        )
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes


class FolderError(PullError):
    """The folder cannot be written to."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be written ({reason})")


class DamagedDownloadError(PullError):
    """What came is not what the hub announced."""

    def __init__(self, name: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"{name} came damaged and was deleted: its sha256 is {found}, it should be {expected}. "
            "Pull it again; if it comes out the same, what answers is not the hub"
        )


_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def say_bytes(count: int) -> str:
    """A size with three digits in billions of bytes and so on, as the hub shows it."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
