import pytest

from bot.admission import Guests, Verdict, decide, read_story, write_story
from bot.messages import IncomingMessage
from storage.records import Answers, SceneRecord, SceneState


def write(text="Hello.", **facts):
    given = {
        "message_id": 1,
        "scene_key": "discord/2",
        "channel_id": 2,
        "guild_id": 3,
        "author_id": 4,
        "author_name": "Ann",
        "text": text,
    }
    return IncomingMessage(**given | facts)


def scene(answers):
    return SceneRecord(
        id=1,
        scene_key="discord/2",
        guild_id=3,
        channel_id=2,
        persona_key="mira",
        state=SceneState.OPEN,
        answers=answers,
        opened_by_id=4,
        opened_by_name="Ann",
        length_word=None,
        prompt_format=None,
        sampler=None,
        anchor_turn_id=None,
        opened_at="",
        closed_at=None,
    )


@pytest.mark.parametrize(
    ("facts", "answers", "verdict"),
    [
        pytest.param({}, None, Verdict.IGNORE, id="nowhere"),
        pytest.param({}, Answers.ALL, Verdict.ANSWER, id="in-a-scene"),
        pytest.param({}, Answers.ADDRESSED, Verdict.IGNORE, id="in-a-scene-for-the-addressed"),
        pytest.param({"is_direct": True}, None, Verdict.ANSWER, id="direct"),
        pytest.param({"mentions_bot": True}, None, Verdict.ANSWER, id="mention"),
        pytest.param({"replies_to_bot": True}, None, Verdict.ANSWER, id="reply"),
        pytest.param({"mentions_bot": True}, Answers.ADDRESSED, Verdict.ANSWER, id="addressed"),
        pytest.param({"is_bot": True}, Answers.ALL, Verdict.IGNORE, id="bot-in-a-scene"),
        pytest.param({"is_bot": True, "mentions_bot": True}, None, Verdict.IGNORE, id="bot"),
        pytest.param({"is_bot": True, "is_direct": True}, None, Verdict.IGNORE, id="direct-bot"),
        pytest.param({"text": " \n "}, Answers.ALL, Verdict.IGNORE, id="blank"),
        pytest.param({"text": "", "mentions_bot": True}, None, Verdict.IGNORE, id="only-mention"),
        pytest.param({"text": " // brb"}, Answers.ALL, Verdict.IGNORE, id="beside-the-story"),
        pytest.param(
            {"text": "((brb))", "is_direct": True}, None, Verdict.IGNORE, id="direct-and-beside"
        ),
    ],
)
def test_a_message_is_answered_or_ignored(facts, answers, verdict):
    assert decide(write(**facts), scene(answers) if answers else None) is verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("// brb", "", id="slashes"),
        pytest.param("//brb", "", id="slashes-without-a-blank"),
        pytest.param("  // brb", "", id="slashes-after-blanks"),
        pytest.param("// brb\nShe nods.\n// back", "She nods.", id="lines-with-slashes"),
        pytest.param("((brb))", "", id="brackets"),
        pytest.param("((two\nlines))", "", id="several-lines"),
        pytest.param("((a)) ((b))", "", id="twice"),
        pytest.param("((a (b)))", "", id="brackets-inside"),
        pytest.param("((a)) She nods. ((b))", "She nods.", id="story-between"),
        pytest.param("She nods. ((brb))", "She nods.", id="story-before"),
        pytest.param("((brb)) She nods.", "She nods.", id="story-after"),
        pytest.param("(She nods.)", "(She nods.)", id="one-bracket"),
        pytest.param("((never closed", "((never closed", id="open"),
        pytest.param("/play", "/play", id="one-slash"),
        pytest.param("see https://example.org", "see https://example.org", id="address"),
        pytest.param(" She nods. ", "She nods.", id="blanks"),
    ],
)
def test_what_is_beside_the_story_is_taken_out(text, expected):
    assert read_story(text) == expected


GUESTS = Guests(proxies=frozenset({70}), bots=frozenset({4, 71}), bot_turns=2)


@pytest.mark.parametrize(
    ("facts", "bot_turns", "verdict"),
    [
        pytest.param({"is_bot": True}, 0, Verdict.ANSWER, id="bot-that-may"),
        pytest.param({"is_bot": True}, 1, Verdict.ANSWER, id="bot-again"),
        pytest.param({"is_bot": True}, 2, Verdict.IGNORE, id="bot-too-often"),
        pytest.param({}, 2, Verdict.ANSWER, id="person"),
        pytest.param({"is_bot": True, "author_id": 5}, 0, Verdict.IGNORE, id="other-bot"),
        pytest.param(
            {"is_bot": True, "is_webhook": True, "author_id": 70}, 2, Verdict.ANSWER, id="proxy"
        ),
        pytest.param({"is_bot": True, "author_id": 70}, 0, Verdict.IGNORE, id="proxy-service"),
        pytest.param(
            {"is_bot": True, "is_webhook": True, "author_id": 71}, 0, Verdict.ANSWER, id="webhook"
        ),
        pytest.param({"is_bot": True, "text": "// beep"}, 0, Verdict.IGNORE, id="bot-beside"),
    ],
)
def test_programs_are_heard_as_far_as_they_may(facts, bot_turns, verdict):
    said = decide(write(**facts), scene(Answers.ALL), GUESTS, bot_turns=bot_turns)
    assert said is verdict


@pytest.mark.parametrize(
    ("text", "additions", "expected"),
    [
        pytest.param("Look! ((brb))", ("[image: a.png]",), "Look!\n[image: a.png]", id="both"),
        pytest.param("", ("[voice message]",), "[voice message]", id="no-words"),
        pytest.param("// look", ("[image: a.png]",), "", id="beside-the-story"),
        pytest.param("Look!", (), "Look!", id="words"),
    ],
)
def test_what_hangs_on_a_message_comes_after_its_words(text, additions, expected):
    assert write_story(write(text, additions=additions)) == expected
