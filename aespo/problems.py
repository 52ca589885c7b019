"""What may go wrong for a reason that the caller can understand: each a status, a sentence, and a type (RFC 9457)."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException


class Problem(HTTPException):
    """An answer that is no success. `type` names it for programs."""

    code = 400
    type = "about:blank"
    title = ""
    retry_after: int | None = None

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.more = more
        """Members of the problem's JSON beside the usual ones."""

    def get_headers(self, *arguments: Any, **named: Any) -> list[tuple[str, str]]:
        """Retry-After, where waiting helps."""
        found = super().get_headers(*arguments, **named)
        return [*found, ("Retry-After", str(self.retry_after))] if self.retry_after else found


class Invalid(Problem):
    """Input that cannot be taken, with a message for each field."""

    code = 422
    type = "urn:aespo:invalid"
    title = "Check the fields"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()), fields=fields)
        self.fields = fields


class NotFound(Problem):
    """There is no such thing in this workspace; whether there is one in another is not told."""

    code = 404
    type = "urn:aespo:not-found"
    title = "Not found"

    def __init__(self, detail: str = "There is nothing here in this workspace.") -> None:
        super().__init__(detail)


class Unauthenticated(Problem):
    """Nobody is signed in."""

    code = 401
    type = "urn:aespo:unauthenticated"
    title = "Sign in"


class Forbidden(Problem):
    """The member's role, or the token's scope, does not allow it."""

    code = 403
    type = "urn:aespo:forbidden"
    title = "Not allowed"


class Conflict(Problem):
    """Somebody else changed it since it was read."""

    code = 409
    type = "urn:aespo:conflict"
    title = "Changed meanwhile"


class Stale(Problem):
    """The If-Match of the request names another version."""

    code = 412
    type = "urn:aespo:stale"
    title = "Changed meanwhile"


class PreconditionRequired(Problem):
    """A change must say which version it is of."""

    code = 428
    type = "urn:aespo:precondition-required"
    title = "Say which version"


class LimitReached(Problem):
    """The plan allows no more of it."""

    code = 402
    type = "urn:aespo:limit-reached"
    title = "Limit reached"


class ReadOnly(Problem):
    """The trial is over: what is there can be read, exported and deleted."""

    code = 402
    type = "urn:aespo:trial-over"
    title = "Your trial is over"


class Suspended(Problem):
    """An operator stopped changes."""

    code = 403
    type = "urn:aespo:suspended"
    title = "This workspace is suspended"


class TooManyRequests(Problem):
    """Come back later."""

    code = 429
    type = "urn:aespo:too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NoDatabase(Problem):
    """The process has no database, or cannot reach it."""

    code = 503
    type = "urn:aespo:no-database"
    title = "No database"
    retry_after = 5
