"""`troupe persona …`, as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from personas.cards.read import read_card, read_card_file

SHARED_CARDS = Path(__file__).resolve().parents[2].parent / "shared" / "cards"
BOOK = {"name": "Stores", "entries": [{"keys": ["candle"], "content": "41.", "x": 1}]}
DATA = {
    "name": "Orrin\u202e",
    "nickname": "Orr",
    "description": "A brass\r\nautomaton.  ",
    "first_mes": "Good evening.",
    "alternate_greetings": ["Status?"],
    "character_book": BOOK,
    "tags": ["brass"],
    "extensions": {"somebody/else": [1, None]},
}
CARD: dict[str, Any] = {"spec": "chara_card_v2", "spec_version": "2.0", "data": DATA}


@pytest.fixture
def troupe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder, with settings of no one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TROUPE_PERSONA_FOLDER", raising=False)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["persona", *map(str, arguments)])

    return run


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "orrin.json"
    path.write_text(json.dumps(CARD), encoding="utf-8")
    return path


def write_sampled(card: Path, sampler: object) -> None:
    extensions = {**DATA["extensions"], "troupe": {"sampler": sampler}}
    card.write_text(json.dumps({**CARD, "data": {**DATA, "extensions": extensions}}))


def test_inspect_shows_how_a_persona_is_sampled(troupe: Any, card: Path):
    write_sampled(card, {"temperature": 0.9, "dry_sequence_breakers": ["\n"], "topp": 1})
    sheet = troupe("inspect", card).stdout
    assert 'sampling      temperature 0.9, dry_sequence_breakers ["\\n"]\n' in sheet
    warning = "`topp` in extensions.troupe.sampler is left out: there is no such setting; "
    assert f"! {warning}the nearest is top_p" in sheet
    answer = json.loads(troupe("inspect", card, "--json").stdout)
    assert any(said.startswith(warning) for said in answer["warnings"])
    assert f"- {warning}" in troupe("validate", card).stdout


def one_line(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_inspect_gives_one_object_with_the_keys_of_the_specs(troupe: Any, card: Path):
    result = troupe("inspect", card, "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    wanted = {
        "name": DATA["name"],
        "char_macro": "Orr",
        "description": DATA["description"],
        "personality": "",
        "scenario": "",
        "first_mes": "Good evening.",
        "mes_example": "",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": ["Status?"],
        "character_book": BOOK,
        "tags": ["brass"],
        "kind": "v2",
    }
    assert {key: answer[key] for key in wanted} == wanted
    assert answer["warnings"] == [
        "the name has line breaks or invisible characters; it is said without them"
    ]


def test_inspect_gives_a_sheet_that_steers_no_terminal(troupe: Any, card: Path):
    shown = troupe("inspect", card).stdout
    assert shown.startswith("Orrin \n")
    assert "description   A brass\n              automaton.\n" in shown
    assert "lore          candle: 41.\n" in shown
    assert "! the name has line breaks" in shown
    assert "\u202e" not in shown
    assert "\r" not in shown


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_inspect_refuses_with_one_line(troupe: Any, tmp_path: Path, options: list[str]):
    path = tmp_path / "a\nb.json"
    path.write_text('{"spec": "chara_card_v3", "spec_version": "9", "data": {}}')
    assert "a card without a name. Give the character a name" in one_line(
        troupe("inspect", path, *options)
    )


def test_list_tells_what_is_there_and_what_was_left_out(
    troupe: Any, card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "bad.json").write_text("{")
    monkeypatch.setenv("TROUPE_PERSONA_FOLDER", str(tmp_path))
    result = troupe("list")
    assert "orrin           Orrin" in result.stdout
    assert "2 greetings, 1 lore entry, 1 warning" in result.stdout
    assert "maren" in result.stdout
    assert result.stderr.startswith("left out: ")
    assert "bad.json: broken JSON" in result.stderr


def test_import_copies_unchanged_and_replaces_nothing_unasked(
    troupe: Any, card: Path, tmp_path: Path
):
    assert "is now: " in troupe("import", card, "--to", "cards").stdout
    there = tmp_path / "cards" / "orrin.json"
    assert there.read_bytes() == card.read_bytes()
    assert "is there already: " in troupe("import", card, "--to", "cards").stdout
    card.write_text('{"name": "Other", "first_mes": ""}')
    refusal = one_line(troupe("import", card, "--to", "cards"))
    assert "--replace" in refusal
    assert read_card(there).nickname == "Orr"
    assert troupe("import", card, "--to", "cards", "--replace").exit_code == 0
    assert read_card(there).name == "Other"
    assert [path.name for path in there.parent.iterdir()] == ["orrin.json"]


def test_import_takes_the_folder_of_the_settings(
    troupe: Any, card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    result = troupe("import", card)
    assert result.exit_code == 2
    assert "TROUPE_PERSONA_FOLDER" in result.stderr
    monkeypatch.setenv("TROUPE_PERSONA_FOLDER", str(tmp_path / "mine"))
    assert troupe("import", card).exit_code == 0
    assert (tmp_path / "mine" / "orrin.json").is_file()


def test_import_takes_a_folder_and_goes_on_after_a_refusal(troupe: Any, card: Path, tmp_path: Path):
    (tmp_path / "bad.json").write_text("{}")
    result = troupe("import", tmp_path, "--to", tmp_path / "cards")
    assert result.exit_code == 1
    assert (tmp_path / "cards" / "orrin.json").is_file()
    assert "1 of 2 were not taken in" in result.stderr


@pytest.mark.parametrize("container", ["json", "png", "charx"])
def test_export_writes_what_import_reads(troupe: Any, card: Path, tmp_path: Path, container: str):
    result = troupe("export", card, "--format", container, "--to", "out")
    assert result.exit_code == 0
    written = read_card_file(tmp_path / "out")
    assert written.container == container
    assert written.persona.description == DATA["description"]
    again: Any = written.persona.card["data"]
    assert again["extensions"] == DATA["extensions"]
    assert again["character_book"]["entries"][0]["x"] == 1


def test_export_takes_a_key_and_a_picture(troupe: Any, tmp_path: Path):
    assert troupe("export", "Maren", "--format", "png", "--to", "a.png").exit_code == 0
    result = troupe("export", "unit-seven", "--format", "png", "--picture", "a.png", "--spec", "v2")
    assert result.exit_code == 0
    assert read_card(tmp_path / "unit-seven.png").name == "Unit Seven"
    assert (tmp_path / "unit-seven.png").read_bytes().count(b"tEXt") == 1


def test_export_writes_to_standard_output(troupe: Any, card: Path, tmp_path: Path):
    result = troupe("export", card, "--format", "json", "--to", "-")
    assert json.loads(result.stdout) == CARD
    assert [path.name for path in tmp_path.iterdir()] == ["orrin.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["maern", "--format", "json"], 1, "nearest is 'maren'", id="unknown"),
        pytest.param(["maren", "--format", "charx", "--spec", "v2"], 2, "V3 only", id="charx-v2"),
        pytest.param(["maren", "--format", "json", "--picture", "x"], 2, "png", id="picture"),
        pytest.param(["maren", "--format", "png", "--picture", "x"], 1, "opened", id="no-picture"),
        pytest.param(["maren", "--format", "json", "--to", "no/x"], 1, "written", id="no-folder"),
        pytest.param(["maren", "--format", "json", "--to", "orrin.json"], 1, "--replace", id="has"),
    ],
)
def test_export_says_what_is_wrong(
    troupe: Any, card: Path, arguments: list[str], code: int, said: str
):
    result = troupe("export", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert json.loads(card.read_text()) == CARD


def test_validate_tells_good_odd_and_refused_cards(troupe: Any, card: Path, tmp_path: Path):
    good = tmp_path / "good.json"
    good.write_text('{"name": "Mira", "first_mes": ""}')
    assert troupe("validate", good).stdout == f"good     {good}: Mira (v1)\n"
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    result = troupe("validate", tmp_path)
    assert result.exit_code == 1
    assert "1 of 3 cannot be read" in result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["refused", "good", "odd", "-"]


def test_every_shared_card_is_inspected_as_expected(troupe: Any):
    expected = SHARED_CARDS / "expected.json"
    if not expected.is_file():
        pytest.skip("the shared cards are not here")
    for case in json.loads(expected.read_text(encoding="utf-8"))["cards"]:
        result = troupe("inspect", SHARED_CARDS / case["file"], "--json")
        if case["import"] == "ok":
            answer = json.loads(result.stdout)
            assert (answer["kind"], answer["name"]) == (case["kind"], case["name"])
            assert answer["char_macro"] == case["char_macro"]
            assert len(answer["alternate_greetings"]) == case["alternate_greetings"]
            book = answer["character_book"] or {"entries": []}
            assert len(book["entries"]) == case["lore_entries"]
        elif case["import"] == "refuse-as-character":
            one_line(result)
