import contextlib
import time

import pytest

from bot.prompting.presets.story_parser import StoryStringError
from bot.prompting.presets.story_string import StoryString
from bot.prompting.prompt import SegmentKind, untrusted


def render(template, **values):
    given = {name: [untrusted(text)] for name, text in values.items()}
    segments = StoryString(template).render(given, lambda macro: [untrusted(f"<{macro}>")])
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{a}} and {{b}}", "1 and 2", id="values"),
        pytest.param("{{{a}}}", "1", id="three-braces"),
        pytest.param("{{#if a}}x{{/if}}{{#if none}}y{{/if}}", "x", id="if"),
        pytest.param("{{#if none}}x{{else}}y{{/if}}", "y", id="else"),
        pytest.param("{{#unless a}}x{{else}}y{{/unless}}", "y", id="unless"),
        pytest.param("{{#if a}}{{#if b}}{{b}}{{/if}}{{/if}}!", "2!", id="nested"),
        pytest.param("x{{! a note }}y{{!-- another }} --}}z", "xyz", id="comments"),
        pytest.param("x\n\n{{trim}}\n{{a}}", "x1", id="trim"),
        pytest.param("x\n\n{{none}}{{trim}}\n\n", "x", id="trim-behind-nothing"),
        pytest.param("x {{~a~}} y", "x1y", id="tilde"),
        pytest.param("{{user}}", "<{{user}}>", id="macro"),
        pytest.param("a { b } {{ a }}", "a { b } 1", id="blanks-in-a-tag"),
    ],
)
def test_a_template_is_written(template, expected):
    assert render(template, a="1", b="2", none="") == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{#if a}}{{a}}\n{{/if}}\n\nz", "1\n\nz", id="closing-tag-alone"),
        pytest.param("{{#if a}}\n{{a}}\n{{/if}}\nz", "1\nz", id="both-tags-alone"),
        pytest.param("x\n  {{#if a}}\n  y\n  {{/if}}\nz", "x\n  y\nz", id="indented"),
        pytest.param("{{#if a}}x{{/if}}\nz", "x\nz", id="on-one-line"),
        pytest.param("x\n{{#if none}}\ny\n{{else}}\nw\n{{/if}}\nz", "x\nw\nz", id="else-alone"),
        pytest.param("{{#if a}}\nx\n{{/if}}", "x\n", id="at-the-end"),
    ],
)
def test_a_line_with_nothing_but_a_blocks_tag_goes_as_handlebars_has_it(template, expected):
    assert render(template, a="1", none="") == expected


@pytest.mark.parametrize("template", ["{{#if a}}x", "x{{/if}}", "{{#if a}}{{#if b}}{{/if}}"])
def test_blocks_that_do_not_close_are_refused(template):
    with pytest.raises(StoryStringError, match="if"):
        StoryString(template)


def test_what_is_put_in_is_never_taken_for_the_template():
    segments = StoryString("<|im_start|>{{a}}").render(
        {"a": [untrusted("{{#if b}}{{trim}}\n")]}, lambda macro: []
    )
    assert [segment.kind for segment in segments] == [SegmentKind.CONTROL, SegmentKind.UNTRUSTED]
    assert segments[1].text == "{{#if b}}{{trim}}\n"


def test_a_template_of_open_tags_takes_no_time():
    assert render("{{" * 30_000 + "x") == "{{" * 30_000 + "x"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{#if none}}x{{else if b}}y{{else}}z{{/if}}!", "y!", id="else-if"),
        pytest.param("{{#if none}}x{{else if no}}y{{else}}z{{/if}}!", "z!", id="neither"),
        pytest.param("{{#if none}}x{{else unless a}}y{{/if}}!", "!", id="else-unless"),
        pytest.param("{{#if no}}1{{else if no}}2{{else if a}}3{{/if}}", "3", id="three"),
        pytest.param(
            "x\n{{#if no}}\n1\n{{else if a}}\n2\n{{/if}}\ny", "x\n2\ny", id="lines-of-their-own"
        ),
        pytest.param("{{{a}}}}{{{a}}", "1}{1", id="three-braces-that-do-not-match"),
        pytest.param("{{!-- no end }}x{{! {{a}} }}", "x }}", id="comments-end-at-first-braces"),
        pytest.param("x {{~!-- }} --~}} y", "xy", id="comment-with-tildes"),
        pytest.param("{{// a note}}", "<{{// a note}}>", id="macro-with-slashes"),
    ],
)
def test_a_template_is_written_as_handlebars_has_it(template, expected):
    assert render(template, a="1", b="2") == expected


@pytest.mark.parametrize(
    ("template", "said"),
    [
        pytest.param("{{#if a}}" * 101 + "{{/if}}" * 101, "more than 100 deep", id="deep"),
        pytest.param("{{#if a}}{{else if b}}" * 51 + "{{/if}}" * 51, "100 deep", id="chained"),
        pytest.param("x" * 65_537, "longer than 65,536", id="long"),
        pytest.param("{{#each a}}{{/each}}", "{{#each a}} is not known", id="each"),
        pytest.param("{{> p}}", "{{> p}} is not known", id="partial"),
        pytest.param("{{#if a}}{{^}}{{/if}}", "{{^}} is not known", id="inverse"),
        pytest.param("{{lookup a 1}}", "there are only", id="helper"),
        pytest.param("{{#if a b}}{{/if}}", "is not known", id="two-arguments"),
        pytest.param("{{#if a}}{{/unless}}", "{{#if a}} is closed by {{/unless}}", id="crossed"),
        pytest.param("{{else}}", "stands in no block", id="else-alone"),
        pytest.param("{{#if a}}{{else}}{{else}}{{/if}}", "stands in no block", id="else-twice"),
    ],
)
def test_what_is_not_known_is_refused_in_plain_words(template, said):
    with pytest.raises(StoryStringError) as caught:
        StoryString(template)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "piece",
    [
        *("{{", "{{{x", "{{~", "{{x}", "{{!", "{{!--", "{{!--}}", "{{!----}}", "{", "}", "-", " "),
        *("\n", "\r", "{{" + " " * 700, "{{trim}}\n", "\n{{#if a}}{{/if}}", "\n {{a}}\n"),
        "{{#if a}}\n{{else if b}}\n{{/if}}\n",
    ],
)
@pytest.mark.parametrize(("before", "behind"), [("", ""), ("{{", ""), ("\n", "x{{#if a}}a{{/if}}")])
def test_reading_takes_time_by_the_length_only(before, behind, piece):
    template = before + piece * (60_000 // len(piece)) + behind
    started = time.monotonic()
    with contextlib.suppress(StoryStringError):
        render(template, a="1")
    assert time.monotonic() - started < 2
