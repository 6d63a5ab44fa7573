"""Amounts of memory as people write and read them, in powers of 1,024."""

import re

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?)?", re.IGNORECASE)
_FEW = 10
_FINE = 3
"""The unit from which two digits after the point are shown where there are few before."""


def say_memory(size_bytes: int) -> str:
    """Say an amount: 812 KiB, 4.8 MiB, 1.25 GiB, 17.3 GiB."""
    amount, unit = float(size_bytes), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    digits = 0
    if unit >= _FINE:
        digits = 2 if amount < _FEW else 1
    elif unit and amount < _FEW:
        digits = 1
    return f"{amount:.{digits}f} {_UNITS[unit]}"


def read_memory(text: str) -> int:
    """Read an amount such as 24GiB, 24G, 8192MiB; GB counts as GiB, as makers of GPUs count.

    Raises:
        ValueError: If it is none, or has no unit.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found[2] is None:
        message = f"{text} is no amount of memory; 24GiB or 8192MiB would be"
        raise ValueError(message)
    return int(float(found[1]) * _STEP ** ("bkmgt".index(found[2].lower())))
