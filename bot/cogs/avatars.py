"""Where Discord finds a persona's picture: the operator's own address, or Discord's for emojis.

Discord fetches the picture beside a webhook's message itself, whenever somebody looks at it. An
emoji of the application has a lasting public address, and an application may have 2,000 of them.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp
import discord

from personas.picture import shrink_picture

_log = logging.getLogger(__name__)

FindFile = Callable[[str], Path | None]
"""From a persona's key to its card file."""

_MOST_EMOJIS = 2000
_MOST_BYTES = 32 * 1024 * 1024
_RETRY_SECONDS = 600.0
"""After Discord or the disk said no; not paced, because it is for the operator to mend."""


class Avatars:
    """Finds the address of each persona's picture, and puts the picture there first."""

    def __init__(
        self,
        client: discord.Client,
        find_file: FindFile,
        *,
        base_url: str,
        patience_seconds: float,
    ) -> None:
        """Keep the parts.

        Args:
            client: Whose application's emojis are used.
            find_file: Where the cards are.
            base_url: The operator's own address of the pictures; empty is none.
            patience_seconds: How long a reply waits for a picture; later ones have it.
        """
        self._client = client
        self._find_file = find_file
        self._base_url = base_url.rstrip("/")
        self._patience_seconds = patience_seconds
        self._emojis: dict[str, str] | None = None
        """Name to address of those that the application has; None before Discord was asked."""
        self._lock = asyncio.Lock()
        self._preparing: dict[str, asyncio.Task[str | None]] = {}
        """By persona's key. One that is done is kept: each picture is prepared once a start."""

    async def aclose(self) -> None:
        """Give up pictures that are being prepared."""
        for task in self._preparing.values():
            task.cancel()
        if self._preparing:
            await asyncio.wait(self._preparing.values())

    async def find_url(self, persona_key: str) -> str | None:
        """The address of a persona's picture; None if there is none, or not yet."""
        if self._base_url:
            return f"{self._base_url}/{quote(persona_key, safe='')}.png"
        file = self._find_file(persona_key)
        if file is None or file.suffix.lower() not in {".png", ".apng"}:
            return None
        if persona_key not in self._preparing:
            self._preparing[persona_key] = asyncio.create_task(
                self._prepare(persona_key, file), name=f"face-of-{persona_key}"
            )
        task = self._preparing[persona_key]
        await asyncio.wait({task}, timeout=self._patience_seconds)
        return task.result() if task.done() and not task.cancelled() else None

    async def _prepare(self, persona_key: str, file: Path) -> str | None:
        try:
            picture = await asyncio.to_thread(_read_picture, file)
            if picture is None:
                self._tell(persona_key, "its picture is none that I can make smaller")
                return None
            name = f"face_{hashlib.sha256(picture).hexdigest()[:16]}"
            async with self._lock:  # the list of emojis is asked for once
                return await self._upload(persona_key, name, picture)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            self._tell(persona_key, str(error))
            loop = asyncio.get_running_loop()
            loop.call_later(_RETRY_SECONDS, self._preparing.pop, persona_key, None)
            return None

    async def _upload(self, persona_key: str, name: str, picture: bytes) -> str | None:
        """The emoji of this picture, which may be there from before a restart."""
        if self._emojis is None:
            there = await self._client.fetch_application_emojis()
            self._emojis = {emoji.name: emoji.url for emoji in there}
        if name not in self._emojis:
            if len(self._emojis) >= _MOST_EMOJIS:
                self._tell(persona_key, f"the application has {_MOST_EMOJIS} emojis already")
                return None
            emoji = await self._client.create_application_emoji(name=name, image=picture)
            self._emojis[name] = emoji.url
        return self._emojis[name]

    @staticmethod
    def _tell(persona_key: str, why: str) -> None:
        _log.warning("%s has no face: %s", persona_key, why, extra={"action": "no-face"})


def _read_picture(file: Path) -> bytes | None:
    return shrink_picture(file.read_bytes()) if file.stat().st_size <= _MOST_BYTES else None
