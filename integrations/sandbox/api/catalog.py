"""The lists of what is sold: products, prices and coupons, in pages, and each of them."""

from bisect import bisect_right
from typing import Any

from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers.expansion import NOTHING, Wanted, wanted
from integrations.sandbox.api.lookup import PAGED, Json, Lookup
from integrations.sandbox.api.params import Question
from integrations.sandbox.api_versions import Generation
from integrations.sandbox.errors import missing


class CatalogLists(Lookup):
    """Answers about what is sold."""

    def _wares(self, name: str, question: Question, shape: Generation) -> Json:
        extra = {
            "products": ("active", "ids", "shippable", "url"),
            "prices": ("active", "currency", "lookup_keys", "product", "recurring", "type"),
            "coupons": (),
        }[name]
        question.only(*PAGED, "created", *extra)
        want = wanted(question.expand, f"{name[:-1]} list", shape).get("data", NOTHING)
        span = question.span("created")
        stock: dict[str, Any] = getattr(self.business.catalog, name)
        everything = sorted(stock, key=lambda key: (-stock[key].created, key))
        held = [key for key in everything if self._ware_fits(name, key, question) and span.holds(stock[key].created)]
        order = {key: number for number, key in enumerate(everything)}
        after, before = (
            self._ware_cursor(stock, question.one.get(param), name, param) for param in ("starting_after", "ending_before")
        )
        if before is not None:
            rest = [key for key in held if order[key] < order[before]]
            page = rest[-question.limit :]
        else:
            rest = [key for key in held if after is None or order[key] > order[after]]
            page = rest[: question.limit]
        data = [self._ware(name, key, shape, want) for key in page]
        return {"object": "list", "data": data, "has_more": len(rest) > len(page), "url": f"/v1/{name}"}

    def _ware_cursor(self, stock: dict[str, Any], identifier: str | None, name: str, param: str) -> str | None:
        """The key that a cursor means: the newest of its id, be it deleted."""
        if identifier is None:
            return None
        named = [key for key, each in stock.items() if each.id == identifier and each.created <= self._now]
        if not named:
            raise missing(name[:-1], identifier, param)
        return max(named, key=lambda key: stock[key].created)

    def _ware_fits(self, name: str, key: str, question: Question) -> bool:
        ware: Any = getattr(self.business.catalog, name)[key]
        gone = getattr(ware, "deleted_at", None)
        if ware.created > self._now or (gone is not None and gone <= self._now):
            return False
        if name == "coupons":
            return True
        if question.flag("active") is False:
            return False
        if name == "products":
            return "ids" not in question.many or ware.id in question.many["ids"]
        price, one = self.business.catalog.prices[key], question.one
        kind = "one_time" if price.interval is None else "recurring"
        return (
            one.get("product", price.product) == price.product
            and one.get("currency", price.currency) == price.currency
            and one.get("type", kind) == kind
            and "lookup_keys" not in question.many
        )

    def _ware(self, name: str, identifier: str, shape: Generation, want: Wanted) -> Json:
        catalog = self.business.catalog
        if name == "products":
            return catalog_answers.product(catalog.products[identifier])
        if name == "prices":
            return catalog_answers.price(catalog.prices[identifier], catalog, basil=shape.basil, want=want)
        used = sorted(self._shelf.redeemed.get(identifier, ()))
        return catalog_answers.coupon(catalog.coupons[identifier], now=self._now, redeemed=bisect_right(used, self._now), want=want)
