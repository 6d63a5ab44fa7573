"""What is left of a reply when something goes wrong with its next alternative."""

import pytest

from bot.scenes.swiping import Swiper
from bot.scenes.writing import Progress
from storage.database import Database
from storage.errors import TurnNotFoundError
from storage.records import NewScene, NewTurn, ReplyFacts, Role, SwipeOrder
from storage.scenes import SceneStore
from storage.swipes import SwipeStore
from storage.turns import TurnStore


class Display:
    """Remembers what it was asked to show."""

    def __init__(self):
        self.shown = []

    async def finish(self, text, *, row):
        self.shown.append((text, row.shown, row.count))
        return [11]

    async def aclose(self):
        self.shown.append("closed")


class Stage:
    def __init__(self, display):
        self.display = display

    async def open_reply(self, scene, **facts):
        return self.display


class Writer:
    """Writes nothing, after something happened."""

    engine_name = "none"

    def __init__(self, happens):
        self._happens = happens

    def find_persona_name(self, scene):
        return "Mira"

    async def write(self, *_):
        await self._happens()


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "troupe.sqlite3")
    yield database
    await database.aclose()


async def test_a_reply_that_was_hidden_meanwhile_is_not_shown_again(database):
    turns, swipes = TurnStore(database), SwipeStore(database)
    scene = await SceneStore(database).open(
        NewScene(scene_key="k", persona_key="mira", opened_by_id=1, opened_by_name="Ann")
    )
    new = NewTurn(role=Role.PERSONA, name="Mira", text="b", message_ids=(11,))
    turn = await turns.append_reply(scene.id, new, facts=ReplyFacts(), answered_up_to=None)
    await swipes.order(turn.id, SwipeOrder())

    async def hide():
        async with database.transaction() as connection:
            await connection.execute("UPDATE turns SET hidden = 1")

    display = Display()
    swiper = Swiper(swipes=swipes, writer=Writer(hide))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TurnNotFoundError):
        await swiper.swipe(scene, [turn], (turn, SwipeOrder()), Stage(display), Progress())  # pyright: ignore[reportArgumentType]
    assert display.shown == ["closed"]
    assert await swipes.find_ordered(scene.id) is None
