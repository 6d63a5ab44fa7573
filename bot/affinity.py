"""Names for scenes that say nothing about them: no channel id leaves the host."""

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

_KEY_FILE = "secret"


def open_affinity(data_folder: Path) -> Callable[[str], str]:
    """What gives a scene key a stable name, by a key of this data folder's own."""
    file = data_folder / _KEY_FILE
    with contextlib.suppress(FileExistsError), file.open("x", encoding="ascii") as new:
        file.chmod(0o600)
        new.write(secrets.token_hex(32))
    key = file.read_text(encoding="ascii").encode()

    def name(scene_key: str) -> str:
        return hmac.new(key, scene_key.encode(), hashlib.sha256).hexdigest()[:32]

    return name
