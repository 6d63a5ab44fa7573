import json
import os
import subprocess
import sys

import pytest

from bot.generation.config import LlamaCppTuning
from bot.generation.workers.child import WorkerSettings

SETTINGS = WorkerSettings(
    model="/models/Ünïcode 😀.gguf",
    api_key="sesame",
    parent_pid=os.getpid(),
    context_length=512,
    slots=2,
    gpu_layers=-1,
    threads=0,
    tuning=LlamaCppTuning.model_validate(
        {"loras": [{"path": "/models/Ü.gguf"}], "tensor_split": "3,1", "rope_freq_scale": 0.5}
    ),
)
BEGIN = """
import os
from bot.generation.workers.child import announce, begin_worker, stay_until_closed
settings, answers = begin_worker()
os.write(1, b"from native code\\n")
announce(answers, f"http://{settings.model}")
stay_until_closed()
"""


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", BEGIN],
        check=False,
        input=text,
        capture_output=True,
        timeout=30,
        encoding="utf-8",
    )


def test_settings_go_through_one_line():
    text = SETTINGS.to_json()
    assert "\n" not in text
    assert text.isascii()  # whatever the encoding of standard input is
    assert WorkerSettings.from_json(text) == SETTINGS


def test_the_key_is_not_shown():
    assert "sesame" not in repr(SETTINGS)


def test_standard_output_has_the_address_and_nothing_else():
    done = run(SETTINGS.to_json() + "\n")
    assert json.loads(done.stdout) == {"url": f"http://{SETTINGS.model}"}
    assert done.stderr == "from native code\n"
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties lives together")
def test_a_worker_whose_parent_died_first_ends():
    orphan = json.dumps({**json.loads(SETTINGS.to_json()), "parent_pid": 1})
    done = run(orphan + "\n")
    assert (done.returncode, done.stdout) == (1, "")
