"""Commands, buttons, menus and modals."""

import asyncio

import discord
import pytest
from discord import app_commands

from tests.fake_discord import FakeDiscord, FakeFile
from tests.fake_discord_itself.conftest import PACE, Bot, raw, running

PERSONAS = {"maren": "Maren", "marlow": "Marlow", "ilse": "Ilse"}


class Question(discord.ui.Modal, title="A question"):
    name = discord.ui.TextInput(label="Your name", custom_id="name", max_length=20)
    story = discord.ui.TextInput(
        label="Your story",
        custom_id="story",
        style=discord.TextStyle.paragraph,
        required=False,
    )

    async def on_submit(self, interaction):
        await interaction.response.send_message(f"{self.name.value}: {self.story.value or '-'}")


class Upload(discord.ui.Modal, title="Import"):
    card = discord.ui.Label(text="Card", component=discord.ui.FileUpload(custom_id="card"))

    async def on_submit(self, interaction):
        upload = self.card.component
        assert isinstance(upload, discord.ui.FileUpload)
        data = await upload.values[0].read()
        await interaction.response.edit_message(content=data.decode(), view=None)


class Panel(discord.ui.View):
    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction, button):
        await interaction.response.edit_message(content="Agreed.", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction, button):
        await interaction.response.defer()
        await interaction.edit_original_response(content="Later, then.")

    @discord.ui.button(label="Tell", custom_id="tell")
    async def tell(self, interaction, button):
        await interaction.response.send_message("Only for you.", ephemeral=True)

    @discord.ui.button(emoji="📎", custom_id="upload")
    async def upload(self, interaction, button):
        await interaction.response.send_modal(Upload())

    @discord.ui.button(label="Not now", custom_id="never", disabled=True)
    async def never(self, interaction, button):
        raise AssertionError

    @discord.ui.select(
        custom_id="greeting",
        options=[discord.SelectOption(label="Rain", value="0"), discord.SelectOption(label="Sun")],
    )
    async def greeting(self, interaction, select):
        await interaction.response.send_message(f"chosen: {select.values[0]}")


class Swipe(discord.ui.DynamicItem[discord.ui.Button], template=r"swipe:(?P<turn>[0-9]+)"):
    def __init__(self, turn):
        self.turn = turn
        super().__init__(discord.ui.Button(emoji="▶", custom_id=f"swipe:{turn}"))

    @classmethod
    async def from_custom_id(cls, interaction, item, match):
        return cls(int(match["turn"]))

    async def callback(self, interaction):
        await interaction.response.edit_message(content=f"turn {self.turn}, next alternative")


async def add_commands(bot):
    """Register what the tests of this part use."""

    @app_commands.command()
    @app_commands.describe(persona="who", count="how many", who="whom", where="where")
    async def play(
        interaction,
        persona: str,
        count: app_commands.Range[int, 1, 5] = 1,
        who: discord.Member | None = None,
        where: discord.TextChannel | None = None,
    ):
        """Start a scene."""
        seen = f"{who.display_name if who else '-'} {where.name if where else '-'}"
        await interaction.response.send_message(f"{PERSONAS[persona]} x{count} {seen}")

    @play.autocomplete("persona")
    async def personas(interaction, current):
        return [
            app_commands.Choice(name=name, value=key)
            for key, name in PERSONAS.items()
            if key.startswith(current)
        ]

    bot.tree.add_command(play)
    group = app_commands.Group(name="persona", description="The library")

    @group.command(name="list")
    async def list_personas(interaction):
        """List them."""
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("Maren, Marlow")
        await interaction.followup.send("and Ilse", ephemeral=True)

    bot.tree.add_command(group)

    @bot.tree.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def panel(interaction):
        """Show the panel."""
        await interaction.response.send_message("Shall we?", view=Panel(), ephemeral=True)

    @bot.tree.command()
    async def think(interaction):
        """Answer slowly."""
        await interaction.response.defer()
        await interaction.edit_original_response(content="Well ...")
        await interaction.edit_original_response(content="Well, yes.")

    @bot.tree.command()
    async def ask(interaction):
        """Open a modal."""
        await interaction.response.send_modal(Question())

    @bot.tree.command()
    async def sleep(interaction):
        """Answer too late."""
        await asyncio.sleep(0.2)
        await interaction.response.send_message("Good morning.")

    @bot.tree.context_menu(name="Regenerate")
    async def regenerate(interaction, message: discord.Message):
        await interaction.response.send_message(f"again: {message.content}", ephemeral=True)

    bot.add_dynamic_items(Swipe)
    await bot.tree.sync()


@pytest.fixture
async def player(fake):
    async with running(fake, Bot(add_commands)) as client:
        yield client


async def test_commands_are_synced_and_answered(fake, player):
    assert {"play", "persona", "panel", "think", "ask", "Regenerate"} <= set(fake.commands)
    interaction = await fake.noor.slash(fake.tavern, "play", persona="maren")
    answer = await interaction.answer()
    assert (answer.content, answer.ephemeral) == ("Maren x1 - -", False)
    assert interaction.acknowledged
    assert not interaction.deferred
    assert fake.tavern.messages == [answer]
    assert answer.interaction is interaction
    other = await fake.noor.slash(
        fake.tavern, "play", persona="ilse", count=3, who=fake.noor, where=fake.tavern
    )
    assert (await other.answer()).content == "Ilse x3 Noor tavern"
    assert fake.violations == []


async def test_commands_work_in_private_and_in_threads(fake, player):
    for channel in (fake.add_dm(fake.noor), fake.tavern.add_thread("aside")):
        interaction = await fake.noor.slash(channel, "play", persona="maren")
        assert (await interaction.answer()).channel is channel
    with pytest.raises(AssertionError, match="not offered in private"):
        await fake.noor.slash(fake.add_dm(fake.noor), "panel")


async def test_what_discords_client_would_not_send_is_an_assertion_error(fake, player):
    with pytest.raises(AssertionError, match=r"no command 'pley' .*'play'"):
        await fake.noor.slash(fake.tavern, "pley")
    with pytest.raises(AssertionError, match=r"no option 'name'; it has .*'persona'"):
        await fake.noor.slash(fake.tavern, "play", persona="maren", name="x")
    with pytest.raises(AssertionError, match=r"needs \['persona'\]"):
        await fake.noor.slash(fake.tavern, "play")
    with pytest.raises(AssertionError, match="above 5"):
        await fake.noor.slash(fake.tavern, "play", persona="maren", count=6)
    with pytest.raises(AssertionError, match=r"subcommands are \['list'\]"):
        await fake.noor.slash(fake.tavern, "persona")
    with pytest.raises(AssertionError, match="does not offer 'panel' to Noor"):
        await fake.noor.slash(fake.tavern, "panel")


async def test_autocompletion_offers_choices(fake, player):
    offered = await fake.noor.autocomplete(fake.tavern, "play", "persona", "mar")
    assert offered == [("Maren", "maren"), ("Marlow", "marlow")]
    assert await fake.noor.autocomplete(fake.tavern, "play", "persona", "x", count=2) == []
    assert fake.violations == []


async def test_a_deferred_answer_is_filled_by_the_first_follow_up(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "persona list")
    answer = await interaction.answer()
    assert interaction.deferred
    assert (answer.content, answer.ephemeral) == ("Maren, Marlow", True)
    await fake.wait_for(lambda: len(interaction.messages) == 2, what="the second follow-up")
    assert interaction.messages[1].content == "and Ilse"
    assert fake.tavern.messages == []


async def test_a_thinking_answer_is_streamed_by_edits(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    answer = await interaction.answer()
    await fake.wait_for(lambda: answer.content == "Well, yes.", what="the second edit")
    assert [edit.content for edit in answer.edits] == ["Well ...", "Well, yes."]
    assert not answer.thinking
    assert fake.tavern.messages == [answer]
    assert player.heard == []


async def test_buttons_and_menus_of_a_private_panel(fake, player):
    manager = fake.stage.add_member("Kim", manage_guild=True)
    panel = await manager.slash(fake.tavern, "panel")
    shown = await panel.answer()
    assert [button.label for button in shown.buttons][:3] == ["Yes", "Later", "Tell"]
    told = await (await manager.press(panel, label="Tell")).answer()
    assert (told.content, told.ephemeral) == ("Only for you.", True)
    chosen = await (await manager.choose(panel, ["Rain"])).answer()
    assert chosen.content == "chosen: 0"
    with pytest.raises(AssertionError, match="disabled"):
        await manager.press(panel, label="Not now")
    with pytest.raises(AssertionError, match="only Kim sees"):
        await fake.noor.press(shown, label="Yes")
    with pytest.raises(AssertionError, match="no component 'No'"):
        await manager.press(panel, label="No")
    later = await manager.press(panel, custom_id="later")
    assert (await later.answer()).content == "Later, then."
    assert later.deferred
    agreed = await (await manager.press(panel, label="Yes")).answer()
    assert agreed is shown
    assert (agreed.content, agreed.components) == ("Agreed.", [])
    assert fake.violations == []


async def test_buttons_work_by_their_id_after_a_restart(fake):
    channel = fake.tavern
    async with running(fake, Bot()) as first:
        view = discord.ui.View(timeout=None)
        view.add_item(Swipe(42))
        await first.get_channel(channel.id).send("an old reply", view=view)
    async with running(fake, Bot(add_commands)):
        pressed = await fake.noor.press(channel.messages[0], label="▶")
        assert (await pressed.answer()).content == "turn 42, next alternative"
    assert fake.violations == []


async def test_buttons_on_webhook_messages_work(fake, player):
    made = await player.get_channel(fake.tavern.id).create_webhook(name="Troupe")
    webhook = discord.Webhook.partial(made.id, made.token, client=player)
    view = discord.ui.View(timeout=None)
    view.add_item(Swipe(7))
    await webhook.send("a reply", username="Maren", view=view, wait=True)
    shown = fake.tavern.messages[-1]
    answer = await (await fake.noor.press(shown, label="▶")).answer()
    assert answer is shown
    assert (shown.content, shown.author.name) == ("turn 7, next alternative", "Maren")
    assert fake.violations == []


async def test_modals_are_opened_and_submitted(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "ask")
    modal = await interaction.opened()
    assert (interaction.modal.title, len(modal.inputs)) == ("A question", 2)
    with pytest.raises(AssertionError, match="must be filled in"):
        await fake.noor.submit(interaction, story="Once")
    with pytest.raises(AssertionError, match="0 to 20 characters"):
        await fake.noor.submit(interaction, name="x" * 21)
    with pytest.raises(AssertionError, match="no input 'age'"):
        await fake.noor.submit(interaction, age="7")
    with pytest.raises(AssertionError, match="answered with a modal"):
        await interaction.answer()
    submitted = await fake.noor.submit(interaction, **{"name": "Noor", "Your story": "Once"})
    assert (await submitted.answer()).content == "Noor: Once"
    assert fake.violations == []


async def test_files_are_uploaded_in_modals(fake, player):
    panel = await fake.stage.owner.slash(fake.tavern, "panel")
    await panel.answer()
    pressed = await fake.stage.owner.press(panel, label="📎")
    submitted = await fake.stage.owner.submit(pressed, Card=[FakeFile("card.json", b"a card")])
    assert (await submitted.answer()).content == "a card"
    assert fake.violations == []


async def test_context_menus_get_their_message(fake, player):
    message = await fake.noor.say(fake.tavern, "once more")
    interaction = await fake.noor.use_menu(message, "Regenerate")
    assert (await interaction.answer()).content == "again: once more"


async def test_an_answer_after_the_deadline_is_unknown():
    async with FakeDiscord(pace=0.05) as fake:
        guild = fake.add_guild("Stage")
        channel = guild.add_channel("tavern")
        client = Bot(add_commands)

        @client.tree.error
        async def ignore(interaction, error):
            pass

        async with running(fake, client):
            interaction = await guild.owner.slash(channel, "sleep")
            await fake.wait_for(lambda: fake.violations, what="the late answer")
        assert "Unknown interaction" in fake.violations[0]
        assert not interaction.acknowledged
        assert fake.unanswered == [interaction]
        assert channel.messages == []


async def test_an_interaction_is_answered_once_and_by_its_token(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    await interaction.answer()
    path, body = f"interactions/{interaction.id}", {"type": 4, "data": {"content": "again"}}
    status, _, answer = await raw(
        fake, "POST", f"{path}/{interaction.token}/callback", json=body, times=1
    )
    assert (status, answer["code"]) == (400, 40060)
    status, _, answer = await raw(fake, "POST", f"{path}/wrong/callback", json=body, times=1)
    assert (status, answer["code"]) == (404, 10062)
    assert len(fake.violations) == 2


async def test_follow_ups_end_after_fifteen_minutes(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    await interaction.answer()
    interaction.created -= 15 * 60 * PACE
    path = f"webhooks/{fake.application_id}/{interaction.token}"
    status, _, answer = await raw(fake, "POST", path, json={"content": "still here?"}, times=1)
    assert (status, answer["code"]) == (401, 50027)


async def test_what_discord_refuses_in_commands_and_components(fake, bot):
    http, channel = bot.http, bot.get_channel(fake.tavern.id)
    for command in (
        {"name": "Play", "description": "x", "type": 1},
        {"name": "play", "description": "", "type": 1},
        {"name": "play", "description": "x" * 101, "type": 1},
        {"name": "a b", "description": "x", "type": 1},
    ):
        with pytest.raises(discord.HTTPException) as refused:
            await http.bulk_upsert_global_commands(fake.application_id, [command])
        assert refused.value.code == 50035
    doubled = discord.ui.View()
    doubled.add_item(discord.ui.Button(label="x", custom_id="same"))
    doubled.add_item(discord.ui.Button(label="y", custom_id="same"))
    with pytest.raises(discord.HTTPException):
        await channel.send("x", view=doubled)
    nameless = discord.ui.View()
    nameless.add_item(discord.ui.Button(custom_id="nameless"))
    with pytest.raises(discord.HTTPException):
        await channel.send("x", view=nameless)
    assert fake.tavern.messages == []


async def test_layouts_of_the_second_kind_hold_text_and_buttons(fake, bot):
    class Card(discord.ui.LayoutView):
        text = discord.ui.TextDisplay("**Maren**")
        row = discord.ui.ActionRow()

        @row.button(label="Play")
        async def play(self, interaction, button):
            await interaction.response.send_message("Playing.")

    await bot.get_channel(fake.tavern.id).send(view=Card())
    shown = fake.tavern.messages[-1]
    assert shown.texts == "**Maren**"
    assert (await (await fake.noor.press(shown, label="Play")).answer()).content == "Playing."
    card = Card()
    card.text.content = "**Maren**, waiting"
    await bot.get_channel(fake.tavern.id).get_partial_message(shown.id).edit(view=card)
    assert [one.content for one in shown.history] == ["**Maren**", "**Maren**, waiting"]
    assert fake.violations == []
