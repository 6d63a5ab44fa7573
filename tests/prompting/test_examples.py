import pytest

from bot.prompting.examples import read_examples

PERSONA, PERSON, NARRATOR = "persona", "person", "narrator"


def read(text, persona_name="Mira", person_name="Tomas"):
    turns = read_examples(text, persona_name=persona_name, person_name=person_name)
    assert all(turn.turn_id == 0 for turn in turns)
    return [(turn.role.value, turn.name, turn.text) for turn in turns]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("<START>\n \n<START>", [], id="only-marks"),
        pytest.param(
            "<START>\n{{user}}: Hi.\n{{char}}: Ho.",
            [(PERSON, "Tomas", "Hi."), (PERSONA, "Mira", "Ho.")],
            id="one-block",
        ),
        pytest.param("{{char}}: Ho.", [(PERSONA, "Mira", "Ho.")], id="no-mark"),
        pytest.param(
            "{{user}}: Hi.\n<start>{{char}}: Ho.\n<Start>\n<USER>: Hm.",
            [(PERSON, "Tomas", "Hi."), (PERSONA, "Mira", "Ho."), (PERSON, "Tomas", "Hm.")],
            id="marks-in-any-case",
        ),
        pytest.param(
            "Mira: One.\n\nTwo.\nTomas: Three.",
            [(PERSONA, "Mira", "One.\n\nTwo."), (PERSON, "Tomas", "Three.")],
            id="names-written-out-and-paragraphs",
        ),
        pytest.param(
            "*Rain.*\n{{char}}: Ho.",
            [(NARRATOR, "", "*Rain.*"), (PERSONA, "Mira", "Ho.")],
            id="told-first",
        ),
        pytest.param(
            "{{char}}: Ho.\n<START>\n*Rain.*",
            [(PERSONA, "Mira", "Ho."), (NARRATOR, "", "*Rain.*")],
            id="told-after-a-mark",
        ),
        pytest.param(
            "{{char}}: Ho.\nAnn: No.\nNote: yes",
            [(PERSONA, "Mira", "Ho.\nAnn: No.\nNote: yes")],
            id="strangers-stay-in-the-text",
        ),
        pytest.param(
            " {{char}} : Ho.\r\n\t{{user}}:Hi.\r{{char}}:\nNext line.",
            [(PERSONA, "Mira", "Ho."), (PERSON, "Tomas", "Hi."), (PERSONA, "Mira", "Next line.")],
            id="blanks-and-line-ends",
        ),
        pytest.param("{{char}}:\n{{user}}: ", [], id="nothing-said"),
        pytest.param("{{char}}: a: b", [(PERSONA, "Mira", "a: b")], id="colon-in-the-text"),
        pytest.param(
            "{{char}}: You know {{user}}, <BOT> said.",
            [(PERSONA, "Mira", "You know Tomas, Mira said.")],
            id="macros-in-the-text",
        ),
    ],
)
def test_example_dialogue_is_read_into_turns(text, turns):
    assert read(text) == turns


def test_a_person_whose_name_is_the_mark_starts_no_block():
    turns = read("{{user}}: Hi.\n{{char}}: Well, {{user}}.\nMore.", person_name="<START>")
    assert turns == [(PERSON, "<START>", "Hi."), (PERSONA, "Mira", "Well, <START>.\nMore.")]


def test_a_person_whose_name_is_a_macro_is_not_replaced_again():
    assert read("{{user}}: Hi.", person_name="{{char}}") == [(PERSON, "{{char}}", "Hi.")]
