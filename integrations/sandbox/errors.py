"""What Stripe answers when it doesn't give what was asked for: status, type, code, parameter and words of an error."""

from typing import Any, Final

_TYPES: Final = {401: "invalid_request_error", 403: "invalid_request_error", 429: "invalid_request_error", 500: "api_error"}


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Stripe's error object."""
        error: dict[str, Any] = {"message": self.message, "type": _TYPES.get(self.status, "invalid_request_error")}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def missing(kind: str, identifier: str, param: str = "id") -> Problem:
    """There is no such object."""
    return Problem(404, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


def unknown_address(method: str, path: str) -> Problem:
    """There is no such endpoint."""
    return Problem(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
    )
