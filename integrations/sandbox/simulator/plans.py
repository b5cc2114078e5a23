"""What is done to a simulated subscription as a whole: schedules, trials, pauses, its end."""

from msgspec.structs import replace

from integrations.sandbox.simulator.changes import Changes, DoesNotApply
from integrations.sandbox.simulator.invoicing import (
    trial_line,
)
from integrations.sandbox.simulator.lifecycle import ACTS, ENDS, RENEWALS
from integrations.sandbox.simulator.recorder import OpenSubscription
from integrations.sandbox.simulator.records import (
    Schedule,
)


class Plans(Changes):
    """Acts on whole subscriptions. One that the state of things does not allow raises DoesNotApply."""

    def _open_schedule(
        self, sub: OpenSubscription, at: int, phases: tuple[tuple[int, str, int], ...], pause_at: int | None, resume_at: int | None
    ) -> Schedule:
        first = sub.state.items[0]
        identifier, place = self._journal.identity("sub_sched", at)
        plan = Schedule(
            identifier,
            place,
            self._journal.customer_id,
            sub.id,
            sub.currency,
            at,
            (first.price, first.quantity),
            phases,
            pause_at,
            resume_at,
        )
        self._journal.open_schedule(plan)
        self._journal.write(sub, at, "scheduled", "schedule", schedule=plan.id)
        return plan

    def _release(self, sub: OpenSubscription, at: int, plan: Schedule) -> None:
        if at >= plan.over_at and sub.state.schedule == plan.id:
            self._journal.write(sub, at, "released", "schedule", schedule=None)

    def _do_schedule_phases(self, at: int, *, key: str, phases: tuple[tuple[int, str, int], ...]) -> None:
        sub = self._sub(key, "active")
        plan = self._open_schedule(sub, at, tuple((on, self._on_sale(price, at), n) for on, price, n in phases), None, None)

        def switch(now: int, price: str, quantity: int) -> None:
            if sub.state.schedule == plan.id and sub.state.status in ("active", "past_due"):
                self._release(sub, now, plan)
                self._do_change(now, key=key, item=0, price=price, quantity=quantity, proration="none")

        for on, price, quantity in phases:
            self._later(on, ACTS, lambda now, p=price, n=quantity: self._perform(switch, now, {"price": p, "quantity": n}))  # type: ignore[misc]

    def _do_plan_pause(self, at: int, *, key: str, on: int, until: int | None) -> None:
        sub = self._sub(key, "active")
        plan = self._open_schedule(sub, at, (), on, until)

        def act(now: int, *, pauses: bool) -> None:
            if sub.state.schedule == plan.id:
                self._release(sub, now, plan)
                if pauses:
                    self._do_hold(now, key=key)
                else:
                    self._do_release(now, key=key)

        self._later(on, ACTS, lambda now: self._perform(act, now, {"pauses": True}))
        if until is not None:
            self._later(until, ACTS, lambda now: self._perform(act, now, {"pauses": False}))

    def _do_give_trial(self, at: int, *, key: str, until: int) -> None:
        sub = self._sub(key, "active")
        items = [replace(item, start=at, end=until, anchor=until, cycles=0) for item in sub.state.items]
        self._journal.write(
            sub, at, "trial", "trial", status="trialing", trial_start=at, trial_end=until, items=tuple(items), anchor=until
        )
        self._later(until, RENEWALS, lambda now: self._trial_over(sub, now))
        self._bill(sub, at, "subscription_update", [trial_line(self._catalog, item) for item in items], [], at_once=True)

    def _do_set_trial_end(self, at: int, *, key: str, trial_end: int) -> None:
        sub = self._sub(key, "trialing")
        items = tuple(replace(item, end=trial_end, anchor=trial_end) for item in sub.state.items)
        self._journal.write(sub, at, "trial_moved", "trial", trial_end=trial_end, items=items, anchor=trial_end)
        self._later(trial_end, RENEWALS, lambda now: self._trial_over(sub, now))

    def _do_label(self, at: int, *, key: str, metadata: tuple[tuple[str, str], ...]) -> None:
        sub = self._sub(key)
        self._journal.write(sub, at, "labelled", "metadata", metadata=metadata)

    def _do_put_status(self, at: int, *, key: str, status: str) -> None:
        sub = self._sub(key)
        self._journal.write(sub, at, "start" if status == "active" else "status_unknown", "status", status=status)

    def _do_vanish(self, at: int, *, key: str) -> None:
        self._sub(key).vanished_at = at

    # Pausing

    def _do_pause(self, at: int, *, key: str, behavior: str, resumes_at: int | None) -> None:
        sub = self._sub(key, "active", "past_due")
        cause = "paused" if behavior != "keep_as_draft" else "held_drafts"
        self._journal.write(sub, at, cause, "collection", pause_behavior=behavior, pause_resumes_at=resumes_at)
        if resumes_at is not None:
            self._later(resumes_at, ENDS, lambda now: self._resume_if(sub, now, resumes_at))

    def _do_resume(self, at: int, *, key: str) -> None:
        sub = self._sub(key)
        if sub.state.pause_behavior is None:
            raise DoesNotApply("not paused")
        self._resume(sub, at)

    def _do_hold(self, at: int, *, key: str) -> None:
        sub = self._sub(key, "active", "past_due")
        self._journal.write(sub, at, "paused", "hold", status="paused", held_at=at, held_type="pause_requested")
        self._journal.remark(sub, at, "paused")

    def _do_release(self, at: int, *, key: str) -> None:
        sub = self._sub(key, "paused")
        self._restart(sub, at, "subscription_update", "resumed", "hold", at_once=True, held_at=None, held_type=None)
        self._journal.remark(sub, at, "resumed")

    # Ending

    def _do_cancel(self, at: int, *, key: str, at_period_end: bool, on: int | None, feedback: str | None, reason: str) -> None:
        sub = self._sub(key)
        if not at_period_end and on is None:
            self._finish(sub, at, reason, feedback)
            return
        end = on if on is not None else min(item.end for item in sub.state.items)
        self._journal.write(
            sub,
            at,
            "cancel_asked",
            "schedule",
            cancel_at=end,
            cancel_at_period_end=at_period_end,
            canceled_at=at,
            cancel_reason="cancellation_requested",
            feedback=feedback,
        )
        self._later(end, ENDS, lambda now: self._end_if(sub, now))

    def _do_withdraw(self, at: int, *, key: str) -> None:
        sub = self._sub(key)
        if sub.state.cancel_at is None:
            raise DoesNotApply("no cancellation to withdraw")
        self._journal.write(
            sub,
            at,
            "cancel_withdrawn",
            "schedule",
            cancel_at=None,
            cancel_at_period_end=False,
            canceled_at=None,
            cancel_reason=None,
            feedback=None,
        )
