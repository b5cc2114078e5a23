"""Random lives of subscriptions as Stripe would tell them, for hypothesis.

What happens to a subscription is drawn (`living`), and what of it is known (`known`).
"""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from metrics.evidence import Customer, CustomerState, Discount, Instant, Source, SubscriptionEvidence
from tests.oracle.billed import Life
from tests.oracle.catalog import BEGIN, DAY, MAIN, NOW
from tests.oracle.known import WAYS, evidence, muted, undated, with_cut_lists, with_untold_discounts, without_ends, without_parents
from tests.oracle.living import Happening, Living
from tests.oracle.telling import told

LONGEST_STORY = 20_000
"""Signs of a case that are shown; hypothesis refuses to show 30,000."""
HAPPENS = (
    *("swap", "swap", "quantity", "quantity", "add", "remove", "discount", "undiscount", "item_discount"),
    *("past_due", "recover", "unpaid", "pause_void", "pause_draft", "resume", "paused", "unpaused"),
    *("schedule", "withdraw", "cancel", "item_trial", "nothing", "unpaid_change", "free_month", "prebill", "prebill"),
)


def happenings(fractions: bool = False) -> st.SearchStrategy[Happening]:
    """Something that happens, often close upon the last thing."""
    return st.builds(
        Happening,
        st.sampled_from([0, 0, 1, 2, 3, 9, 16, 31, 40]),
        st.sampled_from([0, 1, 3_600, 43_199]),
        st.sampled_from((*HAPPENS, "fraction", "fraction") if fractions else HAPPENS),
        st.integers(0, 7),
        st.sampled_from(["now", "later", "never"]),
    )


@st.composite
def lives(draw: st.DrawFn, name: str = "sub", fractions: bool = False) -> Life:
    """The life of one subscription; `fractions`: it may have parts of a unit."""
    living = Living(
        name,
        draw(st.sampled_from(["plain", "plain", "plain", "trial", "backdated", "incomplete", "expired"])),
        draw(st.integers(15, 60)),
        draw(st.sampled_from([0, 3_600, 43_200, 86_399])),
        draw(st.sampled_from(["usd", "usd", "usd", "eur"])),
        draw(st.sampled_from(MAIN)),
        draw(st.integers(1, 5)),
    )
    for h in draw(st.lists(happenings(fractions), max_size=8)):
        living.happen(h)
    if living.s.status not in ("canceled", "incomplete_expired"):
        living.pass_to(NOW)
    states = [(at, s) for at, s in living.life.states if at < NOW]
    invoices = [i for i in living.life.invoices if i.head.created < NOW]
    return Life(states, invoices)


LACKS = (
    (muted, [0, 0, 2, 3, 5]),
    (without_parents, [0, 0, 2, 3, 5]),
    (with_cut_lists, [0, 0, 1, 2]),
    (with_untold_discounts, [0, 0, 0, 1, 2, 3]),
)
"""What evidence may lack, and how often: 0 is never, 3 every third time."""


def ended(life: Life) -> bool:
    """Whether a life is over in the end."""
    return life.states[-1][1].ended_at is not None


@dataclass(frozen=True)
class Case:
    """One customer: its lives, and what is known of them."""

    lives: tuple[Life, ...]
    evidence: tuple[SubscriptionEvidence, ...]
    customer_states: tuple[CustomerState, ...] = ()

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        """Likewise for hypothesis, which writes out every field else: so much that it warns, which hides what failed."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        """What is known, to be read where a case fails."""
        story = told(self.evidence, self.customer_states, BEGIN)
        return "\n" + (
            story if len(story) <= LONGEST_STORY else f"{story[:LONGEST_STORY]}\n… and {len(story) - LONGEST_STORY} signs more"
        )


@st.composite
def cases(
    draw: st.DrawFn, ways: tuple[str, ...] = WAYS, customer_discounts: bool = False, lacking: bool = False, fractions: bool = False
) -> Case:
    """A customer with one or two subscriptions. `lacking`: lines may lack their price, quantity or parent, lists of items be cut,
    and states say nothing of their items' discounts, nor since when they are over. `fractions`: quantities need not be whole."""
    lived = tuple(draw(lives(name=f"sub{n}", fractions=fractions)) for n in range(draw(st.sampled_from([1, 1, 2]))))
    way = draw(st.sampled_from(ways))
    cut, width = BEGIN + draw(st.integers(20, 120)) * DAY + 5, draw(st.integers(0, 60)) * DAY
    known = [evidence(life, way, cut, width) for life in lived]
    dated = any(s.status == "paused" or any(i.trial_start is not None for i in s.items) for life in lived for _, s in life.states)
    if dated and draw(st.booleans()):
        known = [e if e is None else undated(e) for e in known]
    if lacking:
        for lack, rates in LACKS:
            if which := draw(st.sampled_from(rates)):
                known = [e if e is None else lack(e, which) for e in known]
        if (where := draw(st.sampled_from(["", "", "events", "listings", "all"]))) and any(ended(life) for life in lived):
            known = [e if e is None else without_ends(e, where) for e in known]
    states: tuple[CustomerState, ...] = ()
    if customer_discounts and draw(st.booleans()):
        start = Instant(BEGIN + draw(st.integers(10, 100)) * DAY + draw(st.sampled_from([0, 7_200])))
        end = Instant(start + draw(st.integers(1, 50)) * DAY)
        mine = Discount("di_cus", draw(st.sampled_from(["ten", "three", "half"])), start, draw(st.sampled_from([None, end])))
        made = CustomerState(Instant(BEGIN), Source.EVENT, "evt_cus_0", Customer("cus"))
        states = (made, CustomerState(start, Source.EVENT, "evt_cus_1", Customer("cus", discount=mine)))
    return Case(lived, tuple(e for e in known if e is not None), states)
