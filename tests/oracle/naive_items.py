"""What a subscription consisted of at a second: each item found by itself, by walking the lines since the last observation that speaks of it."""

from dataclasses import dataclass, replace

from metrics.evidence import InvoiceLine, Item, Source, Subscription
from tests.oracle.naive_seen import counted, credited, exactly, much
from tests.oracle.naive_told import Told


@dataclass
class Items:
    """The items that a subscription had."""

    told: Told

    def at(self, at: int) -> list[Item]:
        """The items at a second, each found by itself."""
        names = [i.id for s in self.told.seen for i in s.subscription.items] + [
            x.item for x in (*self.told.lines, *self.told.mute) if x.item
        ]
        found = [self.item(name, at) for name in dict.fromkeys(names)]
        return [item for item in found if item is not None]

    def item(self, name: str, at: int) -> Item | None:
        """One item at a second, by walking the lines since the last observation that speaks of it."""
        cur, nxt = self.told.around(at, name)
        if nxt is not None and not nxt.gap and cur is not None:
            return next((i for i in cur.subscription.items if i.id == name), None)
        since = -1 if cur is None else cur.at - 1 if cur.source == Source.EVENT_BEFORE else cur.at  # the second itself is new then
        until = nxt.at if nxt else 1 << 60
        lines = [line for line in (*self.told.lines, *self.told.mute) if since < line.period_start < until]
        later = nxt.subscription if nxt is not None else None
        items = {i.id: i for i in cur.subscription.items} if cur is not None else self.at_first(lines, later)
        for moment in sorted({line.period_start for line in lines if line.period_start <= at}):
            items = self.after_lines(items, moment, [line for line in lines if line.period_start == moment], since)
        return items.get(name)

    def at_first(self, lines: list[InvoiceLine], later: Subscription | None) -> dict[str, Item]:
        """What it was before anything was observed: what the first lines say was there, else what was seen first."""
        if not lines:
            return {i.id: i for i in later.items} if later is not None else {}
        for moment in sorted({line.period_start for line in lines}):
            first = [line for line in lines if line.period_start == moment]
            old = [line for line in first if credited(line) and self.told.says_what(line)]
            cycle = [line for line in first if not line.proration]
            found = self.items_of(old or cycle or first)
            if not old:
                mute = {line.item for line in first if line.item is not None and not self.told.says_what(line)}
                found |= {name: item for name in mute - set(found) if (item := self.said_first(name, -1)) is not None}
            if found:
                return found
        return {i.id: i for i in later.items} if later is not None else {}

    def said_first(self, name: str, since: int) -> Item | None:
        """What is said of an item for the first time, where the line that bills it first says nothing.

        What an event says was before its very second is no news of that second.
        """
        heard = [s for s in self.told.sights(name) if s.at > since and (s.at, s.source) != (since + 1, Source.EVENT_BEFORE)]
        nxt = heard[0] if heard else None
        seen = next((i for i in nxt.subscription.items if i.id == name), None) if nxt is not None else None
        # A line for a period to come says what the item is when its bill is made.
        dated = [(x.period_start, x) for x in self.told.lines] + [(self.told.created[x.invoice], x) for x in self.told.ahead]
        known = [(at, x) for at, x in dated if x.item == name and at > since and self.told.says_what(x)]
        if nxt is not None and seen is not None:
            known = [(at, x) for at, x in known if at < nxt.at]
        known = sorted(((at, x) for at, x in known if credited(x) or not x.proration), key=lambda k: (k[0], not credited(k[1])))
        if known:
            first, kind = known[0][0], credited(known[0][1])
            told = [x for at, x in known if at == first and credited(x) == kind]
            # Of several periods that are billed at once the first; what bills one period in several lines are its tiers.
            return self.items_of([x for x in told if x.period_start == min(y.period_start for y in told)])[name]
        # It need not have been on the trial that was told later: that has a date of its own.
        return None if seen is None else replace(seen, trial_start=None, trial_end=None)

    def items_of(self, lines: list[InvoiceLine]) -> dict[str, Item]:
        """The items that lines of one kind and moment describe; several lines of one item and bill are its tiers."""
        out: dict[str, Item] = {}
        bills: dict[str, str] = {}
        for line in lines:
            if line.item is None or not self.told.says_what(line):
                continue
            price = self.told.catalog.prices.get(line.price or "")
            quantity = None if price is not None and price.usage == "metered" else exactly(line)
            there = out.get(line.item) if bills.get(line.item) == line.invoice else None
            bills[line.item] = line.invoice
            if there is not None and exactly(there) is not None:
                quantity = (exactly(there) or 0) + (quantity or 0)
            out[line.item] = counted(Item(line.item, line.price, None, period_end=line.period_end), quantity)
        return out

    def debited(self, items: dict[str, Item], lines: list[InvoiceLine]) -> dict[str, Item]:
        """What pairs of one second come to: a debit that another pair credits again was only a step on the way."""
        out = {}
        for name in {line.item for line in lines if line.item is not None}:
            steps = [self.items_of([line])[name] for line in lines if line.item == name and not credited(line)]
            for line in lines:
                gone = [i for i in steps if much(i) == much(self.items_of([line])[name])] if line.item == name else []
                if credited(line) and gone:
                    steps.remove(gone[0])
            if steps:
                out[name] = steps[-1]
            elif name in items and any(line.item == name and not credited(line) for line in lines):
                out[name] = items[name]
        return out

    def after_lines(self, items: dict[str, Item], moment: int, lines: list[InvoiceLine], since: int) -> dict[str, Item]:
        """What the lines that begin at a moment make of the items.

        An item whose line doesn't say what it is goes on as it was, or begins as what is said of it first. Where a line of the bill can't
        be read, that an item isn't on it means nothing, nor that only what it was is.
        """
        whole = all(line.invoice not in self.told.incomplete for line in lines)
        silent = [line for line in lines if not self.told.says_what(line)]
        lines = [line for line in lines if self.told.says_what(line)]
        answered = {(line.item, line.invoice) for line in silent if not credited(line)}
        answered |= {(line.item, line.invoice) for line in lines if line.invoice in self.told.incomplete}
        answered -= {(line.item, line.invoice) for line in lines if line.proration and not credited(line)}
        halves = [line for line in lines if (line.item, line.invoice) in answered and credited(line)]
        lines = [line for line in lines if line not in halves]
        unheard = {line.item for line in halves if line.item not in items} - {line.item for line in lines}
        # Half of a pair changes nothing; but what it gives back was there, whoever hasn't heard of it yet.
        items = {**items, **self.items_of([x for x in halves if x.item in unheard])}
        held = {line.item for line in silent} - {line.item for line in lines}
        for line in silent:
            if line.item is not None and line.item in held and line.item not in items:
                begins = self.said_first(line.item, since)
                items = items if begins is None else {**items, line.item: begins}
            if line.item in items and line.item in held and not credited(line):
                was = items[line.item]
                items = {**items, line.item: replace(was, period_end=max(was.period_end or line.period_end, line.period_end))}
        kept = {name: item for name, item in items.items() if name in held}
        billed = whole and any(not line.proration for line in [*lines, *silent])
        out = self.after_readable({n: i for n, i in items.items() if n not in held}, moment, lines, billed=billed)
        return {name: (kept | out)[name] for name in [*items, *out] if name in kept or name in out}

    def after_readable(self, items: dict[str, Item], moment: int, lines: list[InvoiceLine], *, billed: bool) -> dict[str, Item]:
        """Likewise of lines that all say what they bill."""
        credit = self.items_of([line for line in lines if credited(line)])
        debit = self.debited(items, [line for line in lines if line.proration])
        cycle = self.items_of([line for line in lines if not line.proration])
        out = {n: i for n, i in items.items() if n not in credit or n in debit or n in cycle}
        if billed:  # an item whose paid time is over and that isn't billed again has been removed
            out = {n: i for n, i in out.items() if n in cycle or n in debit or self.is_billed(i, moment)}
        back = [(line.item, much(line)) for line in lines if credited(line)]
        upheld = {n: i for n, i in cycle.items() if n not in debit or (n, much(i)) not in back}
        for name, item in (debit | upheld).items():  # a cycle and a change in one second: what is credited was before
            was = items.get(name, item)
            out[name] = replace(item, trial_start=was.trial_start, trial_end=was.trial_end)
        return out

    def is_billed(self, item: Item, moment: int) -> bool:
        """Whether what was billed of an item reaches beyond a moment, be it ahead."""
        ends = [item.period_end, item.billed_until]
        for x in self.told.ahead:
            newer = [
                y
                for y in self.told.lines
                if y.item == x.item and not credited(y) and self.told.created[y.invoice] > self.told.created[x.invoice]
            ]
            if x.item == item.id and self.told.created[x.invoice] <= moment and all(y.period_start > moment for y in newer):
                ends.append(x.period_end)
        return item.period_end is None or any(end is not None and end > moment for end in ends)
