"""Say in the database, too, which signals of what is coming there are.

Only the comment changes, which SQLite doesn't keep.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_FORMER = "discounts_ending, trials_ending, scheduled_churn, renewals"
_NAMES = f"{_FORMER}, scheduled_expansion, scheduled_contraction, planned_pauses"


def upgrade() -> None:
    """Name all of them."""
    _say(_NAMES)


def downgrade() -> None:
    """Name those of before."""
    _say(_FORMER)


def _say(names: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN signal.name IS '{names}'")
