"""The table of who was here, and the SQL statements about it."""

TABLE = """
    CREATE TABLE visits (
        expert_key TEXT NOT NULL,
        source TEXT NOT NULL,
        role TEXT NOT NULL,
        label TEXT NOT NULL,
        first_at TEXT NOT NULL,
        last_at TEXT NOT NULL,
        PRIMARY KEY (expert_key, source, role)
    ) STRICT;
    CREATE INDEX visits_by_time ON visits (last_at);
"""

NOTE = """
    INSERT INTO visits (expert_key, source, role, label, first_at, last_at)
    VALUES (:expert_key, :source, :role, :label, :moment, :moment)
    ON CONFLICT (expert_key, source, role) DO UPDATE SET
        label = excluded.label, last_at = max(last_at, excluded.last_at)
"""

LATEST = """
    SELECT label, role, source, first_at, last_at FROM visits
    ORDER BY last_at DESC, expert_key LIMIT :most
"""

LAST = "SELECT expert_key, max(last_at) AS last_at FROM visits GROUP BY expert_key"
