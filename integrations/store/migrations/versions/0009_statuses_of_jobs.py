"""Statuses that a job can have, and no other: `failed` was let through, and no job ever was."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATUSES = "status IN ('due', 'leased', 'done', 'quarantined', 'canceled')"


def upgrade() -> None:
    bind = op.get_bind()
    # No release has written it; whoever did by hand meant that somebody has to look.
    op.execute("UPDATE job SET status = 'quarantined' WHERE status = 'failed'")
    if bind.dialect.name == "sqlite":
        _made_anew(bind)
        return
    op.drop_constraint(op.f("ck_job_status"), "job", type_="check")
    op.create_check_constraint(op.f("ck_job_status"), "job", STATUSES)
    op.execute("COMMENT ON COLUMN job.status IS 'due, leased, done, quarantined, canceled'")


def _made_anew(bind: sa.Connection) -> None:
    """SQLite changes no constraint of a table: the table is written anew as its own statement has it, with its indexes and its numbers."""
    about = "FROM sqlite_master WHERE tbl_name = 'job' AND sql IS NOT NULL"
    made = bind.exec_driver_sql(f"SELECT sql {about} AND type = 'table'").scalar_one()
    indexes = list(bind.exec_driver_sql(f"SELECT sql {about} AND type = 'index'").scalars())
    last = bind.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'job'").scalar_one_or_none()
    renamed = re.sub(r'^CREATE TABLE "?job"?', "CREATE TABLE job_anew", made)
    changed = re.sub(r"status IN \([^)]*\)", STATUSES, renamed)
    bind.exec_driver_sql(changed)
    bind.exec_driver_sql("INSERT INTO job_anew SELECT * FROM job")
    bind.exec_driver_sql("DROP TABLE job")
    bind.exec_driver_sql("ALTER TABLE job_anew RENAME TO job")
    for index in indexes:
        bind.exec_driver_sql(index)
    if last is not None:
        # A number is not given out again when its row is gone.
        bind.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'job'")
        bind.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('job', ?)", (last,))
