"""Files of the hub on the disk: interrupted, damaged, crowded, two at once."""

import threading
import time

import pytest

from bot.generation.hub.download import measure_free_bytes
from bot.generation.hub.errors import (
    DamagedDownloadError,
    FolderError,
    HubAnswerError,
    HubBusyError,
    HubUnreachableError,
    NotEnoughRoomError,
)
from tests.fake_hub import FakeHub
from tests.generation.hub.pulling import CONTENT, FILE, REPOSITORY, Told, find_part, make_downloader

LIMIT_SECONDS = 30
CUT = 100_000


@pytest.fixture
def hub(monkeypatch):
    """A hub with one file, and nobody's token."""
    monkeypatch.setenv("HF_TOKEN", "")
    with FakeHub() as running:
        running.add(REPOSITORY, FILE, CONTENT)
        yield running
    assert running.violations == []


@pytest.fixture
def told():
    return Told()


def pull(hub, told, folder, **settings):
    """Bring the file; gives the pauses that were made."""
    downloader, pauses = make_downloader(hub, told, **settings)
    path = downloader.download(downloader.ask(REPOSITORY, FILE), folder)
    assert path == folder / FILE
    assert path.read_bytes() == CONTENT
    assert [each.name for each in folder.iterdir() if FILE in each.name] == [FILE]
    return pauses


def test_a_whole_file_comes_in_one_go_and_is_checked(hub, told, tmp_path):
    assert pull(hub, told, tmp_path / "new" / "folder") == []
    assert hub.ranges == [f"bytes=0-{len(CONTENT) - 1}"]
    assert told.shown == [
        (f"downloading {FILE}", 0, len(CONTENT)),
        (f"checking {FILE}", 0, len(CONTENT)),
    ]
    assert told.counted == len(CONTENT)


def test_what_is_here_and_right_is_not_asked_for_again(hub, told, tmp_path):
    pull(hub, told, tmp_path)
    pull(hub, told, tmp_path)
    assert len(hub.ranges) == 1
    assert "already" in told.sentences[-1]


def test_a_broken_connection_goes_on_where_it_broke(hub, told, tmp_path):
    hub.cuts += [CUT, CUT]
    assert pull(hub, told, tmp_path) == [1.0, 1.0]  # each brought something: patience begins anew
    assert hub.ranges == [f"bytes={start}-{len(CONTENT) - 1}" for start in (0, CUT, 2 * CUT)]
    assert told.counted == len(CONTENT)


def test_a_large_file_is_asked_for_in_pieces(hub, told, tmp_path):
    pull(hub, told, tmp_path, range_bytes=300_000)
    assert hub.ranges == ["bytes=0-299999", f"bytes=300000-{len(CONTENT) - 1}"]


def test_a_server_that_knows_no_ranges_begins_anew(hub, told, tmp_path):
    hub.cuts.append(CUT)
    hub.knows_ranges = False
    pull(hub, told, tmp_path)
    assert told.counted == len(CONTENT)


def test_when_patience_ends_what_came_is_kept_and_the_next_pull_goes_on(hub, told, tmp_path):
    hub.cuts += [CUT, 0, 0, 0, 0, 0, 0]
    downloader, pauses = make_downloader(hub, told)
    with pytest.raises(HubUnreachableError):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert find_part(tmp_path).read_bytes() == CONTENT[:CUT]
    assert "100 kB of 512 kB are here and kept" in told.sentences[-1]
    hub.cuts.clear()
    pull(hub, told, tmp_path)
    assert hub.ranges[-1] == f"bytes={CUT}-{len(CONTENT) - 1}"


def test_a_busy_hub_is_asked_again_and_waited_for_as_it_says(hub, told, tmp_path):
    hub.statuses += [503, 0, 429]
    hub.retry_after = "9"
    assert pull(hub, told, tmp_path) == [9, 9]
    hub.statuses += [503] * 6
    downloader, pauses = make_downloader(hub, told)
    with pytest.raises(HubBusyError):
        downloader.ask(REPOSITORY, FILE)
    assert len(pauses) == 5


def test_ctrl_c_keeps_what_came(hub, told, tmp_path):
    class Impatient(Told):
        def say(self, sentence):
            super().say(sentence)
            if sentence.endswith("s"):  # "again in 1 s"
                raise KeyboardInterrupt

    hub.cuts.append(CUT)
    downloader, _ = make_downloader(hub, impatient := Impatient())
    with pytest.raises(KeyboardInterrupt):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert "goes on from there" in impatient.sentences[-1]
    pull(hub, told, tmp_path)
    assert hub.ranges[-1].startswith(f"bytes={CUT}-")


def test_a_damaged_part_of_last_time_is_begun_anew(hub, told, tmp_path):
    hub.cuts += [CUT, 0, 0, 0, 0, 0, 0]
    downloader, _ = make_downloader(hub, told)
    with pytest.raises(HubUnreachableError):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    find_part(tmp_path).write_bytes(bytes(CUT))
    hub.cuts.clear()
    pull(hub, told, tmp_path)
    assert hub.ranges[-2:] == [f"bytes={CUT}-{len(CONTENT) - 1}", f"bytes=0-{len(CONTENT) - 1}"]
    assert any("damaged: from the beginning" in each for each in told.sentences)


def test_what_comes_damaged_is_deleted_and_never_gets_the_name(hub, told, tmp_path):
    hub.files[REPOSITORY, FILE].announced_sha256 = "ab" * 32
    downloader, _ = make_downloader(hub, told)
    with pytest.raises(DamagedDownloadError, match="ab" * 32):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f".{FILE}.lock"]


def test_another_size_than_announced_is_refused(hub, told, tmp_path):
    hub.files[REPOSITORY, FILE].announced_size = len(CONTENT) + 1
    downloader, _ = make_downloader(hub, told)
    with pytest.raises(HubAnswerError, match=str(len(CONTENT))):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert not (tmp_path / FILE).exists()


def test_parts_of_other_versions_and_ones_that_are_too_long_are_deleted(hub, told, tmp_path):
    other = tmp_path / f"{FILE}.0123456789ab.part"
    other.write_bytes(b"old")
    mine = tmp_path / f"{FILE}.{hub.files[REPOSITORY, FILE].sha256[:12]}.part"
    mine.write_bytes(CONTENT + b"more")
    stranger = tmp_path / f"other-{FILE}.0123456789ab.part"
    stranger.write_bytes(b"another model's")
    downloader, _ = make_downloader(hub, told)
    downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert not other.exists()
    assert stranger.exists()
    assert hub.ranges == [f"bytes=0-{len(CONTENT) - 1}"]


def test_another_file_of_that_name_stays_until_the_new_one_is_complete(hub, told, tmp_path):
    (tmp_path / FILE).write_bytes(b"mine")
    hub.cuts += [CUT, 0, 0, 0, 0, 0, 0]
    downloader, _ = make_downloader(hub, told)
    with pytest.raises(HubUnreachableError):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path)
    assert (tmp_path / FILE).read_bytes() == b"mine"
    hub.cuts.clear()
    pull(hub, told, tmp_path)


def test_too_little_room_is_said_before_anything_is_downloaded(hub, told, tmp_path):
    downloader, _ = make_downloader(hub, told, find_free_bytes=lambda folder: 17_000_000)
    file = downloader.ask(REPOSITORY, FILE)
    with pytest.raises(NotEnoughRoomError) as small:
        downloader.download(file, tmp_path)
    assert (small.value.needed_bytes, small.value.free_bytes) == (len(CONTENT), 17_000_000)
    assert "17 MB" in str(small.value)
    assert "512 kB" in str(small.value)
    assert hub.ranges == []


def test_room_is_needed_for_what_is_missing_only(hub, told, tmp_path):
    downloader, _ = make_downloader(hub, told, find_free_bytes=lambda folder: 16_900_000)
    file = downloader.ask(REPOSITORY, FILE)
    (tmp_path / f"{FILE}.{file.identity[:12]}.part").write_bytes(CONTENT[:500_000])
    assert downloader.check_room([file], tmp_path) == (12_000, 16_900_000)
    with pytest.raises(NotEnoughRoomError):
        downloader.check_room([file], tmp_path / "elsewhere")
    pull(hub, told, tmp_path, find_free_bytes=lambda folder: 16_900_000)
    assert downloader.check_room([file], tmp_path) == (0, 16_900_000)


def test_room_is_measured_where_the_folder_will_be(tmp_path):
    assert measure_free_bytes(tmp_path / "not" / "yet") > 0


def test_a_folder_that_is_none(hub, told, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    downloader, _ = make_downloader(hub, told)
    with pytest.raises(FolderError, match="file"):
        downloader.download(downloader.ask(REPOSITORY, FILE), tmp_path / "file")


def test_two_pulls_of_one_file_make_one_file(hub, tmp_path):
    hub.holds_after = CUT
    first, second = Told(), Told()
    threads = [
        threading.Thread(target=pull, args=(hub, told, tmp_path)) for told in (first, second)
    ]
    threads[0].start()
    assert hub.held.wait(LIMIT_SECONDS)
    threads[1].start()
    deadline = time.monotonic() + LIMIT_SECONDS
    while not second.sentences:
        assert time.monotonic() < deadline
    assert "waiting for it" in second.sentences[0]
    hub.release()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()
    assert len(hub.ranges) == 1
    assert (tmp_path / FILE).read_bytes() == CONTENT
    assert "already" in second.sentences[-1]
