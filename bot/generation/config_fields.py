"""What the operator's descriptions of engines have in common: how their values are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)


def expand_home(path: Path) -> Path:
    """Replace `~`: a shell does that in the environment, nobody does in `.env`."""
    try:
        return path.expanduser()
    except RuntimeError as error:  # not one that pydantic takes for a wrong value
        raise ValueError(str(error)) from error


def read_text(read: Callable[[str], object], hint: str) -> WrapValidator:
    """Read a value that an environment variable has as text, and say one thing if it is wrong.

    Pydantic would name each item of a list that does not fit; an operator wants to know what would.
    """

    def validate(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(read(value) if isinstance(value, str) else value)
        except ValueError:  # pydantic's and json's own are ValueErrors too
            raise ValueError(hint) from None

    return WrapValidator(validate)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_Word = TypeVar("_Word", bound=str)
AnyCase = Annotated[_Word, BeforeValidator(_lower)]
"""A word that may be written in capitals."""


class Config(BaseModel):
    """The operator's description of something: no unknown fields, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
