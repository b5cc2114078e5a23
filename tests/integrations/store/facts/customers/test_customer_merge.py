"""Which Stripe customers are one: kept where a rule says so, for any number of them, and read back by the name in the ledger."""

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts.customers import customer_merge
from tests.integrations.store.telling import customer, put, rows, subscription


def test_names_are_kept_only_where_a_rule_gives_them(engine: Engine) -> None:
    """Whoever is called by its own id needs no row; what changed is named on both sides."""
    with begin(engine) as connection:
        assert {"g:1", "cus_a"} == customer_merge.assign(connection, {(1, "cus_a"): "g:1", (1, "cus_b"): "cus_b"})
        assert set() == customer_merge.assign(connection, {(1, "cus_a"): "g:1", (1, "cus_b"): "cus_b"})
        assert customer_merge.any_member(connection)
        assert {(1, "cus_a"): "g:1", (1, "cus_b"): "cus_b", (2, "cus_a"): "cus_a"} == customer_merge.names(
            connection, [(1, "cus_a"), (1, "cus_b"), (2, "cus_a")]
        )
    assert 1 == rows(engine, "member")
    with begin(engine) as connection:
        assert {"g:1", "g:2"} == customer_merge.assign(connection, {(1, "cus_a"): "g:2"})
        assert {"g:2", "cus_a"} == customer_merge.assign(connection, {(1, "cus_a"): "cus_a"})
        assert not customer_merge.any_member(connection)


def test_thousands_change_their_names_at_once(engine: Engine) -> None:
    """A new rule may name everybody anew: more than a statement of either database could list one by one."""
    given = {(1 + n % 2, f"cus_{n:04}"): f"g:{n % 7}" for n in range(3_500)}
    with begin(engine) as connection:
        customer_merge.assign(connection, given)
        changed = customer_merge.assign(connection, {each: f"h:{name}" for each, name in given.items()})
        assert {*(f"g:{n}" for n in range(7)), *(f"h:g:{n}" for n in range(7))} == changed
        assert set() == customer_merge.assign(connection, {each: f"h:{name}" for each, name in given.items()})
    assert 3_500 == rows(engine, "member")


def test_the_rule_is_remembered(engine: Engine) -> None:
    """A database has one rule at a time."""
    with begin(engine) as connection:
        assert customer_merge.rule(connection) is None
        customer_merge.keep_rule(connection, "company")
        customer_merge.keep_rule(connection, "company")
        assert "company" == customer_merge.rule(connection)
        customer_merge.keep_rule(connection, None)
        assert customer_merge.rule(connection) is None


def test_states_are_found_for_whom_a_rule_is_asked(engine: Engine) -> None:
    """Of the named ones, and of everybody in shards that are disjoint and complete, each in order of time."""
    put(engine, customers=[customer("cus_a", 200, a="2"), customer("cus_a", 100, event="evt_1", a="1"), customer("cus_b")])
    put(engine, 2, customers=[customer("cus_a", 50)])
    with read(engine) as connection:
        found = customer_merge.states(connection, [(1, "cus_a"), (2, "cus_b")])
        assert {(1, "cus_a"): [100, 200]} == {each: [s.at for s in states] for each, states in found.items()}
        everybody = [each for shard in range(5) for each, _ in customer_merge.all_states(connection, (shard, 5))]
    assert [(1, "cus_a"), (1, "cus_b"), (2, "cus_a")] == sorted(everybody)


def test_members_are_found_by_the_name_in_the_ledger(engine: Engine) -> None:
    """All parts of a merged customer, whoever stands for itself, nobody for a name that nothing is known of; a part is none by itself."""
    put(engine, customers=[customer("cus_a"), customer("cus_b"), customer("cus_c")])
    put(engine, 2, customers=[customer("cus_c")])
    with begin(engine) as connection:
        customer_merge.assign(connection, {(1, "cus_a"): "g:1", (1, "cus_b"): "g:1", (2, "cus_c"): "g:1"})
    with read(engine) as connection:
        found = customer_merge.members_of(connection, ["g:1", "cus_a", "cus_c", "cus_none"])
    assert {"g:1": [(1, "cus_a"), (1, "cus_b"), (2, "cus_c")], "cus_c": [(1, "cus_c")]} == found


def test_a_merged_customer_is_read_as_one(engine: Engine) -> None:
    """All its parts under its name, in whichever shard that is; none of them alone. By its name it is found, by a part's it is not."""
    for account, name in ((1, "cus_a"), (2, "cus_b"), (1, "cus_c")):
        put(engine, account, customers=[customer(name)], subscriptions=[subscription(f"sub_{name}", name)])
    with begin(engine) as connection:
        customer_merge.assign(connection, {(1, "cus_a"): "g:1", (2, "cus_b"): "g:1"})
    with read(engine) as connection:
        found = [group for shard in range(3) for group in read_facts.groups(connection, shard=(shard, 3))]
        assert [("cus_c", [(1, "cus_c")]), ("g:1", [(1, "cus_a"), (2, "cus_b")])] == sorted(
            (g.customer, [(m.account, m.customer) for m in g.members]) for g in found
        )
        assert ["g:1"] == [g.customer for g in read_facts.groups(connection, only=["g:1", "cus_a", "cus_nobody"])]
        [merged] = read_facts.groups(connection, only=["g:1"])
    assert ["sub_cus_a", "sub_cus_b"] == [s.subscription for m in merged.members for s in m.subscriptions]
