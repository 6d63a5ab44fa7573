import asyncio
import mmap
import os
import sys
from pathlib import Path

import pytest

from bot.generation.workers import vitals
from bot.generation.workers.vitals import measure_model, read_loaded_bytes, read_own_mib

MIB = 1024 * 1024
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def get_own_mib() -> float:
    held = read_own_mib(os.getpid())
    assert held is not None
    return held


def get_loaded_mib() -> float:
    loaded = read_loaded_bytes(os.getpid())
    assert loaded is not None
    return loaded / MIB


@on_linux
def test_mapped_files_are_not_a_processs_own(tmp_path: Path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"x" * (64 * MIB))
    own, loaded = get_own_mib(), get_loaded_mib()
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        assert sum(pages[at] for at in range(0, len(pages), 4096)) > 0
        assert get_own_mib() - own < 16
        assert get_loaded_mib() - loaded > 60


@on_linux
def test_what_was_allocated_is_a_processs_own():
    before = get_own_mib()
    held = b"x" * (64 * MIB)
    assert get_own_mib() - before > 60
    del held


@on_linux
def test_files_that_were_read_count_as_loaded(tmp_path: Path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"x" * (32 * MIB))
    before = get_loaded_mib()
    file.read_bytes()
    assert 30 < get_loaded_mib() - before < 64


@on_linux
async def test_a_process_that_has_ended_holds_nothing():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    assert read_own_mib(process.pid) is None
    assert read_loaded_bytes(process.pid) is None


@on_linux
def test_a_kernel_may_count_less(monkeypatch: pytest.MonkeyPatch):
    read = Path.read_text
    monkeypatch.setattr(
        vitals.Path,
        "read_text",
        lambda self, *a, **k: read(self / "none" if self.name == "io" else self, *a, **k),
    )
    assert get_loaded_mib() > 1


def test_a_model_in_several_files_is_as_large_as_all_of_them(tmp_path: Path):
    for number in (1, 2, 3):
        (tmp_path / f"big-0000{number}-of-00003.gguf").write_bytes(b"x" * number)
    (tmp_path / "big.gguf").write_bytes(b"x" * 10)
    assert measure_model(tmp_path / "big-00001-of-00003.gguf") == 6
    assert measure_model(tmp_path / "big.gguf") == 10
    with pytest.raises(FileNotFoundError):
        measure_model(tmp_path / "other-00001-of-00003.gguf")
