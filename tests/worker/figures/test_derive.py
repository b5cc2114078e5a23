"""Deriving by jobs: whatever happened in between, the ledger is what a rebuild from zero would make of the facts."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store.db.engine import begin, read
from integrations.store.facts import marks as touched
from integrations.store.ledger import bases as ledger_bases
from integrations.store.work import jobs, runs
from metrics.ledger.basis import Basis, InternalRule
from metrics.policy import preset
from tests.stories.living import opened, synced
from tests.worker.facts import DEFAULT, Told, at, complete, derive, derived, half_until, mrr, wiring
from worker.execution.stop import Stop
from worker.figures import derive as deriving
from worker.figures.derive import Deriving
from worker.runs import steps

STRIPE = Basis(preset("stripe"))
MERGED = Basis(merge_key="company")


@pytest.fixture
def told(engine: Engine) -> Told:
    """An account with its catalog."""
    found = Told(engine)
    found.catalog()
    return found


def rebuilt(engine: Engine, now: str, basis: Basis = DEFAULT) -> list[str]:
    """What a rebuild from zero leaves."""
    derive(engine, now, basis, rebuild=True)
    return derived(engine)


def marks(engine: Engine) -> int:
    """Marks of customers that wait to be derived."""
    with read(engine) as connection:
        return touched.count_touched(connection)


def kinds(engine: Engine, run: int) -> list[str]:
    """The kinds of the jobs of a run, in order."""
    with read(engine) as connection:
        return [job.kind for job in jobs.of_run(connection, run)]


# --- increments ---------------------------------------------------------------------------------------------------------------

MONTHS = (
    "2024-02-10",
    "2024-03-05",
    "2024-03-06",
    "2024-04-03T07:00",
    "2024-04-28",
    "2024-05-25",
    "2024-07-20",
    "2024-08-15T12:00",
)


@pytest.mark.long
def test_increments_equal_a_rebuild(migrated_url: str) -> None:
    """Seven months of a business, synced and derived now and then under two policies: the same to the byte as all at once at the end."""
    with Sandbox(Business(customers=22, months=8, seed=11), now=MONTHS[0]) as sandbox, opened(migrated_url) as engine:
        seen = []
        for moment in MONTHS:
            synced(engine, sandbox, [at(moment)])
            derive(engine, moment, kept=[STRIPE])
            seen.append(len(derived(engine)))
        grown = derived(engine)
        assert 0 < seen[0] < seen[-1]
        assert 0 == marks(engine)
        derive(engine, MONTHS[-1], kept=[STRIPE], rebuild=True)
        assert derived(engine) == grown


def test_nothing_new_is_nothing_to_do(engine: Engine, told: Told) -> None:
    """A derivation without news derives nobody, and changes nothing but the moment up to which the ledger holds."""
    told.subscription("cus_a")
    first = derive(engine, "2025-02-01")
    assert ["derive_plan", "derive_shard", "derive_mark"] == kinds(engine, first.run_id)
    before = derived(engine)
    second = derive(engine, "2025-03-01")
    assert ["derive_plan", "derive_mark"] == kinds(engine, second.run_id)
    assert before == derived(engine)
    with read(engine) as connection:
        assert at("2025-03-01") == ledger_bases.everything(connection)[Basis().version].derived_until


def test_only_whom_news_concerns_is_derived(engine: Engine, told: Told) -> None:
    """One of two customers changes: one is derived."""
    told.subscription("cus_a")
    told.subscription("cus_b")
    derive(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=3)
    assert 1 == derive(engine, "2025-02-11").objects["customers"]
    assert {"cus_a": 30, "cus_b": 10} == mrr(engine)


# --- time alone -----------------------------------------------------------------------------------------------------------------


def test_a_moment_that_passes_is_derived(engine: Engine, told: Told) -> None:
    """A discount that ends after the derivation raises MRR when its end has come, without any news; nobody else is derived."""
    told.subscription("cus_a", discounts=[half_until("2025-04-01")])
    told.subscription("cus_b")
    derive(engine, "2025-03-01")
    assert {"cus_a": 5, "cus_b": 10} == mrr(engine)
    derive(engine, "2025-03-31T23:59:59")
    assert {"cus_a": 5, "cus_b": 10} == mrr(engine)
    assert 1 == derive(engine, "2025-04-01").objects["customers"]
    assert {"cus_a": 10, "cus_b": 10} == mrr(engine)
    assert derived(engine) == rebuilt(engine, "2025-04-01")


def test_a_moment_before_the_last_one_derives_everything_anew(engine: Engine, told: Told) -> None:
    """What was derived as of June is as if it had never been, once somebody says that it is February; and back again."""
    told.subscription("cus_a", discounts=[half_until("2025-04-01")])
    told.subscription("cus_b", event="evt_1")
    told.subscription("cus_b", "2025-05-01", event="evt_2", quantity=4)
    derive(engine, "2025-02-01")
    february = derived(engine)
    derive(engine, "2025-06-01")
    june = derived(engine)
    assert {"cus_a": 10, "cus_b": 40} == mrr(engine)
    told.customer("cus_a", "2025-01-02")
    derive(engine, "2025-02-01")
    assert {"cus_a": 5, "cus_b": 10} == mrr(engine)
    assert february == [line for line in derived(engine) if '"table": "attribute"' not in line]
    derive(engine, "2025-06-01")
    assert june == [line for line in derived(engine) if '"table": "attribute"' not in line]


def test_what_was_read_long_before_the_last_derivation_is_no_way_back(engine: Engine, told: Told) -> None:
    """An hour after the last reading everybody was derived, without reading: the night as of that reading derives whom news concerns and
    nobody else. A ledger of a moment that has not come yet is derived anew."""
    told.subscription("cus_a")
    told.subscription("cus_b")
    derive(engine, "2025-02-01T10:00:00")
    told.subscription("cus_a", "2025-01-20", event="evt_1", quantity=2)
    night = wiring(engine, "2025-02-01T12:00:00")

    def derived_as_read_at(moment: str) -> list[str]:
        run, _ = steps.open_run(night, "derive", [deriving.first_job(now=at(moment), merely_read=True)])
        assert "done" == steps.see_through(night, run).status
        return kinds(engine, run)

    assert ["derive_plan", "derive_touched", "derive_mark"] == derived_as_read_at("2025-02-01T09:00:00")
    with read(engine) as connection:
        assert at("2025-02-01T10:00:00") == ledger_bases.everything(connection)[Basis().version].derived_until
    derive(engine, "2999-01-01")
    assert ["derive_plan", "derive_shard", "derive_mark"] == derived_as_read_at("2025-02-01T09:00:00")
    assert {"cus_a": 20, "cus_b": 10} == mrr(engine)


def test_a_clock_that_is_a_little_behind_is_not_meant(engine: Engine, told: Told) -> None:
    """Another worker's clock was some minutes ahead: its moment counts, and not everybody is derived anew."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01T00:10:00")
    told.subscription("cus_a", "2025-01-20", event="evt_1", quantity=2)
    later = derive(engine, "2025-02-01T00:00:00")
    assert ["derive_plan", "derive_touched", "derive_mark"] == kinds(engine, later.run_id)
    with read(engine) as connection:
        assert at("2025-02-01T00:10:00") == ledger_bases.everything(connection)[Basis().version].derived_until


# --- crashes --------------------------------------------------------------------------------------------------------------------


def opened_run(engine: Engine, now: str, asked: Basis | None = None) -> int:
    """A derivation that was written down and nobody works on yet."""
    run, _ = steps.open_run(wiring(engine, now), "derive", [deriving.first_job(basis=asked, now=at(now))])
    return run


def step(engine: Engine, run: int, *, dies: bool = False) -> str:
    """Do the next job of a run; whoever `dies` had only claimed it."""
    with begin(engine) as connection:
        job = jobs.claim(connection, owner="somebody", lease_seconds=-1 if dies else 60, runs=[run])
    assert job is not None
    if not dies:
        deriving.handlers(Deriving(engine, Stop(), Basis(), at("2025-02-01")))[job.kind](job)
    return job.kind


@pytest.mark.parametrize("done", [[], ["derive_plan"], ["derive_plan", "derive_touched"]])
def test_whoever_dies_before_the_end_loses_nothing(engine: Engine, told: Told, done: list[str]) -> None:
    """Killed before planning, before deriving and before marking: the marks stay until all is done, and the next one does it."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    run = opened_run(engine, "2025-02-11")
    assert done == [step(engine, run) for _ in done]
    step(engine, run, dies=True)
    assert 1 == marks(engine)
    derive(engine, "2025-02-12")
    assert 0 == marks(engine)
    assert {"cus_a": 20} == mrr(engine)
    assert derived(engine) == rebuilt(engine, "2025-02-12")


def test_a_derivation_that_was_killed_and_given_up_leaves_its_marks(engine: Engine, told: Told) -> None:
    """A run that is canceled half way is followed by one that does all of it."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    run = opened_run(engine, "2025-02-11")
    step(engine, run)
    with begin(engine) as connection:
        jobs.cancel(connection, run)
        runs.finish(connection, run, "canceled")
    assert 1 == marks(engine)
    assert 1 == derive(engine, "2025-02-12").objects["customers"]
    assert {"cus_a": 20} == mrr(engine)


def test_news_during_a_derivation_stays_marked(engine: Engine, told: Told) -> None:
    """What comes in after the plan is no part of that run: its mark stays, and whoever asks now gets it too."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    run = opened_run(engine, "2025-02-11")
    step(engine, run)
    told.subscription("cus_b", "2025-02-10")
    assert ["derive_touched", "derive_mark"] == [step(engine, run), step(engine, run)]
    assert {"cus_a": 20} == mrr(engine)
    assert 1 == marks(engine)
    derive(engine, "2025-02-12")
    assert {"cus_a": 20, "cus_b": 10} == mrr(engine)


def test_who_joins_a_derivation_gets_the_latest_news(engine: Engine, told: Told) -> None:
    """A run under way was planned without it; it is seen through, and another one brings it."""
    told.subscription("cus_a")
    run = opened_run(engine, "2025-02-11")
    step(engine, run)
    told.subscription("cus_b", "2025-02-10")
    report = derive(engine, "2025-02-12")
    assert report.joined
    assert run != report.run_id
    assert (0, {"cus_a": 10, "cus_b": 10}) == (marks(engine), mrr(engine))


# --- several policies -------------------------------------------------------------------------------------------------------------


def test_a_policy_on_demand_is_outdated_by_news(engine: Engine, told: Told) -> None:
    """Derived once when asked for; with the next news it isn't complete any more, while the one that is set and those kept are."""
    kept = Basis(preset("chartmogul"))
    told.subscription("cus_a")
    derive(engine, "2025-02-01", kept=[kept])
    derive(engine, "2025-02-01", asked=STRIPE)
    assert {"default": True, "chartmogul": True, "stripe": True} == complete(engine)
    derive(engine, "2025-02-02", kept=[kept])
    assert {"default": True, "chartmogul": True, "stripe": True} == complete(engine)
    told.subscription("cus_a", "2025-02-10", quantity=2)
    derive(engine, "2025-02-11", kept=[kept])
    assert {"default": True, "chartmogul": True, "stripe": False} == complete(engine)
    assert ({"cus_a": 20}, {"cus_a": 20}, {"cus_a": 10}) == (mrr(engine), mrr(engine, kept), mrr(engine, STRIPE))
    derive(engine, "2025-02-11", asked=STRIPE)
    assert {"cus_a": 20} == mrr(engine, STRIPE)
    grown = derived(engine)
    for asked in (Basis(), kept, STRIPE):
        derive(engine, "2025-02-11", asked=asked, rebuild=True)
    assert derived(engine) == grown


def test_a_policy_on_demand_does_not_take_the_marks(engine: Engine, told: Told) -> None:
    """News that only it knows of is still news to the policy that is set."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    derive(engine, "2025-02-11", asked=STRIPE)
    assert (1, {"cus_a": 10}, {"cus_a": 20}) == (marks(engine), mrr(engine), mrr(engine, STRIPE))
    derive(engine, "2025-02-11")
    assert (0, {"cus_a": 20}) == (marks(engine), mrr(engine))


def test_a_derivation_that_was_overtaken_does_not_call_itself_complete(engine: Engine, told: Told) -> None:
    """One on demand died half way; news came and was dealt with for others. Taken up again, it must not pass for up to date."""
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    run = opened_run(engine, "2025-02-01", STRIPE)
    assert ["derive_plan", "derive_shard"] == [step(engine, run), step(engine, run)]
    with begin(engine) as connection:
        jobs.cancel(connection, run)
        runs.finish(connection, run, "failed")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    with begin(engine) as connection:
        later = runs.start(connection, "nightly", exclusive_key="figures")
        jobs.add(connection, [replace(deriving.first_job(), run_id=later)])
    while step(engine, later) != "derive_mark":
        pass
    with begin(engine) as connection:
        runs.close_if_done(connection, later)
        jobs.revive(connection, run)
        runs.reopen(connection, run, "figures")
    assert "derive_mark" == step(engine, run)
    assert {"default": True, "stripe": False} == complete(engine)


# --- who is whom --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def companies(engine: Engine, told: Told) -> tuple[Told, Told]:
    """Two accounts with a customer of Acme each, and one that belongs to nobody."""
    other = Told(engine, "other")
    other.catalog()
    for account, name in ((told, "cus_a"), (other, "cus_b")):
        account.customer(name, company="acme")
        account.subscription(name)
    told.customer("cus_c")
    told.subscription("cus_c")
    return told, other


def test_customers_of_two_accounts_are_one_by_a_rule(engine: Engine, companies: tuple[Told, Told]) -> None:
    """Their MRR is one customer's; when one leaves, each stands for itself, and when it comes back they are one again."""
    derive(engine, "2025-02-01", MERGED)
    assert {"company:acme": 20, "cus_c": 10} == mrr(engine, MERGED)
    _, other = companies
    other.customer("cus_b", "2025-02-10", company="bolt")
    derive(engine, "2025-02-11", MERGED)
    assert {"company:acme": 10, "company:bolt": 10, "cus_c": 10} == mrr(engine, MERGED)
    other.customer("cus_b", "2025-02-12")
    derive(engine, "2025-02-13", MERGED)
    assert {"company:acme": 10, "cus_b": 10, "cus_c": 10} == mrr(engine, MERGED)
    other.customer("cus_b", "2025-02-14", company="acme")
    other.subscription("cus_b", "2025-02-14", quantity=3)
    derive(engine, "2025-02-15", MERGED)
    assert {"company:acme": 40, "cus_c": 10} == mrr(engine, MERGED)
    assert derived(engine) == rebuilt(engine, "2025-02-15", MERGED)


def test_news_of_one_part_derives_the_whole(engine: Engine, companies: tuple[Told, Told]) -> None:
    """A subscription of one of the two changes: the customer that they are has the other's MRR still."""
    derive(engine, "2025-02-01", MERGED)
    companies[1].subscription("cus_b", "2025-02-10", quantity=2)
    assert 1 == derive(engine, "2025-02-11", MERGED).objects["customers"]
    assert {"company:acme": 30, "cus_c": 10} == mrr(engine, MERGED)


def test_another_rule_names_everybody_anew(engine: Engine, companies: tuple[Told, Told]) -> None:
    """No rule, a rule, another one, and the first again: each ledger is as if there had never been another rule."""
    bases = {"none": Basis(), "company": MERGED, "group": Basis(merge_key="group")}
    companies[0].customer("cus_c", "2025-01-02", company="acme", group="g")
    companies[0].customer("cus_a", "2025-01-02", group="g")
    expected = {
        "none": {"cus_a": 10, "cus_b": 10, "cus_c": 10},
        "company": {"company:acme": 20, "cus_a": 10},
        "group": {"group:g": 20, "cus_b": 10},
    }
    for name in ("none", "company", "group", "company", "none", "group"):
        derive(engine, "2025-02-01", bases[name])
        assert (name, expected[name]) == (name, mrr(engine, bases[name]))
    companies[0].subscription("cus_c", "2025-02-02", quantity=2)
    derive(engine, "2025-02-03", bases["company"])
    assert {"company:acme": 30, "cus_a": 10} == mrr(engine, bases["company"])


def test_a_policy_new_to_the_kept_ones_hides_no_change_of_names(engine: Engine, companies: tuple[Told, Told]) -> None:
    """A customer leaves its company in the very run that derives a further policy whole: the first policy's ledger lets it go too."""
    derive(engine, "2025-02-01", MERGED)
    companies[1].customer("cus_b", "2025-02-10")
    kept = replace(STRIPE, merge_key="company")
    derive(engine, "2025-02-11", MERGED, kept=[kept])
    alone = {"company:acme": 10, "cus_b": 10, "cus_c": 10}
    assert (alone, alone) == (mrr(engine, MERGED), mrr(engine, kept))


def test_an_internal_customer_is_left_out_while_it_is_one(engine: Engine, told: Told) -> None:
    """By a value of its metadata, with its reason; when that is taken away it counts."""
    basis = Basis(internal=(InternalRule("plan", ("staff",)),))
    told.customer("cus_a", plan="staff")
    told.customer("cus_b", plan="paying")
    told.subscription("cus_a")
    told.subscription("cus_b")
    derive(engine, "2025-02-01", basis)
    assert {"cus_b": 10} == mrr(engine, basis)
    assert any('"reason": "internal"' in line and "cus_a" in line for line in derived(engine))
    told.customer("cus_a", "2025-02-10", plan="paying")
    derive(engine, "2025-02-11", basis)
    assert {"cus_a": 10, "cus_b": 10} == mrr(engine, basis)
    assert derived(engine) == rebuilt(engine, "2025-02-11", basis)
