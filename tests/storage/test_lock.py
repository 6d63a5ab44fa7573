import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.errors import DataFolderInUseError, StorageError
from storage.lock import DataFolderLock

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from storage.lock import DataFolderLock
with DataFolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_two_processes_cannot_hold_it_and_a_killed_holder_frees_it(tmp_path):
    with holder_process(tmp_path) as process:
        with pytest.raises(DataFolderInUseError) as caught, DataFolderLock(tmp_path):
            pass
        assert caught.value.folder == tmp_path
        process.kill()
        process.wait(timeout=10)
        with DataFolderLock(tmp_path):
            pass


def test_a_process_that_ends_frees_it(tmp_path):
    with holder_process(tmp_path) as process:
        process.communicate(timeout=10)
        assert process.returncode == 0
        with DataFolderLock(tmp_path):
            pass


def test_it_is_exclusive_within_a_process_too(tmp_path):
    with (
        DataFolderLock(tmp_path),
        pytest.raises(DataFolderInUseError),
        DataFolderLock(tmp_path),
    ):
        pass
    with DataFolderLock(tmp_path):
        pass


def test_it_makes_a_private_folder(tmp_path):
    folder = tmp_path / "new" / "data"
    with DataFolderLock(folder):
        assert (folder / "troupe.lock").exists()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_failing_block_frees_it(tmp_path):
    with pytest.raises(ZeroDivisionError), DataFolderLock(tmp_path):
        raise ZeroDivisionError
    with DataFolderLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StorageError, match="cannot be created"), DataFolderLock(file / "data"):
        pass


def test_a_lock_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "troupe.lock").mkdir()
    with pytest.raises(StorageError, match="cannot be locked"), DataFolderLock(tmp_path):
        pass
