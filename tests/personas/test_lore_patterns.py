import time

import pytest

from personas.lore_patterns import LorePatternError, compile_pattern, is_delimited


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        pytest.param("/a|b/", True, id="plain"),
        pytest.param(" /a/gi ", True, id="flags"),
        pytest.param("/a\nb/s", True, id="two-lines"),
        pytest.param("and/or", False, id="slash-inside"),
        pytest.param("//", False, id="empty"),
        pytest.param("/a/I", False, id="no-flag"),
    ],
)
def test_a_pattern_is_told_by_its_slashes(key: str, answer: bool):
    assert is_delimited(key) is answer


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        pytest.param("/嵐|台風/", "x台風", True, id="japanese"),
        pytest.param("/BELL/", "bell", False, id="case-counts-between-slashes"),
        pytest.param("/BELL/i", "bell", True, id="flag-i"),
        pytest.param("BELL", "bell", True, id="bare"),
        pytest.param("/^b/m", "a\nb", True, id="flag-m"),
        pytest.param("/^b/", "a\nb", False, id="without-m"),
        pytest.param("/a.b/s", "a\nb", True, id="flag-s"),
        pytest.param("/a.b/", "a\nb", False, id="without-s"),
        pytest.param(r"/[\u4e00-\u9fff]/", "灯", True, id="javascript-escape"),
        pytest.param(r"/\u{1F98A}/u", "🦊", True, id="javascript-escape-in-braces"),
        pytest.param(r"/a\/b/", "a/b", True, id="escaped-slash"),
        pytest.param(r"/\\u0041/", r"\u0041", True, id="escaped-backslash"),
    ],
)
def test_patterns_are_javascripts_as_far_as_they_are_linear(key: str, text: str, found: bool):
    assert (compile_pattern(key).search(text) is not None) is found


@pytest.mark.parametrize("key", ["(", "/(?=a)/", r"/(a)\1/", r"(\pL{1,99}){1,99}", "a" * 5_000])
def test_what_cannot_be_run_is_refused(key: str):
    with pytest.raises(LorePatternError):
        compile_pattern(key)


def test_a_pattern_that_python_would_never_finish_is_fast():
    began = time.process_time()
    assert compile_pattern("/(a+)+$/").search("a" * 100_000 + "b") is None
    assert time.process_time() - began < 1
