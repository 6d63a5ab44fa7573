"""The Discord client: intents, cogs, command sync, and the last hooks for what nobody caught."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.cogs.again import AgainCog
from bot.cogs.chat import ChatCog
from bot.cogs.faces import Faces
from bot.cogs.operator import Operator, OperatorCog
from bot.cogs.panel import PanelButton
from bot.cogs.persona import PersonaCog
from bot.cogs.play import PlayCog
from bot.cogs.pump import Pace, trace_limits
from bot.cogs.replies import RefusedError, answer_text
from bot.cogs.row import RowButton
from bot.cogs.scene import ResetButton, SceneCog
from bot.cogs.stage import DiscordStage
from bot.cogs.status import StatusCog
from bot.cogs.stop import StopButton
from bot.cogs.voices import FAILURES
from bot.errors import explain
from bot.messages import Pacing
from bot.scenes.service import SceneService
from bot.scenes.status import StatusReader

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)


def point_discord_at(*, api_base: str, gateway: str) -> None:
    """Set the addresses of Discord's API for this process.

    discord.py 2.7 reads both from class attributes: a proxy in front of the REST API or a
    compatible server is named here.
    """
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we do not speak aloud
    Route.BASE = api_base.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What an operator chooses of the client."""

    default_persona: str
    """Who `/play` starts where nobody is named."""
    avatar_base_url: str = ""
    """Where the personas' pictures are; empty is in their cards."""
    shard_count: int | None = None
    """Gateway connections; None is one."""


class RoleplayClient(commands.Bot):
    """Troupe on Discord. `service` and `faces` are what its cogs and buttons work with."""

    def __init__(
        self,
        service: SceneService,
        status: StatusReader,
        *,
        options: ClientOptions,
        pacing: Pacing,
        operator: Operator | None = None,
    ) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        intents.guild_messages = True
        intents.dm_messages = True
        intents.message_content = True
        pace = Pace(pacing)
        super().__init__(
            command_prefix=(),
            intents=intents,
            help_command=None,
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            tree_cls=_CommandTree,
            shard_count=options.shard_count,
            http_trace=trace_limits(pace),
        )
        self.service = service
        self.faces = Faces(
            self,
            pace,
            self._find_card,
            avatar_base_url=options.avatar_base_url,
        )
        self._status = status
        self._default_persona = options.default_persona
        self._pace = pace
        self._operator = operator

    async def setup_hook(self) -> None:
        """Before the gateway: cogs, buttons, commands."""
        cogs: Sequence[commands.Cog] = (
            ChatCog(self, self.service),
            PlayCog(self.service, self._default_persona),
            PersonaCog(self.service),
            AgainCog(),
            SceneCog(self.service, self._status),
            StatusCog(self._status, self.service.library),
        )
        for cog in cogs:
            await self.add_cog(cog)
        if self._operator is not None:
            await self._add_operator_commands(self._operator)
        self.add_dynamic_items(ResetButton, StopButton, RowButton, PanelButton)
        # What was left unanswered is answered while the gateway still connects.
        await self.service.start(DiscordStage(self, self.faces, self._pace))
        synced = await self.tree.sync()
        _log.info("%d commands synced", len(synced), extra={"action": "commands-synced"})

    def _find_card(self, persona_key: str) -> Path | None:
        return self.service.library.find_file(persona_key)

    async def close(self) -> None:
        """End the connections, those of the webhooks too."""
        await self.faces.aclose()
        await super().close()

    async def _add_operator_commands(self, operator: Operator) -> None:
        """They exist in one server only; without a right to commands there the bot still plays."""
        server = discord.Object(operator.server_id)
        await self.add_cog(OperatorCog(operator.room), guild=server)
        try:
            await self.tree.sync(guild=server)
        except discord.HTTPException as error:
            _log.warning(
                "TROUPE_OPERATOR_SERVER=%d takes no commands of mine (%s): is the number that of a "
                "server I am in?",
                operator.server_id,
                error,
                extra={"action": "operator-commands-refused"},
            )

    def dispatch(
        self,
        event_name: str,
        /,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Tell listeners of an event, but for one that discord.py sends after its own end.

        Its two seconds' wait for servers outlives `close`, which has given the loop away.
        """
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def on_ready(self) -> None:
        """Connected anew: say so, and try again what could not be shown meanwhile."""
        waiting = await self.service.resume()
        _log.info(
            "connected as %s in %d servers; %d scenes await an answer",
            self.user,
            len(self.guilds),
            waiting,
            extra={"action": "connected"},
        )

    async def on_resumed(self) -> None:
        """Connected again: try again what could not be shown meanwhile."""
        await self.service.resume()

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: there are no prefix commands, and the chat cog listens itself."""

    async def on_error(
        self,
        event_method: str,
        /,
        *_args: Any,  # noqa: ANN401
        **_kwargs: Any,  # noqa: ANN401
    ) -> None:
        """An event that nobody caught: for the operator only."""
        _log.exception("event %s failed", event_method, extra={"action": "event-failed"})


class ShardedRoleplayClient(RoleplayClient, commands.AutoShardedBot):
    """The same over several gateway connections."""


class _CommandTree(app_commands.CommandTree[RoleplayClient]):
    """Commands whose errors become one plain private line."""

    async def on_error(
        self,
        interaction: discord.Interaction[RoleplayClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Tell the person; the log has the rest."""
        if isinstance(error, RefusedError):
            text = error.text
        else:
            text = explain(getattr(error, "original", error))
        try:
            await answer_text(interaction, text)
        except FAILURES:
            _log.warning("an answer came too late", extra={"action": "answer-failed"})
