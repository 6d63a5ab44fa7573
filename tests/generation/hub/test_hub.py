"""What the hub is asked, and what its answers become."""

import pytest

from bot.generation.hub.errors import (
    HubAnswerError,
    HubBusyError,
    HubRefusedError,
    HubUnreachableError,
    PullError,
    RemoteFileMissingError,
)
from bot.generation.hub.hub import Hub
from tests.fake_hub import COMMIT, FakeHub
from tests.generation.hub.pulling import CONTENT, FILE, REPOSITORY


@pytest.fixture
def hub(monkeypatch):
    """A hub with one file, and nobody's token."""
    monkeypatch.setenv("HF_TOKEN", "")
    with FakeHub() as running:
        running.add(REPOSITORY, FILE, CONTENT)
        yield running
    assert running.violations == []


def read(hub, file, start=0, stop=None):
    with Hub(hub.endpoint).open_range(file, start, stop or file.size_bytes) as (begins, pieces):
        return begins, b"".join(pieces)


def test_size_hash_and_version_are_asked_before_any_byte(hub):
    file = Hub(hub.endpoint).ask(REPOSITORY, FILE)
    assert (file.size_bytes, file.revision) == (len(CONTENT), COMMIT)
    assert file.sha256 == file.identity == hub.files[REPOSITORY, FILE].sha256
    assert [(one.method, one.path) for one in hub.requests] == [
        ("HEAD", f"/{REPOSITORY}/resolve/main/{FILE}")
    ]


def test_a_small_file_has_no_sha256(hub):
    hub.add(REPOSITORY, "adapter_config.json", b'{"r": 8}', is_large=False)
    file = Hub(hub.endpoint).ask(REPOSITORY, "adapter_config.json")
    assert (file.size_bytes, file.sha256) == (8, None)
    assert read(hub, file) == (0, b'{"r": 8}')


def test_a_range_is_read_of_the_version_that_was_asked(hub):
    file = Hub(hub.endpoint).ask(REPOSITORY, FILE)
    assert read(hub, file, 1000, 1300) == (1000, CONTENT[1000:1300])
    resolve, content = hub.requests[1:]
    assert resolve.path == f"/{REPOSITORY}/resolve/{COMMIT}/{FILE}"
    assert content.range == "bytes=1000-1299"


def test_a_server_that_knows_no_ranges_says_where_it_begins(hub):
    file = Hub(hub.endpoint).ask(REPOSITORY, FILE)
    hub.knows_ranges = False
    assert read(hub, file, 1000) == (0, CONTENT)


def test_a_repository_that_moved_is_followed(hub):
    hub.moved["maker/old-name"] = REPOSITORY
    file = Hub(hub.endpoint).ask("maker/old-name", FILE)
    assert read(hub, file, 5, 9) == (5, CONTENT[5:9])


def test_a_token_opens_a_gated_repository_and_goes_nowhere_else(hub, monkeypatch):
    hub.gated.add(REPOSITORY)
    hub.members.add("hf_member")
    monkeypatch.setenv("HF_TOKEN", "hf_member")
    assert read(hub, Hub(hub.endpoint).ask(REPOSITORY, FILE)) == (0, CONTENT)


@pytest.mark.parametrize(
    ("token", "repository", "hint"),
    [
        ("", REPOSITORY, "/settings/tokens"),
        ("hf_stranger", REPOSITORY, "does not open it"),
        ("", "maker/nothing", "or not there"),
        ("hf_stranger", "maker/nothing", "or not there"),
    ],
    ids=["gated", "gated-for-this-token", "unknown", "unknown-with-a-token"],
)
@pytest.mark.parametrize("asked", ["ask", "list_paths"])
def test_what_is_not_for_everybody_says_what_is_needed(
    hub, monkeypatch, token, repository, hint, asked
):
    hub.gated.add(REPOSITORY)
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubRefusedError) as refused:
        getattr(Hub(hub.endpoint), asked)(repository, *([FILE] if asked == "ask" else []))
    assert hint in str(refused.value)
    assert "HF_TOKEN" in str(refused.value)
    assert f"accepted on {hub.endpoint}/{repository}" in str(refused.value)


def test_a_missing_file_is_told_from_a_missing_repository(hub):
    with pytest.raises(RemoteFileMissingError):
        Hub(hub.endpoint).ask(REPOSITORY, "model.Q9.gguf")
    assert FILE in Hub(hub.endpoint).list_paths(REPOSITORY)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, HubBusyError), (429, HubBusyError), (418, HubAnswerError), (403, HubRefusedError)],
)
def test_every_answer_becomes_an_error_of_ours(hub, status, kind):
    hub.statuses.append(status)
    with pytest.raises(kind):
        Hub(hub.endpoint).ask(REPOSITORY, FILE)


def test_a_busy_hub_may_say_for_how_long(hub):
    hub.statuses.append(429)
    hub.retry_after = "7"
    with pytest.raises(HubBusyError) as busy:
        Hub(hub.endpoint).ask(REPOSITORY, FILE)
    assert busy.value.retry_after_seconds == 7


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://[", "ftp://127.0.0.1:9"])
def test_no_hub_at_all(endpoint):
    with pytest.raises(PullError) as unreachable:
        Hub(endpoint).ask(REPOSITORY, FILE)
    assert isinstance(unreachable.value, HubUnreachableError)
    assert endpoint in str(unreachable.value)


def test_a_connection_that_breaks_is_unreachable_and_what_came_is_right(hub):
    file = Hub(hub.endpoint).ask(REPOSITORY, FILE)
    hub.cuts.append(100_000)
    came = bytearray()

    def read_all():
        with Hub(hub.endpoint).open_range(file, 0, file.size_bytes) as (_, pieces):
            for piece in pieces:
                came.extend(piece)

    with pytest.raises(HubUnreachableError):
        read_all()
    assert 0 < len(came) <= 100_000
    assert came == CONTENT[: len(came)]


def test_another_size_than_announced_is_no_answer(hub):
    file = Hub(hub.endpoint).ask(REPOSITORY, FILE)
    hub.files[REPOSITORY, FILE].announced_sha256 = file.sha256
    hub.files[REPOSITORY, FILE].content += b"more"
    with pytest.raises(HubAnswerError, match=str(len(CONTENT) + 4)):
        read(hub, file)
    hub.knows_ranges = False
    with pytest.raises(HubAnswerError, match=str(len(CONTENT) + 4)):
        read(hub, file)
