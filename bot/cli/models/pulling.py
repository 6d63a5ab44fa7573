"""From what somebody types after `troupe models pull` to files on the disk."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.generation.catalogue import KNOWN_MODELS, find_download, find_known_model
from bot.generation.catalogue_values import DownloadKind, KnownModel
from bot.generation.hub.download import Downloader, Progress
from bot.generation.hub.errors import (
    HubUnreachableError,
    PullError,
    RemoteFileMissingError,
    say_bytes,
)
from bot.generation.hub.hub import Hub, RemoteFile

_ADDRESS: Final = re.compile(
    r"(?:https?://[^/]+/)?(?P<repository>[\w.-]+/[\w.-]+)"
    r"(?:/(?:resolve|blob)/main)?(?:/(?P<path>[^?]+))?(?:\?.*)?"
)
"""owner/repository/file, or the file's page on the hub as a browser shows it."""
_SPLIT: Final = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.gguf")
_MODEL_SUFFIXES: Final = (".gguf", ".bin", ".safetensors")


class UnknownNameError(Exception):
    """Nothing is called so; the text says what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be pulled."""

    repository: str
    paths: Sequence[str]
    """The first is the one that settings name."""
    model: KnownModel | None
    sha256: str | None = None
    """What the catalogue knows that the only file must hash to."""
    subfolder: str = ""
    """For files whose names say nothing by themselves."""


class Puller:
    """Chooses files of the hub and brings them."""

    def __init__(self, hub: Hub, progress: Progress) -> None:
        self._hub = hub
        self._progress = progress
        self._downloader = Downloader(hub, progress)

    def choose(self, name: str, wanted: str) -> Choice:
        """Find what is meant; the hub is asked only for what the catalogue does not have.

        Args:
            name: A known model's name, a known file's, or an address on the hub.
            wanted: A quantization or part of a file's name; empty is the usual file.

        Raises:
            UnknownNameError: If nothing is called so.
            PullError: If the hub does not have it, or does not tell.
        """
        if "/" not in name:
            return self._choose_known(name, wanted)
        address = _ADDRESS.fullmatch(name)
        if address is None:
            message = f"{name} is neither a name from troupe models list nor OWNER/REPOSITORY/FILE"
            raise UnknownNameError(message)
        repository, path = address["repository"], address["path"]
        if not path or wanted:
            path = self._find_path(repository, wanted)
        model = find_known_model(Path(path).name)
        return Choice(repository=repository, paths=_list_parts(path), model=model)

    def pull(self, choice: Choice, folder: Path) -> Path:
        """Bring all files; gives the path of the first.

        Raises:
            PullError: If one does not come; what came of it is kept.
        """
        folder = folder / choice.subfolder
        try:
            files = [self._ask(choice, path) for path in choice.paths]
            missing, free = self._downloader.check_room(files, folder)
            names = ", ".join(Path(path).name for path in choice.paths)
            size = say_bytes(sum(file.size_bytes for file in files))
            self._progress.say(f"{names} of {choice.repository}: {size}")
            self._progress.say(
                f"into {folder}: {say_bytes(missing)} to download, {say_bytes(free)} free"
            )
            paths = [self._downloader.download(file, folder) for file in files]
        except HubUnreachableError as error:
            urls = " and ".join(
                self._hub.make_url(choice.repository, each) for each in choice.paths
            )
            message = f"{error}\nby hand: download {urls} into {folder}"
            raise PullError(message) from error
        return paths[0]

    def _choose_known(self, name: str, wanted: str) -> Choice:
        model = find_known_model(name)
        if model is None:
            names = [each.name for each in KNOWN_MODELS]
            near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.3)
            hint = f" near it are {', '.join(near)};" if near else ""
            message = f"no model is called {name};{hint} all are in troupe models list"
            raise UnknownNameError(message)
        if not wanted and name.lower() != model.name:
            wanted = name  # a file's name
        if download := find_download(model, wanted):
            return Choice(
                repository=download.repository,
                paths=download.files,
                model=model,
                sha256=download.sha256,
                subfolder=model.name if download.kind is DownloadKind.LORA else "",
            )
        if model.elsewhere and "exl2" in wanted.lower():
            raise UnknownNameError(model.elsewhere)
        repository = model.downloads[0].repository
        path = self._find_path(repository, wanted)
        return Choice(repository=repository, paths=_list_parts(path), model=model)

    def _find_path(self, repository: str, wanted: str) -> str:
        """The one file of a repository whose name has this in it.

        Raises:
            RemoteFileMissingError: If there is none or more than one, with what is there.
        """
        present = self._list_model_files(repository)
        whole = re.compile(rf"(?<![a-z0-9_]){re.escape(wanted)}(?![a-z0-9_])", re.IGNORECASE)
        found = [path for path in present if wanted and whole.search(path)]
        first_parts = {_list_parts(path)[0] for path in found}
        if len(first_parts) != 1:
            raise RemoteFileMissingError(repository, wanted, found or present)
        return first_parts.pop()

    def _ask(self, choice: Choice, path: str) -> RemoteFile:
        try:
            file = self._downloader.ask(choice.repository, path)
        except RemoteFileMissingError as error:
            present = self._list_model_files(choice.repository)
            raise RemoteFileMissingError(choice.repository, path, present) from error
        if choice.sha256 and file.sha256 != choice.sha256:
            message = (
                f"{path} of {choice.repository} is another file than the catalogue knows "
                f"(sha256 {file.sha256}, known is {choice.sha256})"
            )
            raise PullError(message)
        return file

    def _list_model_files(self, repository: str) -> list[str]:
        return [path for path in self._hub.list_paths(repository) if path.endswith(_MODEL_SUFFIXES)]


def _list_parts(path: str) -> tuple[str, ...]:
    """All files that a model was split into; llama.cpp is told the first."""
    split = _SPLIT.fullmatch(path)
    if split is None:
        return (path,)
    count = int(split["count"])
    return tuple(f"{split['stem']}-{part:05}-of-{count:05}.gguf" for part in range(1, count + 1))
