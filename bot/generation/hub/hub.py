"""The model hub: what a file there is, and its bytes from any point on.

Addresses, tokens, redirects and the meaning of answers are huggingface_hub's; reading the bytes is
ours. Its own `hf_hub_download` writes to a name that is drawn anew for each call and deletes it
when anything fails (2.4.0, `file_download.py`: on file systems whose locks do nothing, a shared
name damaged files), so an interrupted 40 GB begin again from nothing. It also takes no file above
50 GB over plain HTTP. Xet, the hub's other way to transfer files, is not used at all: every file
that is stored so is served over plain HTTP too.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session, get_token_to_send, hf_raise_for_status
from huggingface_hub.utils.logging import set_verbosity_error

from bot.generation.hub.errors import (
    HubAnswerError,
    HubBusyError,
    HubRefusedError,
    HubUnreachableError,
    RemoteFileMissingError,
)

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_UNAUTHORIZED, _FORBIDDEN, _PARTIAL = 401, 403, 206
_BUSY = {408, 425, 429, 500, 502, 503, 504}
"""Answers that may be others a moment later."""
_ASKING_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One version of a file on the hub."""

    repository: str
    path: str
    revision: str
    """The commit, so that what is read in several goes is one file."""
    size_bytes: int
    sha256: str | None
    """None for small text files, which the hub keeps in git and hashes in git's way."""
    identity: str
    """Another content has another one."""


class Hub:
    """A model hub; HF_ENDPOINT names another than the public one, HF_TOKEN who asks."""

    def __init__(self, endpoint: str | None = None) -> None:
        """Choose the hub; nothing is asked yet."""
        # Else the library asks the hub for a list of agents, to tell it which one runs this.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        set_verbosity_error()
        self.endpoint = (endpoint or constants.ENDPOINT).rstrip("/")

    def make_url(self, repository: str, path: str, revision: str = "main") -> str:
        """Where a file is, for a browser as well."""
        return hf_hub_url(repository, path, revision=revision, endpoint=self.endpoint)

    def ask(self, repository: str, path: str) -> RemoteFile:
        """Ask what a file is: its size and what it must hash to.

        Raises:
            PullError: If there is none, or the hub does not tell.
        """
        with self._mapping(repository, path):
            metadata = HfApi(endpoint=self.endpoint).get_hf_file_metadata(
                url=self.make_url(repository, path), timeout=_ASKING_SECONDS
            )
        return _read_metadata(repository, path, metadata)

    def list_paths(self, repository: str) -> list[str]:
        """List what a repository holds.

        Raises:
            PullError: If there is none, or the hub does not tell.
        """
        with self._mapping(repository):
            info = HfApi(endpoint=self.endpoint).model_info(repository, timeout=_ASKING_SECONDS)
        return sorted(each.rfilename for each in info.siblings or [])

    @contextmanager
    def open_range(
        self, file: RemoteFile, start: int, stop: int
    ) -> Generator[tuple[int, Iterator[bytes]]]:
        """Read bytes from start up to stop; gives where they really begin, and them.

        A server that knows no ranges begins at 0.

        Raises:
            PullError: If they do not come, or no more of them; what was read is right so far.
        """
        # Compressed bytes are others than those whose size and hash are known.
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        if token := get_token_to_send(None):
            headers["Authorization"] = f"Bearer {token}"  # not sent on to where the bytes are
        with (
            self._mapping(file.repository, file.path),
            get_session().stream(
                "GET",
                self.make_url(file.repository, file.path, file.revision),
                headers=headers,
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            ) as response,
        ):
            hf_raise_for_status(response)
            yield _find_start(response, file, start), response.iter_bytes()

    @contextmanager
    def _mapping(self, repository: str, path: str = "") -> Generator[None]:
        """Say in our words what the library raises."""
        try:
            yield
        except RepositoryNotFoundError as error:  # gated ones too
            raise self._refuse(repository) from error
        except (EntryNotFoundError, RevisionNotFoundError) as error:
            raise RemoteFileMissingError(repository, path) from error
        except HfHubHTTPError as error:
            raise self._map_status(repository, error) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled) as error:
            raise HubUnreachableError(self.endpoint, str(error)) from error

    def _map_status(self, repository: str, error: HfHubHTTPError) -> Exception:
        status = error.response.status_code
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return self._refuse(repository)
        if status in _BUSY:
            wait = error.response.headers.get("Retry-After", "")
            return HubBusyError(
                self.endpoint, status, retry_after_seconds=int(wait) if wait.isdecimal() else None
            )
        return HubAnswerError(self.endpoint, f"it answered {status} for {repository}")

    def _refuse(self, repository: str) -> HubRefusedError:
        return HubRefusedError(
            repository,
            page=f"{self.endpoint}/{quote(repository)}",
            tokens_page=f"{self.endpoint}/settings/tokens",
            has_token=get_token_to_send(None) is not None,
        )


def _read_metadata(repository: str, path: str, metadata: "HfFileMetadata") -> RemoteFile:
    if metadata.size is None or not metadata.etag or not metadata.commit_hash:
        where = f"{repository}/{path}"
        raise HubAnswerError("what answers", f"it says neither size nor version of {where}")
    return RemoteFile(
        repository=repository,
        path=path,
        revision=metadata.commit_hash,
        size_bytes=metadata.size,
        sha256=metadata.etag if _SHA256.fullmatch(metadata.etag) else None,
        identity=re.sub(r"\W", "", metadata.etag),
    )


def _find_start(response: httpx2.Response, file: RemoteFile, asked: int) -> int:
    """Where the bytes begin that come now.

    Raises:
        HubAnswerError: If they are not of the file that was asked for.
    """
    if response.status_code != _PARTIAL:
        begins, total = 0, int(response.headers.get("Content-Length", file.size_bytes))
    elif said := _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "")):
        begins, total = int(said[1]), int(said[2])
    else:
        raise HubAnswerError(response.url.host, "it does not say which part it sends")
    if total != file.size_bytes or begins not in {0, asked}:
        raise HubAnswerError(
            response.url.host,
            f"it sends {file.path} from byte {begins} of {total}; asked was byte {asked} of "
            f"{file.size_bytes}",
        )
    return begins
