"""Lists and single objects of Stripe's, parsed; and what a list leaves out of an object.

Some hosts that speak Stripe's language don't know every expansion. One that is declined is left out from then on and remembered, so
that the reader can report what will be missing, instead of giving the stream up. What objects mean is not known here.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from integrations.stripe.client import Answer, Asked, Client, Params
from integrations.stripe.decode.errors import Unusable
from integrations.stripe.decode.parsing import Parsed, parse_list, parse_object
from integrations.stripe.errors import BadRequest, Gone, NotAllowed, Transient, UnknownEndpoint, WrongMode
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from integrations.stripe.streams import FORGONE, ITEMS, LINES, NOTE_LINES, PAGE, STREAMS, Stream, expanding, in_parts

_IN_BRACKETS: Final = re.compile(r"\(([\w.]+)\)")


class Asking:
    """Asks with one client. Safe to use from many threads."""

    def __init__(self, client: Client, name: str = "") -> None:
        self.client = client
        self.name = name
        self.livemode = client.livemode_by_key
        """The mode of the account that is read; None until anything has said it."""
        self._declined: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def declined(self, stream: Stream) -> frozenset[str]:
        """The expansions of the list that the host doesn't know, as far as they were tried."""
        return self._declined.get(stream.path, frozenset())

    def declined_of_one(self, stream: Stream) -> frozenset[str]:
        """The expansions of a single object that the host doesn't know, as far as they were tried."""
        return self._declined.get(_one(stream), frozenset())

    def listed(self, stream: Stream, params: Params, *, path: str | None = None, owner: str | None = None) -> Answer[Parsed]:
        """One answer of a list. `owner` is the object that the list hangs off, if it does: then it may be Gone."""
        while True:
            expand = [name for name in stream.expand if name not in self.declined(stream)]
            asked = Asked(stream.name, stream.path, stream.permission, owner)
            everything = [*params, *expanding(expand)]
            try:
                answer = self.client.get(asked, path or stream.path, everything, lambda body: parse_list(stream.kind, body))
                return self._of_this_mode(stream, answer)
            except BadRequest as error:
                refused = _refused_by(error, expand)
                if not refused:
                    raise
            except NotAllowed:
                # It may be one of the expansions that the key may not read; if it isn't, the same is said again without them.
                refused = FORGONE.intersection(expand)
                if not refused:
                    raise
            with self._lock:
                self._declined[stream.path] = self.declined(stream) | refused

    def single(self, stream: Stream, object_id: str, expand: Sequence[str]) -> Answer[Parsed]:
        """One object, expanded as far as the host knows how. Raises Gone when there is none."""
        without = {name.removeprefix("data.") for name in self.declined(stream) & FORGONE} | self.declined_of_one(stream)
        wanted = [name for name in expand if name not in without]
        asked = Asked(stream.name, _one(stream), stream.permission, object_id)
        path = f"{stream.path}/{quote(object_id, safe='')}"
        while True:
            try:
                answer = self.client.get(asked, path, expanding(wanted), lambda body: parse_object(stream.kind, body))
                return self._of_this_mode(stream, answer)
            except BadRequest as error:
                refused = _refused_by(error, wanted)
                if not refused:
                    raise
            except NotAllowed:
                refused = FORGONE.intersection(wanted)
                if not refused:
                    raise
            wanted = [name for name in wanted if name not in refused]
            with self._lock:  # what was asked of this object alone says nothing of others
                self._declined[_one(stream)] = self.declined_of_one(stream) | refused.intersection(stream.expand_one)

    def _of_this_mode(self, stream: Stream, answer: Answer[Parsed]) -> Answer[Parsed]:
        """The answer, if nothing in it says that it is of the other mode. Raises WrongMode; nothing of the answer may be used then."""
        other = None if self.livemode is None else answer.value.modes.get(not self.livemode)
        if other is None:
            return answer
        told, held = ("test", "live") if self.livemode else ("live", "test")
        whose = f"the account {self.name!r}" if self.name else "the account of this key"
        raise WrongMode(
            stream.name,
            f"{stream.kind.replace('_', ' ')} {other} is of {told} mode, but {whose} is read in {held} mode. Live and test never mix: nothing of "
            "this answer was stored. Check which key and which address (STRIPE_API_BASE) are set for that account, and run `nrr doctor`",
        )

    # --- what a list leaves out -------------------------------------------------------------------------------------------------

    def items(self, subscription: str, after: str | None) -> Sequence[subscription_schemas.Item]:
        """The items of a subscription that follow `after`."""
        return self._rest(ITEMS, ITEMS.path, [("subscription", subscription)], after, subscription)

    def lines(self, invoice: str, after: str | None) -> Sequence[invoice_schemas.Line]:
        """The lines of an invoice that follow `after`."""
        return self._rest(LINES, LINES.path.replace("{id}", quote(invoice, safe="")), [], after, invoice)

    def note_lines(self, note: str, after: str | None) -> Sequence[invoice_schemas.CreditNoteLine]:
        """The lines of a credit note that follow `after`."""
        return self._rest(NOTE_LINES, NOTE_LINES.path.replace("{id}", quote(note, safe="")), [], after, note)

    def price_options(self, price: str, currencies: Sequence[str]) -> catalog_schemas.Price | None:
        """A price with the tiers of its options in `currencies`: Stripe expands those by currency, on a single price only."""
        whole: catalog_schemas.Price | None = None
        for part in in_parts(currencies):
            expand = ["currency_options", *(f"currency_options.{code}.tiers" for code in part)]
            try:
                told: catalog_schemas.Price = self.single(STREAMS["prices"], price, expand).value.objects[0]
            except (Gone, IndexError):
                return whole
            if whole is None:
                whole = told
            else:
                newer = {code: option for code, option in (told.currency_options or {}).items() if code in part}
                whole.currency_options = (whole.currency_options or {}) | newer
        return whole

    def _rest(self, stream: Stream, path: str, params: Params, after: str | None, owner: str) -> list[Any]:
        out: list[Any] = []
        while True:
            following = [("starting_after", after)] if after else []
            try:
                parsed = self.listed(stream, [*params, ("limit", str(PAGE)), *following], path=path, owner=owner).value
            except (Gone, UnknownEndpoint, NotAllowed) as error:
                raise Unusable("incomplete", f"the rest of it could not be read: {error}") from error
            if parsed.rejected:
                first = parsed.rejected[0]
                raise Unusable(first.reason, f"{first.kind} {first.object_id}: {first.detail}")
            out += parsed.objects
            if not parsed.has_more:
                return out
            if parsed.last_id in (None, after):
                raise nothing_to_go_on_from(replace(stream, name=f"{stream.name} of {owner}"))
            after = parsed.last_id


def _one(stream: Stream) -> str:
    return stream.path + "/{id}"


def nothing_to_go_on_from(stream: Stream) -> Transient:
    """A list says that more follows, but names no object after which: never taken for its end."""
    return Transient(
        stream.name,
        f"the list of {stream.name} says that more follows, but gives nothing to go on from. Nothing was stored of this page; it is "
        "safe to run the same command again later",
    )


def _refused_by(error: BadRequest, expand: Sequence[str]) -> frozenset[str]:
    """The expansions that a host objects to; none when it objects to something else."""
    text = str(error)
    if not expand or not ("expand" in text.lower() or (error.param or "").startswith("expand")):
        return frozenset()
    bracketed = _IN_BRACKETS.search(text)
    word = bracketed.group(1) if bracketed else ""
    named = frozenset(name for name in expand if name in text or (word and f".{word}." in f".{name}."))
    return named or frozenset({max(expand, key=lambda name: name.count("."))})
