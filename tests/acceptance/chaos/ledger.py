"""The hub's own account at the end, out of Postgres.

A trigger that the suite installs writes down each change of a command's status in the transaction
that makes it: the ledger itself keeps only where a command stands.
"""

from typing import Any, Final

import asyncpg

from tests.acceptance.chaos.history import AuditEntry, Ledger, Row, Step

WATCH: Final = """
CREATE TABLE chaos_step (n bigserial PRIMARY KEY, command text, before text, after text);
CREATE FUNCTION chaos_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_step (command, before, after)
    VALUES (NEW.command_id, CASE TG_OP WHEN 'UPDATE' THEN OLD.status::text END, NEW.status::text);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_made AFTER INSERT ON command FOR EACH ROW EXECUTE FUNCTION chaos_step();
CREATE TRIGGER chaos_moved AFTER UPDATE ON command FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION chaos_step();
"""
ROWS: Final = """
SELECT command_id, device_id, seq, type, status::text, error ->> 'code' AS error,
       sent_at IS NOT NULL AS was_sent,
       (data ->> 'generation')::int AS generation, (data ->> 'at')::float AS at
FROM command
"""
AUDIT_ENTRIES: Final = """
SELECT action,
       coalesce(detail ->> 'commandId', detail ->> 'name', '') AS subject,
       coalesce((detail ->> 'joined')::bool, false) AS joined
FROM audit_log WHERE (action LIKE 'command.%' OR action = 'group.create') AND outcome = 'ok'
"""
STORED: Final = "SELECT device_id, boot_id, seq FROM event WHERE boot_id IS NOT NULL"
STEPS: Final = "SELECT command, before, after FROM chaos_step ORDER BY n"
UNFINISHED: Final = "SELECT count(*) FROM command WHERE finished_at IS NULL"


async def watch(owner_url: str) -> None:
    """Before the first command. The hub could not make a table."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(WATCH)
    finally:
        await connection.close()


async def unfinished(owner_url: str) -> int:
    connection = await asyncpg.connect(owner_url)
    try:
        return int(await connection.fetchval(UNFINISHED))
    finally:
        await connection.close()


async def take(owner_url: str) -> Ledger:
    connection = await asyncpg.connect(owner_url)
    try:
        return Ledger(
            rows=[_row(dict(row)) for row in await connection.fetch(ROWS)],
            steps=[Step(**dict(row)) for row in await connection.fetch(STEPS)],
            stored=[(r[0], r[1], r[2]) for r in await connection.fetch(STORED)],
            entries=[AuditEntry(**dict(row)) for row in await connection.fetch(AUDIT_ENTRIES)],
        )
    finally:
        await connection.close()


def _row(found: dict[str, Any]) -> Row:
    said = None if found["generation"] is None else (found["generation"], found["at"])
    return Row(
        command=found["command_id"], device=found["device_id"], seq=found["seq"],
        type=found["type"], status=found["status"], error=found["error"],
        was_sent=found["was_sent"], said=said,
    )  # fmt: skip
