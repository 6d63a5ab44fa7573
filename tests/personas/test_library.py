import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from personas.errors import PersonaError, PersonaNotFoundError
from personas.library import BUNDLED_FOLDER, PersonaLibrary
from personas.persona import Persona

MakePng = Callable[..., bytes]


def write_card(folder: Path, file_name: str, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / file_name
    path.write_text(json.dumps({"name": name, "description": ""}), encoding="utf-8")
    return path


def own_keys(library: PersonaLibrary) -> list[str]:
    bundled = {persona.key for persona in PersonaLibrary.open([]).list()}
    return sorted(persona.key for persona in library.list() if persona.key not in bundled)


@pytest.fixture
def library() -> PersonaLibrary:
    return PersonaLibrary(
        [
            Persona(key="grete", name="Grete Öhlmann"),
            Persona(key="captain-isolde", name="Isolde"),
            Persona(key="lighthouse", name="灯台守の澪", nickname="Mio"),
            Persona(key="kit", name="🦊 Kit"),
            Persona(key="anton", name="anton Grete"),
        ]
    )


def test_every_bundled_card_can_be_read():
    library = PersonaLibrary.open([])
    files = [path for path in BUNDLED_FOLDER.iterdir() if path.suffix == ".json"]
    assert library.problems == ()
    assert len(library.list()) == len(files) > 0


def test_json_and_png_files_are_read_and_others_are_not(
    tmp_path: Path, make_png: MakePng, card_chunk: tuple[bytes, bytes]
):
    write_card(tmp_path, "One.json", "One")
    write_card(tmp_path, "two.JSON", "Two")
    (tmp_path / "three.PNG").write_bytes(make_png(card_chunk))
    write_card(tmp_path, ".hidden.json", "Hidden")
    write_card(tmp_path, "readme.md", "Readme")
    write_card(tmp_path / "below", "deep.json", "Deep")
    (tmp_path / "folder.json").mkdir()
    library = PersonaLibrary.open([tmp_path])
    assert own_keys(library) == ["one", "three", "two"]
    assert library.problems == ()


def test_cards_of_every_container_are_read_from_a_folder(
    tmp_path: Path, make_png: MakePng, card: dict[str, object], card_chunk: tuple[bytes, bytes]
):
    text = json.dumps(card)
    with zipfile.ZipFile(tmp_path / "charx.charx", "w") as archive:
        archive.writestr("card.json", text)
    jpeg = b"\xff\xd8\xff\xe0\0\4ab" + (tmp_path / "charx.charx").read_bytes()
    (tmp_path / "jpeg.jpg").write_bytes(jpeg)
    (tmp_path / "json.json").write_text(text)
    (tmp_path / "picture.apng").write_bytes(make_png(card_chunk))
    (tmp_path / "ooba.yaml").write_text("name: Orrin\ncontext: x\n")
    (tmp_path / "wrong.webp").write_text(text)
    library = PersonaLibrary.open([tmp_path])
    assert library.problems == ()
    assert own_keys(library) == ["charx", "jpeg", "json", "ooba", "picture", "wrong"]
    assert {library.get(key).name for key in own_keys(library)} == {"Orrin"}


def test_the_file_of_a_persona_is_known(tmp_path: Path):
    path = write_card(tmp_path, "Old Orrin.json", "Orrin")
    library = PersonaLibrary.open([tmp_path])
    assert library.find_file("old-orrin") == path
    assert library.find_file("maren") == BUNDLED_FOLDER / "maren.json"
    assert library.find_file("nobody") is None
    assert PersonaLibrary([library.get("maren")]).find_file("maren") is None


def test_a_later_folder_replaces_a_persona_of_the_same_key(tmp_path: Path):
    write_card(tmp_path / "a", "Orrin.json", "First")
    write_card(tmp_path / "b", "orrin.json", "Second")
    first, second = tmp_path / "a", tmp_path / "b"
    assert PersonaLibrary.open([first, second]).get("orrin").name == "Second"
    assert PersonaLibrary.open([second, first]).get("orrin").name == "First"


def test_a_folder_of_ones_own_replaces_a_bundled_persona(tmp_path: Path):
    bundled = PersonaLibrary.open([])
    key = bundled.list()[0].key
    write_card(tmp_path, f"{key}.json", "Mine")
    library = PersonaLibrary.open([tmp_path])
    assert library.get(key).name == "Mine"
    assert len(library.list()) == len(bundled.list())


def test_a_bad_file_is_a_problem_and_stops_nothing(tmp_path: Path):
    bad = tmp_path / "a-bad.json"
    bad.write_text("{", encoding="utf-8")
    write_card(tmp_path, "good.json", "Good")
    library = PersonaLibrary.open([tmp_path])
    assert own_keys(library) == ["good"]
    assert [problem.source for problem in library.problems] == [str(bad)]


def test_a_bad_file_leaves_the_earlier_persona_of_its_key(tmp_path: Path):
    write_card(tmp_path / "a", "orrin.json", "First")
    write_card(tmp_path / "b", "orrin.json", "")
    library = PersonaLibrary.open([tmp_path / "a", tmp_path / "b"])
    assert library.get("orrin").name == "First"
    assert len(library.problems) == 1


def test_of_two_files_with_one_key_in_a_folder_the_first_is_kept(tmp_path: Path):
    write_card(tmp_path, "old orrin.json", "First")
    second = write_card(tmp_path, "old-orrin.json", "Second")
    library = PersonaLibrary.open([tmp_path])
    assert library.get("old-orrin").name == "First"
    (problem,) = library.problems
    assert problem.source == str(second)
    assert "old orrin.json" in problem.found


def test_a_bad_file_does_not_take_the_key_of_a_good_one(tmp_path: Path):
    (tmp_path / "old orrin.json").write_text("{", encoding="utf-8")
    write_card(tmp_path, "old-orrin.json", "Second")
    library = PersonaLibrary.open([tmp_path])
    assert library.get("old-orrin").name == "Second"
    assert len(library.problems) == 1


def test_a_missing_folder_is_an_error_that_says_how_to_mend_it(tmp_path: Path):
    with pytest.raises(PersonaError, match="create it") as caught:
        PersonaLibrary.open([tmp_path / "nowhere"])
    assert str(tmp_path / "nowhere") in str(caught.value)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path):
    path = write_card(tmp_path, "one.json", "One")
    with pytest.raises(PersonaError, match="cannot be read"):
        PersonaLibrary.open([path])


def test_personas_are_listed_by_name_whatever_the_case(library: PersonaLibrary):
    assert [persona.key for persona in library.list()] == [
        "anton",
        "grete",
        "captain-isolde",
        "lighthouse",
        "kit",
    ]


def test_get_gives_the_persona_of_a_key(library: PersonaLibrary):
    assert library.get("captain-isolde").name == "Isolde"


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        pytest.param("captain-isolda", "captain-isolde", id="key"),
        pytest.param("grete ohlman", "Grete Öhlmann", id="name-without-accent"),
        pytest.param("Miho", "Mio", id="nickname"),
        pytest.param("KIT", "kit", id="other-case"),
        pytest.param("zzzzzz", None, id="nothing-near"),
        pytest.param("", None, id="empty"),
        pytest.param("x" * 100_000, None, id="long"),
    ],
)
def test_get_names_the_nearest_when_there_is_none(
    library: PersonaLibrary, key: str, nearest: str | None
):
    with pytest.raises(PersonaNotFoundError) as caught:
        library.get(key)
    assert (caught.value.key, caught.value.nearest) == (key, nearest)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("captain-isolde", "captain-isolde", id="key"),
        pytest.param(" Captain-Isolde ", "captain-isolde", id="key-in-other-case"),
        pytest.param("ISOLDE", "captain-isolde", id="name"),
        pytest.param("grete o\u0308hlmann", "grete", id="name-decomposed"),
        pytest.param("mio", "lighthouse", id="nickname"),
        pytest.param("Isol", None, id="only-exact"),
        pytest.param("grete ohlmann", None, id="accents-count"),
        pytest.param("", None, id="empty"),
        pytest.param(" ", None, id="blank"),
    ],
)
def test_find_takes_a_key_a_name_or_a_nickname(library: PersonaLibrary, text: str, key: str | None):
    found = library.find(text)
    assert (found.key if found else None) == key


def test_find_prefers_a_key_to_a_name_and_a_name_to_a_nickname():
    by_nickname = Persona(key="a", name="A", nickname="Orrin")
    by_name = Persona(key="b", name="Orrin")
    by_key = Persona(key="orrin", name="Z")
    assert PersonaLibrary([by_nickname, by_name, by_key]).find("orrin") == by_key
    assert PersonaLibrary([by_nickname, by_name]).find("orrin") == by_name
    assert PersonaLibrary([by_nickname]).find("orrin") == by_nickname


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        pytest.param("", ["anton", "grete", "captain-isolde", "lighthouse", "kit"], id="nothing"),
        pytest.param("gre", ["anton", "grete"], id="any-word-of-the-name"),
        pytest.param("grete ö", ["grete"], id="two-words"),
        pytest.param("OHL", ["grete"], id="case-and-accents"),
        pytest.param("capt", ["captain-isolde"], id="key"),
        pytest.param("iso", ["captain-isolde"], id="word"),
        pytest.param("mi", ["lighthouse"], id="nickname"),
        pytest.param("🦊", ["kit"], id="emoji"),
        pytest.param("灯台", ["lighthouse"], id="japanese"),
        pytest.param("t", ["anton", "grete", "captain-isolde", "lighthouse", "kit"], id="inside"),
        pytest.param("i", ["captain-isolde", "lighthouse", "kit"], id="beginning-first"),
        pytest.param("k", ["kit"], id="begins"),
        pytest.param(" kit ", ["kit"], id="spaces-around"),
        pytest.param("zz", [], id="none"),
    ],
)
def test_search_finds_what_begins_so_and_then_what_contains_it(
    library: PersonaLibrary, prefix: str, keys: list[str]
):
    assert [persona.key for persona in library.search(prefix)] == keys


def test_search_puts_beginnings_before_insides_in_spite_of_names():
    library = PersonaLibrary([Persona(key="a", name="Amira"), Persona(key="m", name="Mira")])
    assert [persona.key for persona in library.search("mir")] == ["m", "a"]


def test_search_gives_no_more_than_the_limit():
    library = PersonaLibrary(Persona(key=f"k{n}", name=f"Name {n:02}") for n in range(40))
    assert len(library.search("name")) == 25
    assert [persona.name for persona in library.search("name", limit=2)] == ["Name 00", "Name 01"]
