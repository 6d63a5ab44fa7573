"""What can go wrong with personas.

PersonaError
    InvalidCardError        a file is not a card that we can read
    CardExistsError         another card has the place already
    PersonaNotFoundError    nobody in the library has that key
"""


class PersonaError(Exception):
    """The base of every error about personas."""


class InvalidCardError(PersonaError):
    """A file or object is not a card that can be read.

    It says what was found and what would do instead, because whoever sees it has the file and
    can act on it.
    """

    def __init__(self, *, source: str, found: str, remedy: str) -> None:
        super().__init__(f"{source}: {found}. {remedy}")
        self.source = source
        """Where the card came from: a path, or the name of an uploaded file."""
        self.found = found
        """What was there instead of a card, as a phrase without a full stop."""
        self.remedy = remedy
        """What would be accepted, as whole sentences."""


class CardExistsError(PersonaError):
    """Another card has the file name or the key already."""

    def __init__(self, *, key: str, file_name: str) -> None:
        super().__init__(f"the key {key!r} is taken by another card, {file_name!r}")
        self.key = key
        """The key that both would have."""
        self.file_name = file_name
        """The file that is there."""


class PersonaNotFoundError(PersonaError):
    """No persona in the library has this key."""

    def __init__(self, *, key: str, nearest: str | None) -> None:
        hint = "" if nearest is None else f"; the nearest is {nearest!r}"
        super().__init__(f"no persona has the key {key!r}{hint}")
        self.key = key
        """The key as it was asked for."""
        self.nearest = nearest
        """The key or name in the library that resembles it most, or None if none does."""
