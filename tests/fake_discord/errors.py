"""Refusals of the REST API, with Discord's status, code and words."""

from typing import Any


class ApiError(Exception):
    """A request is refused; the middleware turns it into the JSON answer that Discord gives."""

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} ({code}): {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body

    @property
    def is_client_fault(self) -> bool:
        """Whether a correct client would not have made this request.

        A missing permission or a message that somebody deleted can happen to every bot; a malformed
        body, a wrong token or an interaction answered too late cannot.
        """
        return self.status in (400, 401, 405) or self.code == UNKNOWN_INTERACTION


UNKNOWN_INTERACTION = 10062

_UNKNOWN = {
    "channel": (10003, "Unknown Channel"),
    "guild": (10004, "Unknown Guild"),
    "member": (10007, "Unknown Member"),
    "message": (10008, "Unknown Message"),
    "role": (10011, "Unknown Role"),
    "user": (10013, "Unknown User"),
    "emoji": (10014, "Unknown Emoji"),
    "webhook": (10015, "Unknown Webhook"),
    "interaction": (UNKNOWN_INTERACTION, "Unknown interaction"),
    "command": (10063, "Unknown application command"),
}


def unknown(what: str) -> ApiError:
    """Return the 404 for a thing that is not there, or not there any more."""
    return ApiError(404, *_UNKNOWN[what])


def missing_access() -> ApiError:
    """Return the 403 for a channel that the bot cannot even see."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """Return the 403 for a permission that the bot does not have."""
    return ApiError(403, 50013, "Missing Permissions")


def unauthorized() -> ApiError:
    """Return the 401 for a missing or wrong bot token."""
    return ApiError(401, 0, "401: Unauthorized")


def empty_message() -> ApiError:
    """Return the 400 for a message in which there is nothing to show."""
    return ApiError(400, 50006, "Cannot send an empty message")


def form_error(path: str, code: str, message: str) -> ApiError:
    """Return the 400 "Invalid Form Body" (50035) that names one field.

    Args:
        path: The field, with dots: `embeds.0.title`.
        code: Discord's word for what is wrong, such as `BASE_TYPE_MAX_LENGTH`.
        message: What is wrong, for people.
    """
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(path.split(".")):
        errors = {part: errors}
    return ApiError(400, 50035, f"Invalid Form Body\nIn {path}: {message}", errors)


def too_long(path: str, limit: int) -> ApiError:
    """Return the 400 for a text beyond its limit."""
    return form_error(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def check_length(path: str, text: object, limit: int, *, least: int = 0) -> str:
    """Return a text, or refuse it if it is no text, too long or too short.

    Raises:
        ApiError: With code 50035.
    """
    if not isinstance(text, str):
        raise form_error(path, "STRING_TYPE_CONVERT", "Could not interpret as string.")
    if len(text) > limit:
        raise too_long(path, limit)
    if len(text) < least:
        message = f"Must be between {least} and {limit} in length."
        raise form_error(path, "BASE_TYPE_BAD_LENGTH", message)
    return text
