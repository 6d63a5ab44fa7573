import pytest

from bot.markdown import find_markup


def list_spans(text, *, is_whole=True):
    """What is marked, with its marks, in the order of its beginnings."""
    markup = find_markup(text, is_whole=is_whole)
    return [text[span.start : span.end] for span in markup.spans]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        pytest.param("*a* and _b_", ["*a*", "_b_"], id="italics"),
        pytest.param("**a *b* c**", ["**a *b* c**", "*b*"], id="nested"),
        pytest.param("***a***", ["***a***", "*a*"], id="bold-and-italic"),
        pytest.param("__a__ ~~b~~ ||c||", ["__a__", "~~b~~", "||c||"], id="the-others"),
        pytest.param("5 * 3 * 2", [], id="stars-with-blanks-are-text"),
        pytest.param("snake_case_name", [], id="lines-within-words-are-text"),
        pytest.param("*a *b*", ["*b*"], id="an-earlier-star-that-nothing-closes"),
        pytest.param("*a\n\nb*", [], id="no-italics-over-paragraphs"),
        pytest.param("||a\n\nb||", ["||a\n\nb||"], id="spoilers-over-paragraphs"),
        pytest.param("`*a*`", ["`*a*`"], id="no-markup-in-code"),
        pytest.param("``a`b``", ["``a`b``"], id="code-with-a-backtick"),
        pytest.param("```py\n*a*\n```", ["```py\n*a*\n```"], id="fence"),
        pytest.param("> *a\nb*", ["> *a"], id="no-italics-out-of-a-quote"),
        pytest.param("\\*a\\*", [], id="escaped"),
        pytest.param("https://a.b/_c_*d", [], id="address"),
        pytest.param("****a****", [], id="too-many-stars"),
    ],
)
def test_markup_is_found_as_discord_shows_it(text, spans):
    assert list_spans(text) == spans


def test_what_the_end_of_a_beginning_does_not_settle_counts_as_marked():
    assert list_spans("one *two", is_whole=False) == ["*two"]
    assert list_spans("one *two", is_whole=True) == []
    assert list_spans("one *two\n\nthree", is_whole=False) == []


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        pytest.param("see [a b](https://c.d) now", "[a b](https://c.d)", id="link"),
        pytest.param("ask <@!123> now", "<@!123>", id="mention"),
        pytest.param("so <a:cat:12> it is", "<a:cat:12>", id="emoji"),
        pytest.param("at <t:17:R> it is", "<t:17:R>", id="timestamp"),
        pytest.param("see https://a.b/c. Then", "https://a.b/c", id="address"),
        pytest.param("so \\* it is", "\\*", id="escape"),
        pytest.param("so ** it is", "**", id="mark"),
    ],
)
def test_what_is_one_thing_is_not_to_be_cut(text, whole):
    start = text.index(whole)
    forbidden = find_markup(text, is_whole=True).forbidden
    assert [n for n, is_so in enumerate(forbidden) if is_so] == [
        *range(start + 1, start + len(whole))
    ]
