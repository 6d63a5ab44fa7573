import pytest

from bot.prompting.presets.story_string import StoryString, StoryStringError
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
    assert render("{{" * 50_000 + "x") == "{{" * 50_000 + "x"
