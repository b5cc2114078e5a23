"""Credit notes as the sandbox answers them: Stripe's by its own description, with their lines paged and their events told."""

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from tests.integrations.sandbox.answers.test_openapi import VERSION, faults_of
from tests.integrations.sandbox.asking import every, get


def test_credit_notes_are_stripes() -> None:
    """By the description of the API, lines too; what is voided later is void from then on, and an event says each."""
    script = (
        Script()
        .subscribe("2025-01-05", "price_team_monthly", 3, coupons=("PARTNER20",))
        .credit("2025-01-20", 50)
        .charge("2025-02-01", *range(1_000, 13_000, 1_000))
        .credit("2025-02-03", 100, void_at="2025-02-10")
    )
    business = Business(customers=0, months=3, start=1_735_689_600, scripts=(script,), api_version=VERSION)
    with Sandbox(business, now="2025-02-05T00:00:00Z") as sandbox:
        notes = list(every(sandbox, "/v1/credit_notes", version=VERSION))
        for note in notes:
            assert [] == list(faults_of("credit_note", note))
            assert get(sandbox, f"/v1/credit_notes/{note['id']}", version=VERSION) == note
        assert [("issued", 10, True), ("issued", 1, False)] == [
            (n["status"], len(n["lines"]["data"]), n["lines"]["has_more"]) for n in notes
        ]
        lines = list(every(sandbox, f"/v1/credit_notes/{notes[0]['id']}/lines", version=VERSION))
        assert (12, []) == (len(lines), [fault for each in lines for fault in faults_of("credit_note_line_item", each)])
        sandbox.set_now("2025-02-12T00:00:00Z")
        assert ["void", "issued"] == [n["status"] for n in every(sandbox, "/v1/credit_notes", version=VERSION)]
        kinds = [e["type"] for e in every(sandbox, "/v1/events", [("type", "credit_note.*")], version=VERSION)]
        assert ["credit_note.voided", "credit_note.created", "credit_note.created"] == kinds
