"""The tables of Feedback review: decisions of reviewers, and summaries that triggers keep.

A million verdicts are never counted when somebody looks: each insert moves a few counters. The
triggers keep them right for whoever writes the file, and `REVIEW` fills them from what was stored
before.

``verdict_order`` numbers all verdicts; ``review`` has one narrow row per current verdict, which a
page can read through a million times over; what few verdicts differ in stands once in
``review_groups``. The other tables count the same rows by day and by confidence, the cases that
more than one expert judged, and the totals of each version.
"""

REVIEW = """
    CREATE TABLE triage (
        id TEXT NOT NULL PRIMARY KEY,
        verdict_id TEXT NOT NULL REFERENCES verdicts (id),
        state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'fixed', 'declined')),
        note TEXT NOT NULL,
        decided_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX triage_by_verdict ON triage (verdict_id);
    CREATE TRIGGER triage_never_changes BEFORE UPDATE ON triage
    BEGIN
        SELECT RAISE(ABORT, 'triage is append-only: add another decision');
    END;
    CREATE TRIGGER triage_stays BEFORE DELETE ON triage
    BEGIN
        SELECT RAISE(ABORT, 'triage is append-only: add another decision');
    END;

    CREATE TABLE adjudications (
        id TEXT NOT NULL PRIMARY KEY,
        prediction_id TEXT NOT NULL REFERENCES predictions (id),
        answer TEXT NOT NULL CHECK (json_valid(answer)),
        reason TEXT NOT NULL,
        decided_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX adjudications_by_prediction ON adjudications (prediction_id);
    CREATE TRIGGER adjudications_never_change BEFORE UPDATE ON adjudications
    BEGIN
        SELECT RAISE(ABORT, 'adjudications are append-only: add another one');
    END;
    CREATE TRIGGER adjudications_stay BEFORE DELETE ON adjudications
    BEGIN
        SELECT RAISE(ABORT, 'adjudications are append-only: add another one');
    END;

    CREATE TABLE events (
        id TEXT NOT NULL PRIMARY KEY,
        what TEXT NOT NULL,
        who TEXT NOT NULL,
        details TEXT NOT NULL CHECK (json_valid(details)),
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_kind ON events (what);
    CREATE TRIGGER events_never_change BEFORE UPDATE ON events
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: add another one');
    END;
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN
        SELECT RAISE(ABORT, 'events are append-only: add another one');
    END;

    -- A number of its own: VACUUM may give a row without one another rowid.
    CREATE TABLE verdict_order (
        number INTEGER PRIMARY KEY,
        verdict_id TEXT NOT NULL UNIQUE REFERENCES verdicts (id)
    ) STRICT;
    CREATE TABLE review_batches (
        number INTEGER PRIMARY KEY,
        batch_id TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE review_groups (
        id INTEGER PRIMARY KEY,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        source TEXT NOT NULL,
        expert TEXT NOT NULL,
        judgement TEXT NOT NULL,
        severity TEXT NOT NULL,
        mode TEXT NOT NULL,
        value TEXT NOT NULL,
        answer TEXT NOT NULL,
        corrected INTEGER NOT NULL,
        adjudicated INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        triage TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        -- All of the above in one text: compared at once, where an index on them takes its time.
        key TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE review (
        number INTEGER PRIMARY KEY,
        group_id INTEGER NOT NULL,
        batch INTEGER,
        day TEXT NOT NULL,
        confidence REAL
    ) STRICT;
    CREATE TABLE review_days (
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        day TEXT NOT NULL,
        judgement TEXT NOT NULL,
        outcome TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        PRIMARY KEY (model, version, day, judgement, outcome)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE review_confidence (
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        percent INTEGER NOT NULL,
        judgement TEXT NOT NULL,
        outcome TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        PRIMARY KEY (model, version, percent, judgement, outcome)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE review_cases (
        prediction_id TEXT NOT NULL PRIMARY KEY,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        conflict INTEGER NOT NULL,
        adjudicated INTEGER NOT NULL,
        last_at TEXT NOT NULL,
        answers TEXT NOT NULL
    ) STRICT;
    CREATE INDEX review_cases_by_time ON review_cases (last_at);
    CREATE INDEX review_conflicts ON review_cases (conflict, adjudicated, last_at) WHERE conflict;
    CREATE TABLE review_totals (
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        predictions INTEGER NOT NULL,
        shared INTEGER NOT NULL,
        repeated INTEGER NOT NULL,
        conflicts INTEGER NOT NULL,
        undecided INTEGER NOT NULL,
        PRIMARY KEY (model, version)
    ) STRICT, WITHOUT ROWID;
    CREATE VIEW numbered_comments AS
    SELECT number, comment FROM verdict_order JOIN verdicts ON verdicts.id = verdict_id
    WHERE comment <> '';
    -- Every comment that was ever given: what was replaced is not among the rows of review.
    CREATE VIRTUAL TABLE review_search USING fts5 (
        comment, content = numbered_comments, content_rowid = number, columnsize = 0,
        tokenize = "unicode61 remove_diacritics 2"
    );

    -- What counts of each prediction: the answer of the last adjudication, if there was one.
    CREATE VIEW final_answers AS
    SELECT prediction_id, answer FROM adjudications AS adjudication
    WHERE NOT EXISTS (
        SELECT 1 FROM adjudications AS later
        WHERE later.prediction_id = adjudication.prediction_id AND later.rowid > adjudication.rowid
    );

    -- A class is whatever is no fraction: the answers of a regression differ from case to case.
    CREATE VIEW verdict_parts AS
    SELECT
        verdict.id AS verdict_id, model, version, source, expert, judgement,
        coalesce(severity, '') AS severity, mode, value, correct_value,
        value IS NOT NULL AND (probabilities IS NOT NULL OR json_type(value) <> 'real')
            AS is_class,
        CASE judgement WHEN 'agree' THEN value WHEN 'disagree' THEN correct_value END AS said,
        final.answer AS final,
        coalesce(
            (
                SELECT state FROM triage WHERE triage.verdict_id = verdict.id
                ORDER BY triage.rowid DESC LIMIT 1
            ),
            CASE judgement WHEN 'disagree' THEN 'open' ELSE '' END
        ) AS triage,
        batch_id, substr(verdict.created_at, 1, 10) AS day, confidence
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    LEFT JOIN final_answers AS final ON final.prediction_id = prediction.id;

    CREATE VIEW verdict_outcomes AS
    SELECT
        verdict_id, model, version, source, expert, judgement, severity, mode,
        CASE WHEN is_class THEN value ELSE '' END AS value,
        CASE WHEN is_class THEN coalesce(final, said, '') ELSE '' END AS answer,
        correct_value IS NOT NULL AS corrected,
        final IS NOT NULL AS adjudicated,
        CASE
            WHEN final IS NULL THEN
                CASE judgement
                    WHEN 'agree' THEN 'right' WHEN 'disagree' THEN 'wrong' ELSE 'unsure'
                END
            WHEN final = value THEN 'right'
            WHEN json_type(final) IN ('integer', 'real')
                AND json_type(value) IN ('integer', 'real')
                AND json_extract(final, '$') = json_extract(value, '$') THEN 'right'
            ELSE 'wrong'
        END AS outcome,
        triage, batch_id, day, confidence
    FROM verdict_parts;

    CREATE VIEW verdict_facts AS
    SELECT
        *,
        json_array(
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage
        ) AS key
    FROM verdict_outcomes;

    CREATE VIEW review_rows AS
    SELECT
        fact.verdict_id, ordered.number, found.id AS group_id, batch.number AS batch, fact.day,
        fact.confidence
    FROM verdict_facts AS fact
    JOIN verdict_order AS ordered ON ordered.verdict_id = fact.verdict_id
    JOIN review_groups AS found ON found.key = fact.key
    LEFT JOIN review_batches AS batch ON batch.batch_id = fact.batch_id;

    -- Experts contradict each other when they name two answers, when one takes the model's and one
    -- does not, and when both say no more than a direction, and not the same.
    CREATE VIEW shared_cases AS
    SELECT
        prediction_id, model, version, count(*) AS verdicts,
        coalesce(sum(judgement = 'agree') > 0 AND sum(judgement = 'disagree') > 0, 0)
            OR count(DISTINCT CASE
                WHEN json_type(correct_value) IN ('integer', 'real')
                THEN CAST(json_extract(correct_value, '$') AS REAL) ELSE correct_value
            END) > 1
            OR count(DISTINCT CASE WHEN correct_value IS NULL THEN direction END) > 1 AS conflict,
        EXISTS (SELECT 1 FROM adjudications WHERE adjudications.prediction_id = prediction.id)
            AS adjudicated,
        max(verdict.created_at) AS last_at,
        json_group_array(json_array(
            expert, judgement,
            json(CASE judgement WHEN 'agree' THEN value WHEN 'disagree' THEN correct_value END)
        )) AS answers
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    GROUP BY prediction_id HAVING count(*) > 1;

    INSERT INTO verdict_order (verdict_id) SELECT id FROM verdicts ORDER BY rowid;
    INSERT INTO review_batches (batch_id)
        SELECT DISTINCT batch_id FROM predictions WHERE batch_id IS NOT NULL;
    INSERT INTO review_groups (
        model, version, source, expert, judgement, severity, mode, value, answer, corrected,
        adjudicated, outcome, triage, verdicts, key
    )
    SELECT
        model, version, source, expert, judgement, severity, mode, value, answer, corrected,
        adjudicated, outcome, triage, count(*), key
    FROM verdict_facts GROUP BY key;
    INSERT INTO review (number, group_id, batch, day, confidence)
        SELECT number, group_id, batch, day, confidence FROM review_rows ORDER BY number;
    INSERT INTO review_days (model, version, day, judgement, outcome, verdicts)
        SELECT model, version, day, judgement, outcome, count(*)
        FROM review JOIN review_groups ON review_groups.id = group_id GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO review_confidence (model, version, percent, judgement, outcome, verdicts)
        SELECT
            model, version, CAST(confidence * 100 + 1e-9 AS INTEGER), judgement, outcome, count(*)
        FROM review JOIN review_groups ON review_groups.id = group_id
        WHERE confidence IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO review_totals (
        model, version, predictions, shared, repeated, conflicts, undecided
    )
    SELECT model, version, count(*), 0, 0, 0, 0 FROM predictions GROUP BY model, version;
    INSERT INTO review_search (rowid, comment)
        SELECT number, comment FROM numbered_comments ORDER BY number;

    CREATE TRIGGER review_counts_cases AFTER INSERT ON review_cases
    BEGIN
        UPDATE review_totals SET
            shared = shared + 1, repeated = repeated + new.verdicts - 1,
            conflicts = conflicts + new.conflict,
            undecided = undecided + (new.conflict AND NOT new.adjudicated)
        WHERE model = new.model AND version = new.version;
    END;
    CREATE TRIGGER review_discounts_cases AFTER DELETE ON review_cases
    BEGIN
        UPDATE review_totals SET
            shared = shared - 1, repeated = repeated - (old.verdicts - 1),
            conflicts = conflicts - old.conflict,
            undecided = undecided - (old.conflict AND NOT old.adjudicated)
        WHERE model = old.model AND version = old.version;
    END;
    INSERT INTO review_cases SELECT * FROM shared_cases;

    CREATE TRIGGER review_counts_predictions AFTER INSERT ON predictions
    BEGIN
        INSERT INTO review_totals (
            model, version, predictions, shared, repeated, conflicts, undecided
        ) VALUES (new.model, new.version, 1, 0, 0, 0, 0)
        ON CONFLICT (model, version) DO UPDATE SET predictions = predictions + 1;
    END;
    CREATE TRIGGER review_discounts_predictions AFTER DELETE ON predictions
    BEGIN
        UPDATE review_totals SET predictions = predictions - 1
        WHERE model = old.model AND version = old.version;
    END;

    CREATE TRIGGER review_counts AFTER INSERT ON review
    BEGIN
        UPDATE review_groups SET verdicts = verdicts + 1 WHERE id = new.group_id;
        INSERT INTO review_days (model, version, day, judgement, outcome, verdicts)
            SELECT model, version, new.day, judgement, outcome, 1 FROM review_groups
            WHERE id = new.group_id
            ON CONFLICT (model, version, day, judgement, outcome)
            DO UPDATE SET verdicts = verdicts + 1;
        INSERT INTO review_confidence (model, version, percent, judgement, outcome, verdicts)
            SELECT
                model, version, CAST(new.confidence * 100 + 1e-9 AS INTEGER), judgement, outcome, 1
            FROM review_groups WHERE id = new.group_id AND new.confidence IS NOT NULL
            ON CONFLICT (model, version, percent, judgement, outcome)
            DO UPDATE SET verdicts = verdicts + 1;
    END;
    CREATE TRIGGER review_discounts AFTER DELETE ON review
    BEGIN
        UPDATE review_groups SET verdicts = verdicts - 1 WHERE id = old.group_id;
        UPDATE review_days SET verdicts = verdicts - 1
        WHERE day = old.day AND (model, version, judgement, outcome) = (
            SELECT model, version, judgement, outcome FROM review_groups WHERE id = old.group_id
        );
        UPDATE review_confidence SET verdicts = verdicts - 1
        WHERE percent = CAST(old.confidence * 100 + 1e-9 AS INTEGER)
            AND (model, version, judgement, outcome) = (
                SELECT model, version, judgement, outcome FROM review_groups
                WHERE id = old.group_id
            );
    END;

    CREATE TRIGGER review_follows_verdicts AFTER INSERT ON verdicts
    BEGIN
        INSERT INTO verdict_order (verdict_id) VALUES (new.id);
        INSERT INTO review_search (rowid, comment)
            SELECT number, new.comment FROM verdict_order
            WHERE verdict_id = new.id AND new.comment <> '';
        INSERT INTO review_batches (batch_id)
            SELECT batch_id FROM predictions
            WHERE id = new.prediction_id AND batch_id IS NOT NULL
            ON CONFLICT (batch_id) DO NOTHING;
        DELETE FROM review WHERE number = (
            SELECT number FROM verdict_order WHERE verdict_id = new.supersedes
        );
        INSERT INTO review_groups (
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, verdicts, key
        )
        SELECT
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, 0, key
        FROM verdict_facts WHERE verdict_id = new.id
        ON CONFLICT (key) DO NOTHING;
        INSERT INTO review (number, group_id, batch, day, confidence)
            SELECT number, group_id, batch, day, confidence FROM review_rows
            WHERE verdict_id = new.id;
    END;
    CREATE TRIGGER review_follows_shared_cases AFTER INSERT ON verdicts
    WHEN EXISTS (
        SELECT 1 FROM verdicts WHERE prediction_id = new.prediction_id AND id <> new.id
    )
    BEGIN
        DELETE FROM review_cases WHERE prediction_id = new.prediction_id;
        INSERT INTO review_cases
            SELECT * FROM shared_cases WHERE prediction_id = new.prediction_id;
    END;

    CREATE TRIGGER review_follows_triage AFTER INSERT ON triage
    BEGIN
        DELETE FROM review WHERE number = (
            SELECT number FROM verdict_order WHERE verdict_id = new.verdict_id
        );
        INSERT INTO review_groups (
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, verdicts, key
        )
        SELECT
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, 0, key
        FROM verdict_facts WHERE verdict_id = new.verdict_id
        ON CONFLICT (key) DO NOTHING;
        INSERT INTO review (number, group_id, batch, day, confidence)
            SELECT number, group_id, batch, day, confidence FROM review_rows
            WHERE verdict_id = new.verdict_id;
    END;
    CREATE TRIGGER review_follows_adjudications AFTER INSERT ON adjudications
    BEGIN
        DELETE FROM review WHERE number IN (
            SELECT number FROM verdict_order WHERE verdict_id IN (
                SELECT id FROM verdicts WHERE prediction_id = new.prediction_id
            )
        );
        INSERT INTO review_groups (
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, verdicts, key
        )
        SELECT
            model, version, source, expert, judgement, severity, mode, value, answer, corrected,
            adjudicated, outcome, triage, 0, key
        FROM verdict_facts WHERE verdict_id IN (
            SELECT id FROM verdicts WHERE prediction_id = new.prediction_id
        )
        ON CONFLICT (key) DO NOTHING;
        INSERT INTO review (number, group_id, batch, day, confidence)
            SELECT number, group_id, batch, day, confidence FROM review_rows WHERE verdict_id IN (
                SELECT id FROM verdicts WHERE prediction_id = new.prediction_id
            );
        DELETE FROM review_cases WHERE prediction_id = new.prediction_id;
        INSERT INTO review_cases
            SELECT * FROM shared_cases WHERE prediction_id = new.prediction_id;
    END;
"""
