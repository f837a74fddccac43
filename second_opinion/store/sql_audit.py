"""What is on record of who did what: events, and how many predictions were asked for, by hour."""

PREDICTION_HOURS = """
    CREATE TABLE prediction_hours (
        hour TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        source TEXT NOT NULL,
        predictions INTEGER NOT NULL,
        latency_ms REAL NOT NULL,
        slowest_ms REAL NOT NULL,
        last_at TEXT NOT NULL,
        PRIMARY KEY (hour, asked_by, model, version, source)
    ) STRICT;
    INSERT INTO prediction_hours
    SELECT
        substr(created_at, 1, 13), asked_by, model, version, source, count(*), sum(latency_ms),
        max(latency_ms), max(created_at)
    FROM predictions
    GROUP BY substr(created_at, 1, 13), asked_by, model, version, source;

    CREATE TRIGGER prediction_hours_count AFTER INSERT ON predictions
    BEGIN
        INSERT INTO prediction_hours VALUES (
            substr(new.created_at, 1, 13), new.asked_by, new.model, new.version, new.source, 1,
            new.latency_ms, new.latency_ms, new.created_at
        )
        ON CONFLICT (hour, asked_by, model, version, source) DO UPDATE SET
            predictions = predictions + 1,
            latency_ms = latency_ms + excluded.latency_ms,
            slowest_ms = max(slowest_ms, excluded.slowest_ms),
            last_at = max(last_at, excluded.last_at);
    END;

    CREATE INDEX events_by_time ON events (created_at);
    CREATE INDEX events_by_person ON events (who);
"""

REFUSALS_SINCE = """
    SELECT count(*) FROM events
    WHERE what = :what AND created_at >= :since
        AND (what <> 'sign-in' OR json_extract(details, '$.refused') IS NOT NULL)
"""

LAST_SIGN_IN = """
    SELECT json_extract(details, '$.refused') FROM events
    WHERE what = 'sign-in' AND who = :who ORDER BY rowid DESC LIMIT 1
"""

ADD_EVENT = """
    INSERT INTO events (id, what, who, details, created_at)
    VALUES (:id, :what, :who, :details, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

# Whether an event is about no model that is hidden: by the model it names, alone or with a version,
# or by that of its plan, batch, prediction, verdict or personal link.
_NOT_HIDDEN = """
    (
        :hidden = '[]' OR NOT EXISTS (
            SELECT 1 FROM (
                SELECT json_extract(details, '$.model') AS model
                UNION ALL
                SELECT json_extract(details, '$.filter.model')
                UNION ALL
                SELECT model FROM plans WHERE id = json_extract(details, '$.plan')
                UNION ALL
                SELECT model FROM batches WHERE id IN (
                    json_extract(details, '$.batch'), json_extract(details, '$.filter.batch')
                )
                UNION ALL
                SELECT model FROM predictions WHERE id IN (
                    json_extract(details, '$.prediction'),
                    (
                        SELECT prediction_id FROM verdicts
                        WHERE id = json_extract(details, '$.verdict')
                    )
                )
                UNION ALL
                -- Who came by a link is on record whatever it opens.
                SELECT coalesce(model, (SELECT model FROM plans WHERE plans.id = plan_id))
                FROM invitations
                WHERE what = 'invitation' AND id = json_extract(details, '$.invitation')
            )
            WHERE substr(model, 1, instr(replace(model, '@', '/') || '/', '/') - 1)
                IN (SELECT value FROM json_each(:hidden))
        )
    )
"""

EVENTS = (
    """
    SELECT * FROM events WHERE (:what IS NULL OR what = :what) AND """
    + _NOT_HIDDEN
    + "ORDER BY rowid DESC LIMIT :most"
)

# Predictions are their own record: here is how many of them, in the place of their last.
_ENTRIES = (
    """
    FROM (
        SELECT id, what, who, details, created_at FROM events
        WHERE created_at >= :since AND (:until = '' OR created_at < :until)
        UNION ALL
        SELECT
            'predictions-' || rowid, 'predictions', asked_by,
            json_object(
                'model', model, 'version', version, 'source', source, 'predictions', predictions,
                'latency_ms', round(latency_ms / predictions, 1),
                'slowest_ms', round(slowest_ms, 1)
            ),
            last_at
        FROM prediction_hours
        WHERE last_at >= :since AND (:until = '' OR last_at < :until)
    )
    WHERE (:kinds IS NULL OR what IN (SELECT value FROM json_each(:kinds)))
        AND (:people IS NULL OR who IN (SELECT value FROM json_each(:people)))
        AND """
    + _NOT_HIDDEN
)

ENTRIES = "SELECT *" + _ENTRIES + "ORDER BY created_at DESC, id DESC LIMIT :size OFFSET :start"

COUNT_ENTRIES = "SELECT count(*)" + _ENTRIES

_OF_NO_HIDDEN = "model NOT IN (SELECT value FROM json_each(:hidden))"

KINDS = (
    "SELECT what FROM events WHERE "
    + _NOT_HIDDEN
    + "UNION SELECT 'predictions' WHERE EXISTS (SELECT 1 FROM prediction_hours WHERE "
    + _OF_NO_HIDDEN
    + ") ORDER BY 1"
)

PEOPLE = (
    "SELECT who FROM events WHERE "
    + _NOT_HIDDEN
    + "UNION SELECT asked_by FROM prediction_hours WHERE "
    + _OF_NO_HIDDEN
)
