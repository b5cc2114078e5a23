"""Which fields were there first: what is stored and digested stays the same when a dataclass grows.

Evidence is compared by the digest of its bytes, and everything derived is stored under the version of its basis. Were a new field part
of either from the day on which it is added, every stored digest would differ from the next one of the same fact, and every ledger would
be another one's. So the fields of the first release are written down here, and are always spelt; whatever was added later counts only
while it is not at its default. A field that is added needs no entry here, only a default that means "not said", and it never changes
that default. No name is ever taken off these lists, and none is added.
"""
