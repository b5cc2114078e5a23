"""Events about what is sold: prices, products and coupons made and withdrawn. They belong to no customer."""

from typing import NamedTuple

from integrations.sandbox import ids
from integrations.sandbox.simulator.business import Business


class CatalogEvent(NamedTuple):
    """An event about a ware; `subject` is its key in the catalogue."""

    id: str
    created: int
    type: str
    subject: str


def catalog_events(business: Business) -> dict[int, CatalogEvent]:
    """Every event about a ware by its position; they stand where the last possible customer's would."""
    catalog = business.catalog
    told = [(each.created, "product.created", each.id) for each in catalog.products.values()]
    told += [(each.created, "price.created", key) for key, each in catalog.prices.items()]
    told += [(each.deleted_at, "price.deleted", key) for key, each in catalog.prices.items() if each.deleted_at is not None]
    told += [(each.created, "coupon.created", key) for key, each in catalog.coupons.items()]
    told += [(each.deleted_at, "coupon.deleted", key) for key, each in catalog.coupons.items() if each.deleted_at is not None]
    out: dict[int, CatalogEvent] = {}
    for serial, (at, kind, subject) in enumerate(sorted(told)):
        place = ids.position(at, ids.MAX_CUSTOMERS - 1, serial)
        out[place] = CatalogEvent(ids.make("evt", place, business.tag), at, kind, subject)
    return out
