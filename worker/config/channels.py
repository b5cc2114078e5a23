"""`[channels.NAME]`: further ways to tell people, each with a name that rules can send to.

Addresses of webhooks and tokens are secrets: they come from a file or from an environment variable of your choice, like an account's key.
What a channel needs is checked here; whether it can work is `worker.wiring.channels`'s to say, and reading secrets `worker.config.load`'s.
"""

import re
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

BUILT_IN: Final = ("slack", "email", "webhook", "teams")
"""The channels that are set up by settings of their own, such as SLACK_WEBHOOK_URL; also the kinds that a channel can be of."""
NAMES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Part = Literal["url", "token", "secret"]
_NEEDS: Final[dict[str, tuple[str, ...]]] = {"slack": (), "email": ("to",), "webhook": ("url", "secret"), "teams": ("url",)}
_TAKES: Final[dict[str, tuple[str, ...]]] = {
    "slack": ("url", "token", "channel"),
    "email": ("to",),
    "webhook": ("url", "secret"),
    "teams": ("url",),
}


class ChannelTable(BaseModel):
    """One channel. `to` are recipients of mails, which go by the mail server that is set; `channel` is a Slack bot's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["slack", "email", "webhook", "teams"]
    to: tuple[str, ...] = ()
    channel: str | None = None
    url: SecretStr | None = None
    url_file: Path | None = None
    url_env: str | None = None
    token: SecretStr | None = None
    token_file: Path | None = None
    token_env: str | None = None
    secret: SecretStr | None = None
    secret_file: Path | None = None
    secret_env: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for part in ("url", "token", "secret"):
            given = [name for name in (part, f"{part}_file", f"{part}_env") if getattr(self, name) is not None]
            if len(given) > 1:
                raise ValueError(f"takes one of {part}_file, {part}_env and {part}")
        named = {part for part in ("url", "token", "secret") if self.has(part)}
        named |= {name for name in ("to", "channel") if getattr(self, name)}
        if wrong := sorted(named - set(_TAKES[self.kind])):
            raise ValueError(f"a channel of kind {self.kind!r} takes no {wrong[0]}")
        if missing := [name for name in _NEEDS[self.kind] if name not in named]:
            raise ValueError(
                f"a channel of kind {self.kind!r} needs {missing[0] if missing[0] == 'to' else f'{missing[0]}_file or {missing[0]}_env'}"
            )
        if self.kind == "slack" and ("url" in named) == ("token" in named):
            raise ValueError(
                "a channel of kind 'slack' needs url_file or url_env of a webhook, or token_file or token_env of a bot"
            )
        if self.kind == "slack" and ("token" in named) != ("channel" in named):
            raise ValueError("a bot of Slack's needs token_file or token_env, and the id of the channel that it posts to")
        return self

    def has(self, part: str) -> bool:
        """Whether a secret part is set, wherever it comes from."""
        return any(getattr(self, name) is not None for name in (part, f"{part}_file", f"{part}_env"))

    def inline(self) -> tuple[SecretStr, ...]:
        """The secrets that stand in the table itself."""
        return tuple(each for each in (self.url, self.token, self.secret) if each is not None)
