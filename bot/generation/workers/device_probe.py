"""Asks which GPUs there are, without opening them in this process."""

import subprocess
import sys

from pydantic import TypeAdapter, ValidationError

from bot.generation.sizing.fitting import Gpu

_MODULE = "bot.generation.workers.devices"
_PATIENCE_SECONDS = 60.0
"""A GPU that sleeps takes some seconds to wake, a driver's first start half a minute."""
_GPUS = TypeAdapter(tuple[Gpu, ...])


class DeviceProbeError(Exception):
    """Nobody could tell which GPUs there are; its text is the reason."""


def ask_gpus() -> tuple[Gpu, ...]:
    """Ask llama.cpp in a process of its own, which ends again.

    Raises:
        DeviceProbeError: If it did not answer.
    """
    command = [sys.executable, "-m", _MODULE]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
        return _GPUS.validate_json(done.stdout)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", errors="replace").strip().splitlines()
        raise DeviceProbeError(said[-1] if said else f"exit code {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        message = f"no answer within {_PATIENCE_SECONDS:g} s"
        raise DeviceProbeError(message) from error
    except ValidationError as error:
        message = "what it answered is no list of GPUs"
        raise DeviceProbeError(message) from error
    except OSError as error:
        raise DeviceProbeError(str(error)) from error
