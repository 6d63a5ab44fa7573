"""What the fakes of the benchmark say."""

from benchmarks.discord.stage import write_reply


def test_a_reply_names_the_scene_that_it_is_of():
    prompt = "Guest 3: Hello.\nMaren: c1w1.\nGuest 12: Go on.\n"
    assert write_reply(prompt, 3) == "c12w0. c12w1. c12w2."


def test_a_prompt_of_nobody_is_answered_too():
    assert write_reply("Once upon a time", 2) == "c0w0. c0w1."
