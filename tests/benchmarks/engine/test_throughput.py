"""What the bare client reads of an answer."""

from benchmarks.engine.throughput import AT_ONCE, REPLIES, read_reply_tokens


def test_the_last_event_says_how_many_tokens_were_written():
    stream = (
        b'data: {"content": "Hi \\ndata: {}", "stop": false}\n\n'
        b'data: {"content": "", "stop": true, "timings": {"predicted_n": 7}}\n\n'
    )
    assert read_reply_tokens(stream) == 7


def test_every_scene_has_as_many_replies():
    assert [REPLIES % at_once for at_once in AT_ONCE] == [0] * len(AT_ONCE)
