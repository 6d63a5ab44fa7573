"""Only what we call."""

class error(Exception): ...  # noqa: N801, N818

class Options:
    log_errors: bool
    max_mem: int
    case_sensitive: bool
    dot_nl: bool
    never_capture: bool

class Pattern:
    def search(self, text: str) -> object | None: ...

def compile(pattern: str, options: Options) -> Pattern: ...  # noqa: A001
