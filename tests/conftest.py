from pathlib import Path

import pytest

from tests.ggml_files import Quantization, read_demo_model, write_ggml


@pytest.fixture(scope="session")
def ggml_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that ships, as a GGML file of 2023."""
    file = tmp_path_factory.mktemp("ggml") / "troupe-demo-limarp.ggmlv3.q8_0.bin"
    write_ggml(read_demo_model(), file, Quantization.Q8_0)
    return file
