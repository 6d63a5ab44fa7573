import pytest

from bot.cogs.faces import write_webhook_name


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Maren", "Maren"),
        ("Clyde", "Cl yde"),
        ("McCLYDE the Bold", "McCL YDE the Bold"),
        ("Discord of Discordia", "Dis cord of Dis cordia"),
        ("Here", "He re"),
        ("Here and There", "Here and There"),
        ("  Nanna \n Fennel ", "Nanna Fennel"),
        ("林黛玉", "林黛玉"),
    ],
)
def test_a_name_is_changed_only_where_discord_would_refuse_it(name, seen):
    assert write_webhook_name(name) == seen


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_a_name_that_nobody_would_see_is_replaced(name):
    assert write_webhook_name(name) == "Nameless"


@pytest.mark.parametrize("name", ["Aurelia " * 20, "A" * 200, "clyde" * 40])
def test_a_long_name_is_cut_to_eighty_characters(name):
    seen = write_webhook_name(name)
    assert 40 < len(seen) <= 80
    assert "clyde" not in seen.lower()
