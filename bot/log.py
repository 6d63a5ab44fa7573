"""The only place that configures logging: one line an event, on standard error."""

import logging
import sys


class _Formatter(logging.Formatter):
    """Time, level, where, what, and the action and ids that the call gave."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        action = getattr(record, "action", None)
        return f"{text} [{action}]" if action else text


def configure_logging(level: str) -> None:
    """Send everything from a level on to standard error; standard output is for replies."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-8s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # discord.py's DEBUG has whole payloads, message text included
    logging.getLogger("discord").setLevel(max(logging.INFO, root.level))
    logging.getLogger("aiosqlite").setLevel(max(logging.INFO, root.level))
