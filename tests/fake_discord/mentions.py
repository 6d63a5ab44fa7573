"""Who is mentioned by a text, and whom Discord would therefore ping."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fake_discord.permissions import bits, permissions_in

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.users import FakeUser

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)")
_MENTION_EVERYONE = bits("mention_everyone")


@dataclass(slots=True)
class Mentions:
    """Those whom a message mentions, after allowed_mentions and permissions."""

    users: list[FakeUser] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    everyone: bool = False


def find_mentions(
    channel: FakeChannel,
    author: FakeUser,
    content: str,
    *,
    allowed: dict[str, Any] | None,
    reply: FakeMessage | None = None,
) -> Mentions:
    """Return whom a text mentions.

    Without `allowed_mentions` Discord honours every mention, the author of the message replied to
    included; with it only what it lists.
    """
    found = Mentions()
    users = channel.world.users
    for number in _ids(_USER, content):
        if number in users and _is_allowed(allowed, "users", number):
            found.users.append(users[number])
    if reply is not None and (allowed is None or allowed.get("replied_user")):
        target = reply.author
        if not target.is_webhook and target is not author and target not in found.users:
            found.users.append(target)
    if channel.guild is None:
        return found
    may_everyone = _may_mention_everyone(channel, author)
    for number in _ids(_ROLE, content):
        role = channel.guild.roles.get(number)
        is_open = role is not None and (role.mentionable or may_everyone)
        if is_open and _is_allowed(allowed, "roles", number):
            found.roles.append(number)
    is_listed = allowed is None or "everyone" in (allowed.get("parse") or [])
    found.everyone = bool(_EVERYONE.search(content)) and may_everyone and is_listed
    return found


def _ids(pattern: re.Pattern[str], content: str) -> list[int]:
    return list(dict.fromkeys(int(number) for number in pattern.findall(content)))


def _is_allowed(allowed: dict[str, Any] | None, kind: str, number: int) -> bool:
    if allowed is None or kind in (allowed.get("parse") or []):
        return True
    return str(number) in {str(one) for one in allowed.get(kind) or []}


def _may_mention_everyone(channel: FakeChannel, author: FakeUser) -> bool:
    if author.is_webhook:
        return True
    member = channel.server.members.get(author.id)
    return member is not None and bool(permissions_in(channel, member) & _MENTION_EVERYONE)
