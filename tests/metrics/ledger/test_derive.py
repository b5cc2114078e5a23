"""Who is a customer, who is left out, and what a customer was: the rules around one customer's ledger."""

from dataclasses import replace
from datetime import date

from metrics.entries import Attribute, CustomerLedger
from metrics.evidence import CustomerGroup
from metrics.ledger.basis import Basis, InternalRule
from metrics.ledger.derive import Deriver
from metrics.policy import preset
from tests.metrics.groups import described, group, member
from tests.metrics.life import CATALOG, instant, lines_of

NOW = instant("2026-01-01")
CATALOGS = {1: CATALOG, 2: CATALOG}


def derived(customer: CustomerGroup, **basis: object) -> CustomerLedger:
    """A customer's ledger."""
    return Deriver(CATALOGS, Basis(**basis)).derive(customer, NOW)  # type: ignore[arg-type]  # fields of a basis, named by the tests


def test_customers_with_one_value_are_one_customer_across_accounts() -> None:
    """The same company in two accounts: its second subscription is expansion, and only the last end is churn."""
    basis = Basis(merge_key="org")
    assert "org:acme" == basis.customer_name("cus_1", {"org": "acme"})
    assert "cus_2" == basis.customer_name("cus_2", {"org": ""}) == basis.customer_name("cus_2", {})
    both = CustomerGroup(
        "org:acme",
        (
            member(
                "cus_1", "event 2025-01-01 sub=a items=pro\nevent 2025-05-01 sub=a status=canceled ended=2025-05-01", 1, org="acme"
            ),
            member(
                "cus_2", "event 2025-03-01 sub=b items=team\nevent 2025-06-01 sub=b status=canceled ended=2025-06-01", 2, org="acme"
            ),
        ),
    )
    ledger = derived(both, merge_key="org")
    assert [
        "2025-01-01 new 0 -> 50 start",
        "2025-03-01 expansion 50 -> 130 start",
        "2025-05-01 contraction 130 -> 80 canceled_voluntary",
        "2025-06-01 churn 80 -> 0 canceled_voluntary",
    ] == lines_of(ledger, currencies=False)
    assert {"org:acme"} == {m.customer for m in ledger.movements} | {e.customer for e in ledger.exclusions} | {
        f.customer for f in ledger.findings
    }
    assert ["customer_merged_by_rule"] * 2 == [f.reason for f in ledger.findings]


def test_moving_from_one_account_to_another_is_a_migration() -> None:
    """Canceled there and started here within the grace: one movement of the merged customer, not churn and new."""
    moved = CustomerGroup(
        "org:acme",
        (
            member("cus_1", "event 2025-01-01 sub=a items=pro\nevent 2025-05-01 sub=a status=canceled ended=2025-05-01", 1),
            member("cus_2", "event 2025-05-02 sub=b items=team", 2),
        ),
    )
    found = lines_of(derived(moved, merge_key="org"), currencies=False)
    assert ["2025-01-01 new 0 -> 50 start", "2025-05-02 expansion 50 -> 80 migration"] == found


def test_a_declared_migration_under_a_key_of_ones_own() -> None:
    """`migrated_from` may be called otherwise: then only that key holds MRR over the gap."""
    text = """
event 2025-01-01 sub=old items=pro
event 2025-02-01 sub=old status=canceled ended=2025-02-01
event 2025-02-20 sub=new items=team migrated_from=old
"""
    held = ["2025-01-01 new 0 -> 50 start", "2025-02-20 expansion 50 -> 80 migration"]
    assert held == lines_of(derived(group("c", text)), currencies=False)
    assert 3 == len(derived(group("c", text), migration_key="continues").movements)


def test_the_companys_own_accounts_are_left_out_with_their_worth() -> None:
    """By a metadata rule: no movement, and an exclusion that says what it would be."""
    internal = (InternalRule("internal"), InternalRule("plan", ("staff", "family")))
    for metadata in ({"internal": "yes"}, {"plan": "staff"}):
        ledger = derived(group("c", "event 2025-01-01 items=pro", **metadata), internal=internal)
        assert ((), [("internal", 50_000_000)]) == (ledger.movements, [(e.reason, e.mrr_micros) for e in ledger.exclusions])
    kept = derived(group("c", "event 2025-01-01 items=pro", plan="paying"), internal=internal)
    assert ["new"] == [m.kind for m in kept.movements]


def test_the_latest_word_on_a_customer_decides() -> None:
    """One that ceased to be internal counts, from the beginning: the rule is about who it is, not when."""
    customer = member("c", "event 2025-01-01 items=pro", internal="yes")
    freed = replace(customer, states=(*customer.states, described("c", instant("2025-06-01"))))
    ledger = derived(CustomerGroup("c", (freed,)), internal=(InternalRule("internal"),))
    assert ["new"] == [m.kind for m in ledger.movements]


def test_a_test_clocks_customer_is_left_out() -> None:
    """Its subscriptions are played through in a simulation."""
    ledger = derived(CustomerGroup("c", (member("c", "event 2025-01-01 items=pro", test_clock="clock_1"),)))
    assert ((), ["test_clock"]) == (ledger.movements, [e.reason for e in ledger.exclusions])


def test_a_short_stay_is_worth_the_most_that_it_came_to() -> None:
    """50, then 80 dollars, and 40 euros: one exclusion for each currency, from the first day to the last."""
    text = """
event 2025-01-05 sub=a items=pro
event 2025-01-10 sub=a items=team
event 2025-01-12 sub=b currency=eur items=eur
event 2025-01-20 sub=a status=canceled ended=2025-01-20
event 2025-01-25 sub=b status=canceled ended=2025-01-25
"""
    ledger = derived(group("c", text), policy=preset("default", same_month_left_out=True, grace_days=0))
    span = instant("2025-01-05"), instant("2025-01-25")
    found = [(e.currency, e.mrr_micros, (e.since, e.until)) for e in ledger.exclusions if e.reason == "same_month"]
    assert [("eur", 40_000_000, span), ("usd", 80_000_000, span)] == found


def test_a_movement_names_its_evidence() -> None:
    """The subscriptions that changed and the objects that say so, each once, those held by the grace too."""
    text = """
event 2025-01-01 sub=a id=evt_1 items=pro
event 2025-02-01 sub=a id=evt_2 status=canceled ended=2025-02-01
event 2025-02-02 sub=b id=evt_3 items=team
event 2025-02-02T10:00 sub=b id=evt_4 items=team*2
"""
    start, swap = derived(group("c", text)).movements
    assert (("a", "evt_1"), ("a", "evt_2", "b", "evt_3", "evt_4")) == (start.evidence, swap.evidence)


def test_a_standing_names_its_account_and_product() -> None:
    """Of the first of its subscriptions, and of its largest item."""
    ledger = derived(
        CustomerGroup(
            "c", (member("cus_2", "event 2025-01-01 items=team", 2), member("cus_1", "event 2025-02-01 sub=x items=pro", 1))
        )
    )
    assert [(2, "Team"), (2, "Team")] == [(s.account, s.product) for s in ledger.standings]


def test_a_day_has_one_standing_though_it_has_several_movements() -> None:
    """Without netting as well: what the customer stands at when the day closes."""
    text = "event 2025-01-01 items=seat*5\nevent 2025-02-10T08:00 items=seat*9\nevent 2025-02-10T20:00 items=seat*7"
    ledger = derived(group("c", text), policy=preset("default", netting=False))
    assert [date(2025, 1, 1), date(2025, 2, 10), date(2025, 2, 10)] == [m.day for m in ledger.movements]
    assert [(date(2025, 1, 1), 50_000_000), (date(2025, 2, 10), 70_000_000)] == [(s.day, s.net_micros) for s in ledger.standings]


def test_attributes_over_time() -> None:
    """A change counts from its day on; a key that is taken away becomes nothing."""
    customer = replace(
        member("c", "event 2025-01-01 items=pro"),
        states=(
            described("c", instant("2025-01-01"), country="DE", industry="retail"),
            described("c", instant("2025-03-05T23:30"), country="AT", industry="retail"),
            described("c", instant("2025-04-01"), country="AT"),
        ),
    )
    assert (
        Attribute("c", date(2025, 1, 1), "country", "DE"),
        Attribute("c", date(2025, 3, 6), "country", "AT"),
        Attribute("c", date(2025, 1, 1), "metadata.industry", "retail"),
        Attribute("c", date(2025, 4, 1), "metadata.industry", None),
    ) == derived(CustomerGroup("c", (customer,)), timezone="Europe/Berlin").attributes


def test_of_several_customers_the_first_that_has_a_value_speaks() -> None:
    """Merged customers may contradict one another on one day."""
    one = replace(member("a", "event 2025-01-01 sub=a items=pro"), states=(described("a", instant("2025-01-01"), plan="x"),))
    two = replace(
        member("b", "event 2025-01-01 sub=b items=pro"), states=(described("b", instant("2025-01-01"), country="FR", plan="y"),)
    )
    found = derived(CustomerGroup("c", (one, two)), merge_key="org").attributes
    assert [("country", "FR"), ("metadata.plan", "x")] == sorted((a.key, a.value) for a in found)


def test_everything_in_a_basis_is_in_its_version() -> None:
    """Two bases of one version give the same figures."""
    bases = [
        Basis(),
        Basis(timezone="Europe/Berlin"),
        Basis(merge_key="org"),
        Basis(internal=(InternalRule("internal"),)),
        Basis(internal=(InternalRule("internal", ("yes",)),)),
        Basis(migration_key="continues"),
        Basis(policy=replace(Basis().policy, grace_days=2)),
    ]
    assert len(bases) == len({b.version for b in bases})
    assert Basis().version == Basis(policy=replace(Basis().policy, name="another name")).version
