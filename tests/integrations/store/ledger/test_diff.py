"""The stored ledger against a fresh one, row by row: nothing is said of what agrees, and everything of what doesn't."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import diff as ledger_diff
from integrations.store.ledger import write as write_ledger
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing, wake
from metrics.entries import Attribute, CustomerLedger, Exclusion, Movement, Standing
from metrics.evidence import Finding, Instant

DAY = date(2025, 1, 1)


def made(name: str, net: int = 10) -> CustomerLedger:
    """A ledger with a row in every table."""
    return CustomerLedger(
        name,
        (Movement(name, DAY, "usd", "new", "start", 0, net, 0, net, ("sub_1",)),),
        (Standing(name, DAY, "usd", net, net, 0, 0, 0, 1, "price_1", "prod_1", "month", 1),),
        (),
        (Finding(1, "si_1", "gap", "a sentence with \x00", name),),
        (Exclusion("sub_2", name, "trial", "usd", None, Instant(5)),),
        (Attribute(name, DAY, "country", None),),
        wake=Instant(77),
    )


def stored(engine: Engine, *ledgers: CustomerLedger, fresh: bool = False) -> None:
    """Put them in the place of what their customers had."""
    with begin(engine) as connection:
        write_ledger.replace_customers(connection, "b", [x.customer for x in ledgers], ledgers, fresh=fresh)


def differing(engine: Engine, *fresh: CustomerLedger, but: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Table and customer of each difference."""
    with read(engine) as connection:
        found = [
            each
            for shard in range(3)
            for each in ledger_diff.differences(connection, "b", (shard, 3), [x for x in fresh if _in(x.customer, shard)], but)
        ]
    return sorted((each.table, each.customer) for each in found)


def _in(name: str, shard: int) -> bool:
    from integrations.store.db.columns import shard_buckets
    from integrations.store.db.words import bucket_of

    low, high = shard_buckets((shard, 3))
    return low <= bucket_of(name) < high


def test_what_was_written_agrees(engine: Engine) -> None:
    """Every table, texts that had to be cleaned too; of another basis nothing is compared."""
    stored(engine, made("cus_a"), made("cus_b"))
    assert [] == differing(engine, made("cus_a"), made("cus_b"))
    with read(engine) as connection:
        assert 6 == len(ledger_diff.differences(connection, "other", (0, 1), [made("cus_a")]))


def test_each_table_is_compared(engine: Engine) -> None:
    """One value changed in each; a customer that is missing, and one too many."""
    stored(engine, made("cus_a"), made("cus_b"))
    one = made("cus_a")
    changes = [
        replace(one, movements=(replace(one.movements[0], cause="plan"),)),
        replace(one, standings=(replace(one.standings[0], at_risk_micros=1),)),
        replace(one, findings=()),
        replace(one, exclusions=(replace(one.exclusions[0], until=Instant(9)),)),
        replace(one, attributes=(*one.attributes, Attribute("cus_a", DAY, "metadata.x", "1"))),
        replace(one, wake=None),
    ]
    tables = ("movement", "standing", "finding", "exclusion", "attribute", "wake")
    for table, changed in zip(tables, changes, strict=True):
        assert [(table, "cus_a")] == differing(engine, changed, made("cus_b"))
    assert [(t, "cus_b") for t in sorted(tables)] == differing(engine, one)
    assert [(t, "cus_c") for t in sorted(tables)] == differing(engine, one, made("cus_b"), made("cus_c"))
    assert [] == differing(engine, made("cus_a", 11), made("cus_b"), but=frozenset({"cus_a"}))


def test_a_difference_is_told_in_words(engine: Engine) -> None:
    """The table, the customer, and the first row on either side."""
    stored(engine, made("cus_a"))
    fresh = replace(made("cus_a"), standings=())
    with read(engine) as connection:
        [found] = ledger_diff.differences(connection, "b", (0, 1), [fresh])
    assert str(found).startswith("standing of cus_a: 1 stored rows differ from 0 fresh ones; first stored usd, 2025-01-01, 1, 10")
    assert str(found).endswith("first fresh none")


# --- the ledger itself ------------------------------------------------------------------------------------------------------------


def test_replacing_leaves_nothing_of_before(engine: Engine) -> None:
    """Whole customers are replaced, those of whom nothing is left too; others, and other bases, are untouched."""
    stored(engine, made("cus_a"), made("cus_b"), fresh=True)
    with begin(engine) as connection:
        write_ledger.replace_customers(connection, "other", ["cus_a"], [made("cus_a")])
        assert 1 == write_ledger.replace_customers(connection, "b", ["cus_a", "cus_c"], [replace(made("cus_c"), exclusions=())])
    held = {}
    with read(engine) as connection:
        for table in (movement, standing, attribute, exclusion, finding, wake):
            rows = connection.execute(select(table.c.basis, table.c.customer).order_by(table.c.basis, table.c.customer))
            held[table.name] = [tuple(row) for row in rows]
    everybody = [("b", "cus_b"), ("b", "cus_c"), ("other", "cus_a")]
    assert {**dict.fromkeys(held, everybody), "exclusion": [("b", "cus_b"), ("other", "cus_a")]} == held


def test_many_are_replaced_at_once(engine: Engine) -> None:
    """More than one statement takes."""
    many = [made(f"cus_{n}") for n in range(1_300)]
    stored(engine, *many)
    stored(engine, *(made(x.customer, 20) for x in many))
    with read(engine) as connection:
        assert [] == ledger_diff.differences(connection, "b", (0, 1), [made(x.customer, 20) for x in many])


def test_who_is_due_again(engine: Engine) -> None:
    """The longest waiting first, up to the very moment; a customer derived again waits for its new one."""
    stored(engine, *(replace(made(f"cus_{n}"), wake=Instant(100 - n)) for n in range(3)))
    with begin(engine) as connection:
        assert ["cus_2", "cus_1"] == ledger_bases.due_again(connection, "b", Instant(99), 10)
        assert ["cus_2"] == ledger_bases.due_again(connection, "b", Instant(99), 1)
        assert [] == ledger_bases.due_again(connection, "other", Instant(99), 10)
        write_ledger.replace_customers(connection, "b", ["cus_2"], [replace(made("cus_2"), wake=None)])
        assert ["cus_1"] == ledger_bases.due_again(connection, "b", Instant(99), 10)


def test_clearing(engine: Engine) -> None:
    """A shard at a time or everything, of one basis."""
    stored(engine, *(made(f"cus_{n}") for n in range(40)))
    with begin(engine) as connection:
        write_ledger.replace_customers(connection, "other", ["cus_1"], [made("cus_1")])
        write_ledger.clear_shard(connection, "b", (1, 3))
        left = {str(c) for c in connection.execute(select(standing.c.customer).where(standing.c.basis == "b")).scalars()}
        assert {f"cus_{n}" for n in range(40) if not _in(f"cus_{n}", 1)} == left
        write_ledger.clear(connection, "b")
        assert ["other"] == list(connection.execute(select(standing.c.basis)).scalars())


def test_what_is_known_of_a_basis(engine: Engine) -> None:
    """It is noted once, and says whether its ledger is complete, and as of when."""
    from tests.integrations.store.telling import LEARNT

    with begin(engine) as connection:
        ledger_bases.put(connection, "b", "default", {"timezone": "UTC"})
        ledger_bases.mark_derived(connection, "b", LEARNT, Instant(5))
        ledger_bases.put(connection, "b", "other", {})
        found = ledger_bases.everything(connection)["b"]
        assert ("default", {"timezone": "UTC"}, LEARNT, 5) == (found.policy, found.choices, found.derived_at, found.derived_until)
        ledger_bases.mark_derived(connection, "b", None, None)
        assert (None, None) == (
            ledger_bases.everything(connection)["b"].derived_at,
            ledger_bases.everything(connection)["b"].derived_until,
        )
