"""Every boundary's failure, named once.

Two families matter to the statistics. A ``SubjectError`` is the subject's own doing and is an
outcome. An ``InfrastructureError`` is not: the episode was *not observed* and is recorded with its
cause: a missing episode is missing, never a failure and never silently dropped.
"""


class DiagnoseError(Exception):
    """Base of everything this project raises on purpose; its text is shown to the user as is."""


class InputError(DiagnoseError):
    """Untrusted input (file, config, table, circuit) is invalid.

    The message names the field, the value received and the remedy.
    """

    def __init__(self, field: str, received: object, remedy: str) -> None:
        self.field = field
        self.received = received
        self.remedy = remedy
        shown = repr(received)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{field}: received {shown}; {remedy}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, object, str]]:
        """Survive a process boundary: exceptions pickle by their arguments."""
        return (type(self), (self.field, self.received, self.remedy))


class ConfigError(InputError):
    """A configuration value is invalid; a study stops before its first episode."""


class StoreError(DiagnoseError):
    """A study folder cannot be used as it stands."""


class SubjectError(DiagnoseError):
    """The subject erred (bad code, a refused placement): an outcome, shown to the subject."""


class NoReplyError(SubjectError):
    """The model gave no answer for a reason of its own: an outcome.

    ``cause`` is a short stable word (``context_window``, ``content_refused``) kept in the record.
    """

    def __init__(self, cause: str, detail: str) -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(f"{cause}: {detail}")

    def __reduce__(self) -> tuple[type["NoReplyError"], tuple[str, str]]:
        """Survive a process boundary: exceptions pickle by their arguments."""
        return (type(self), (self.cause, self.detail))


class StoppedError(DiagnoseError):
    """The study stops before its end with nothing wrong in it: a cap is reached, a quota used up.

    The text says how to go on; what was done is recorded, and what was in flight is not.
    """


class InfrastructureError(DiagnoseError):
    """A provider, network, quota or worker erred: the episode is not observed.

    ``cause`` is a short stable word (``worker_died``, ``rate_limit`` ...) kept in the record.
    """

    def __init__(self, cause: str, detail: str = "") -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(f"{cause}: {detail}" if detail else cause)

    def __reduce__(self) -> tuple[type["InfrastructureError"], tuple[str, str]]:
        """Survive a process boundary: exceptions pickle by their arguments."""
        return (type(self), (self.cause, self.detail))
