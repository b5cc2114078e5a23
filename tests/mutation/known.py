"""Mutants that nobody can kill, because they answer the same, each with its reason: (module, before, after) → why."""

KNOWN: dict[tuple[str, str, str], str] = {
    (
        "metrics/pricing/amounts.py",
        "candidates = [units + sum(some) for size in range(len(doubtful) + 1) for some in combinations(doubtful, size)]",
        "candidates = [units + sum(some) for size in range(len(doubtful) + 2) for some in combinations(doubtful, size)]",
    ): "there are no combinations of more than there are",
    (
        "metrics/ledger/movements.py",
        "return 'expansion' if now > was else 'contraction'",
        "return 'expansion' if now >= was else 'contraction'",
    ): "what stays the same is no movement and has no kind",
    (
        "metrics/ledger/movements.py",
        "standings = _standings(customer, closings, timelines[0].account if timelines else 0)",
        "standings = _standings(customer, closings, timelines[0].account if timelines else 1)",
    ): "without a timeline there is no standing",
    (
        "metrics/ledger/movements.py",
        "same_way = [c for c in own if c.delta * delta > 0] or own",
        "same_way = [c for c in own if c.delta / delta > 0] or own",
    ): "a quotient has the sign of the product, and a movement is never of 0",
    (
        "metrics/retention/aggregate.py",
        "return Partials(asked.windows, _tidy(pl.concat(sums, how='diagonal')), rankings.first_of(pl.concat(ranked).with_columns(several=False)), _added(causes, 'window', 'currency', 'kind', 'cause'), _added(trials, 'window', 'currency'), apart)",
        "return Partials(asked.windows, _tidy(pl.concat(sums, how='diagonal')), rankings.first_of(pl.concat(ranked).with_columns(several=True)), _added(causes, 'window', 'currency', 'kind', 'cause'), _added(trials, 'window', 'currency'), apart)",
    ): "the mark is the same on every list here, whichever it is",
    (
        "metrics/retention/aggregate.py",
        "return frame.with_columns(into).drop_nulls('window').sort('window', maintain_order=True)",
        "return frame.with_columns(into).drop_nulls('window').sort('window', maintain_order=False)",
    ): "polars keeps the order of equal numbers in one column, though it promises that only when asked",
    (
        "metrics/pricing/pricing.py",
        "taxless: Fraction = Fraction(1)",
        "taxless: Fraction = Fraction(2)",
    ): "what isn't said to be taxed has no price, or one that doesn't recur: no amount to take tax off",
    (
        "metrics/timeline/causes.py",
        "return before is not None and before.status in ('past_due', 'unpaid')",
        "return before is not None and before.status in ('past_due', 'unpaid_')",
    ): "what is unpaid was lost when it became so: its end is no second loss",
    (
        "metrics/timeline/eligibility.py",
        "scheduled: bool = False",
        "scheduled: bool = True",
    ): "only what counts is looked at, and that always says whether it is scheduled",
    (
        "metrics/timeline/eligibility.py",
        "before = next((i for i in range(index - 1, -1, -1) if self.known[i].at < over), None)",
        "before = next((i for i in range(index - 1, -2, -1) if self.known[i].at < over), None)",
    ): "the last state is never before the first",
    (
        "metrics/timeline/states/event_order.py",
        "several = len({state.source_id for state in group}) > 1",
        "several = len({state.source_id for state in group}) >= 1",
    ): "one event alone is in order, however it is looked at",
    (
        "metrics/timeline/effective_dated.py",
        "if discount is not None and out[-1][0] < discount.start <= state.at:",
        "if discount is not None and out[-1][0] < discount.start < state.at:",
    ): "what begins as it is seen begins then either way",
    (
        "metrics/timeline/effective_dated.py",
        "changes = out.setdefault(item, [(Instant(-2 ** 62), Fraction(0), '')])",
        "changes = out.setdefault(item, [(Instant(-3 ** 62), Fraction(0), '')])",
    ): "a moment before all others, whichever",
    (
        "metrics/timeline/effective_dated.py",
        "changes = out.setdefault(item, [(Instant(-2 ** 62), Fraction(0), '')])",
        "changes = out.setdefault(item, [(Instant(-2 ** 63), Fraction(0), '')])",
    ): "a moment before all others, whichever",
    (
        "metrics/pricing/discounts.py",
        "steps = [(held, 'item', [index]) for index, each in enumerate(own) for held in each]",
        "steps = [(held, 'item_', [index]) for index, each in enumerate(own) for held in each]",
    ): "only the customer's discount is told apart in words",
    (
        "metrics/timeline/known_states.py",
        "upto = s.ended_at if s.ended_at is not None and prev.at < s.ended_at < state.at else state.at",
        "upto = s.ended_at if s.ended_at is not None and prev.at < s.ended_at <= state.at else state.at",
    ): "an end at the moment of the state is that moment",
    (
        "metrics/timeline/marks.py",
        "now = s.status if s.status in ('active', 'past_due') and status is None else 'active'",
        "now = s.status if s.status in ('active_', 'past_due') and status is None else 'active'",
    ): "who isn't past due is active either way",
    (
        "metrics/timeline/marks.py",
        "if not chained and (s.cancel_at_period_end or s.cancel_at is not None) and (s.canceled_at is not None) and (low <= s.canceled_at <= upto):",
        "if not chained and (s.cancel_at_period_end or s.cancel_at is not None) and (s.canceled_at is not None) and (low < s.canceled_at <= upto):",
    ): "what is known then says it already",
    (
        "metrics/timeline/lines/points.py",
        "_ORDER = {'credit': 0, 'debit': 1, 'cycle': 2}",
        "_ORDER = {'credit': 0, 'debit': 1, 'cycle': 3}",
    ): "the order is the same",
    (
        "metrics/timeline/lines/invoice_history.py",
        "cuts = [known.at, *sorted((e for e in edges if known.at < e < until))]",
        "cuts = [known.at, *sorted((e for e in edges if known.at <= e < until))]",
    ): "two states of one moment are one in the timeline, and the later is the same here",
    (
        "metrics/timeline/lines/invoice_history.py",
        "out = [k for k, nxt in zip(out, [*out[1:], None], strict=True) if nxt is None or nxt.at > k.at]",
        "out = [k for k, nxt in zip(out, [*out[1:], None], strict=True) if nxt is None or nxt.at >= k.at]",
    ): "of several states of one moment only the last is in force in the timeline",
    (
        "metrics/timeline/lines/invoice_history.py",
        "out = [k for k, nxt in zip(out, [*out[1:], None], strict=True) if nxt is None or nxt.at > k.at]",
        "out = [k for k, nxt in zip(out, [*out[1:], None], strict=True)]",
    ): "of several states of one moment only the last is in force in the timeline",
}
