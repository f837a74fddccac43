"""What is kept how long: the rules, what each removal took, and the SQL that removes.

Verdicts and what they rest on are never among it: an event goes only below a removal that is on
record, and a prediction only where nobody has judged it and no plan has drawn it. That a file was
taken away stays: it decides which version may be tested on the answers that were in it; and that
one was tested, since the chance to err is shared by all that were.
"""

RULES_AND_REMOVALS = """
    CREATE TABLE retention_rules (
        id TEXT NOT NULL PRIMARY KEY,
        what TEXT NOT NULL CHECK (what IN ('events', 'predictions')),
        days INTEGER CHECK (days >= 30),
        set_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER retention_rules_never_change BEFORE UPDATE ON retention_rules
    BEGIN
        SELECT RAISE(ABORT, 'a rule stays known: set another one');
    END;
    CREATE TRIGGER retention_rules_stay BEFORE DELETE ON retention_rules
    BEGIN
        SELECT RAISE(ABORT, 'a rule stays known: set another one');
    END;

    CREATE TABLE removals (
        id TEXT NOT NULL PRIMARY KEY,
        what TEXT NOT NULL CHECK (what IN ('events', 'predictions')),
        before TEXT NOT NULL,
        rows INTEGER NOT NULL,
        removed_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER removals_never_change BEFORE UPDATE ON removals
    BEGIN
        SELECT RAISE(ABORT, 'what was removed stays known');
    END;
    CREATE TRIGGER removals_stay BEFORE DELETE ON removals
    BEGIN
        SELECT RAISE(ABORT, 'what was removed stays known');
    END;

    DROP TRIGGER events_stay;
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    WHEN NOT EXISTS (
        SELECT 1 FROM removals WHERE what = 'events' AND before > OLD.created_at
    )
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: add another one');
    END;
    CREATE TRIGGER predictions_stay BEFORE DELETE ON predictions
    WHEN EXISTS (SELECT 1 FROM verdicts WHERE prediction_id = OLD.id)
        OR EXISTS (SELECT 1 FROM draws WHERE prediction_id = OLD.id)
        OR EXISTS (SELECT 1 FROM adjudications WHERE prediction_id = OLD.id)
        OR NOT EXISTS (
            SELECT 1 FROM removals WHERE what = 'predictions' AND before > OLD.created_at
        )
    BEGIN
        SELECT RAISE(ABORT, 'predictions stay: this one is judged, drawn or not over its time');
    END;
"""

ADD_RULE = """
    INSERT INTO retention_rules (id, what, days, set_by, created_at)
    VALUES (:id, :what, :days, :set_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

RULES = "SELECT * FROM retention_rules ORDER BY rowid"

ADD_REMOVAL = """
    INSERT INTO removals (id, what, before, rows, removed_by, created_at)
    VALUES (:id, :what, :before, :rows, :removed_by, :created_at)
"""

LAST_REMOVAL = "SELECT max(created_at) FROM removals WHERE what = :what"

# That the owner was told something stays, or it would be told again; that answers were taken away,
# or a version that learned from them would be tested on them; and that one was tested on them.
_OLD_EVENTS = """
    FROM events WHERE created_at < :before
        AND what NOT IN ('announcement', 'export', 'backup', 'old answers')
"""
COUNT_EVENTS = "SELECT count(*)" + _OLD_EVENTS
REMOVE_EVENTS = "DELETE" + _OLD_EVENTS

_OLD_PREDICTIONS = """
    FROM predictions WHERE created_at < :before
        AND NOT EXISTS (SELECT 1 FROM verdicts WHERE prediction_id = predictions.id)
        AND NOT EXISTS (SELECT 1 FROM draws WHERE draws.prediction_id = predictions.id)
        AND NOT EXISTS (SELECT 1 FROM adjudications WHERE prediction_id = predictions.id)
"""
COUNT_PREDICTIONS = "SELECT count(*)" + _OLD_PREDICTIONS
REMOVE_PREDICTIONS = "DELETE" + _OLD_PREDICTIONS

REMOVE_VISITS = "DELETE FROM visits WHERE last_at < :before"

# Of each kind: rows, about how many bytes, and the oldest. Inputs are weighed by the newest rows.
HOLDINGS = """
    SELECT 'verdicts' AS what, (SELECT count(*) FROM verdicts) AS rows,
        (SELECT coalesce(avg(length(comment)), 0) + 300 FROM (
            SELECT comment FROM verdicts ORDER BY rowid DESC LIMIT 200
        )) AS row_bytes,
        (SELECT min(created_at) FROM verdicts) AS oldest
    UNION ALL
    SELECT 'predictions', (SELECT count(*) FROM predictions),
        (SELECT coalesce(avg(length(inputs)), 0) + 450 FROM (
            SELECT inputs FROM predictions ORDER BY rowid DESC LIMIT 200
        )),
        (SELECT created_at FROM predictions ORDER BY rowid LIMIT 1)
    UNION ALL
    SELECT 'batches', count(*),
        coalesce((
            SELECT sum(length(text) + coalesce(length(scored), 0)) FROM batch_chunks
        ), 0) / max(count(*), 1),
        min(created_at)
    FROM batches
    UNION ALL
    SELECT 'pictures', count(*), coalesce(avg(length(content)), 0), min(created_at)
    FROM case_pictures
    UNION ALL
    SELECT 'events', (SELECT count(*) FROM events),
        (SELECT coalesce(avg(length(details)), 0) + 150 FROM (
            SELECT details FROM events ORDER BY rowid DESC LIMIT 200
        )),
        (SELECT min(created_at) FROM events)
"""
