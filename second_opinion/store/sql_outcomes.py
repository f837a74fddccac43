"""What verdicts and final answers say stands in their rows: the statements of the step that did it.

`second_opinion.verdicts` works it out when a row comes in, and filled in the old ones; what follows
here only counts. ``case_id`` is the same for all predictions of one case.
"""

CARDS = """
    CREATE TABLE cards (
        sha256 TEXT NOT NULL PRIMARY KEY,
        answer TEXT NOT NULL CHECK (answer IN ('class', 'number', 'probability')),
        tolerance REAL
    ) STRICT;
    CREATE TRIGGER cards_never_change BEFORE UPDATE ON cards
    BEGIN
        SELECT RAISE(ABORT, 'cards never change: an edited one has another hash');
    END;
    CREATE TRIGGER cards_stay BEFORE DELETE ON cards
    BEGIN
        SELECT RAISE(ABORT, 'cards stay: predictions were made under them');
    END;
"""
ADD_CARD = """
    INSERT INTO cards (sha256, answer, tolerance) VALUES (:sha256, :answer, :tolerance)
    ON CONFLICT (sha256) DO NOTHING
"""
CARD = "SELECT answer, tolerance FROM cards WHERE sha256 = :sha256"
CARDS_OF_PREDICTIONS = "SELECT DISTINCT card_sha256, model, version FROM predictions"

DROP_OLD = """
    DROP TRIGGER verdicts_never_change;
    DROP TRIGGER adjudications_never_change;
    DROP TRIGGER review_follows_verdicts;
    DROP TRIGGER review_follows_shared_cases;
    DROP TRIGGER review_follows_triage;
    DROP TRIGGER review_follows_adjudications;
    DROP TRIGGER review_counts_anew;
    DROP TRIGGER review_compares_anew;
    DROP TRIGGER review_counts_cases;
    DROP TRIGGER review_discounts_cases;
    DROP TRIGGER review_counts;
    DROP TRIGGER review_discounts;
    DROP VIEW verdicts_to_count;
    DROP VIEW cases_to_compare;
    DROP VIEW review_rows;
    DROP VIEW verdict_facts;
    DROP VIEW verdict_outcomes;
    DROP VIEW verdict_parts;
    DROP VIEW shared_cases;
    DROP VIEW final_answers;
    DROP TABLE review_cases;
    DROP TABLE review;
    DROP TABLE review_groups;
    DROP TABLE review_days;
    DROP TABLE review_confidence;
"""

COLUMNS = """
    ALTER TABLE verdicts ADD COLUMN case_id INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE verdicts ADD COLUMN outcome TEXT NOT NULL DEFAULT 'unsure'
        CHECK (outcome IN ('right', 'wrong', 'unsure'));
    ALTER TABLE verdicts ADD COLUMN answer TEXT CHECK (answer IS NULL OR json_valid(answer));
    ALTER TABLE verdicts ADD COLUMN tolerance REAL;
    ALTER TABLE adjudications ADD COLUMN direction TEXT
        CHECK (direction IN ('about_right', 'too_high', 'too_low'));
    ALTER TABLE adjudications ADD COLUMN case_id INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE adjudications ADD COLUMN outcome TEXT NOT NULL DEFAULT 'unsure'
        CHECK (outcome IN ('right', 'wrong', 'unsure'));
"""
VERDICTS_AFTER = """
    SELECT verdicts.rowid AS place, * FROM verdicts WHERE rowid > :place ORDER BY rowid LIMIT :size
"""
ADJUDICATIONS_AFTER = """
    SELECT adjudications.rowid AS place, * FROM adjudications
    WHERE rowid > :place ORDER BY rowid LIMIT :size
"""
FILL_VERDICT = """
    UPDATE verdicts
    SET case_id = :case_id, outcome = :outcome, answer = :answer, tolerance = :tolerance
    WHERE rowid = :place
"""
FILL_ADJUDICATION = """
    UPDATE adjudications SET case_id = :case_id, outcome = :outcome WHERE rowid = :place
"""
PREDICTIONS_WITH_IDS = """
    SELECT * FROM predictions WHERE id IN (SELECT value FROM json_each(:ids))
"""

RULES = """
    CREATE INDEX verdicts_by_case ON verdicts (case_id);
    CREATE INDEX adjudications_by_case ON adjudications (case_id);
    CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON verdicts
    BEGIN
        SELECT RAISE(ABORT, 'verdicts are append-only: add one that supersedes this one');
    END;
    CREATE TRIGGER adjudications_never_change BEFORE UPDATE ON adjudications
    BEGIN
        SELECT RAISE(ABORT, 'adjudications are append-only: add another one');
    END;
"""

VIEWS = """
    -- What counts of each case: its last final answer, if there is one. JSON null where that names
    -- no answer.
    CREATE VIEW final_answers AS
    SELECT case_id, prediction_id, answer, direction, outcome FROM adjudications AS adjudication
    WHERE NOT EXISTS (
        SELECT 1 FROM adjudications AS later
        WHERE later.case_id = adjudication.case_id AND later.rowid > adjudication.rowid
    );

    -- A tolerance has whatever is a number: such answers differ from case to case.
    CREATE VIEW verdict_outcomes AS
    SELECT
        verdict.id AS verdict_id, verdict.prediction_id AS prediction_id,
        verdict.case_id AS case_id, model, version, source,
        expert, judgement, coalesce(severity, '') AS severity, mode,
        CASE WHEN verdict.tolerance IS NULL THEN coalesce(value, '') ELSE '' END AS value,
        CASE
            WHEN verdict.tolerance IS NOT NULL OR value IS NULL THEN ''
            WHEN final.outcome IS NULL THEN coalesce(verdict.answer, '')
            ELSE coalesce(nullif(final.answer, 'null'), '')
        END AS answer,
        correct_value IS NOT NULL AS corrected,
        final.outcome IS NOT NULL AS adjudicated,
        coalesce(final.outcome, verdict.outcome) AS outcome,
        coalesce(
            (
                SELECT state FROM triage WHERE triage.verdict_id = verdict.id
                ORDER BY triage.rowid DESC LIMIT 1
            ),
            first_triage
        ) AS triage,
        batch_id, substr(verdict.created_at, 1, 10) AS day, confidence
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    CROSS JOIN verdict_kinds AS kind ON kind.name = verdict.judgement
    LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id;

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
        fact.verdict_id, ordered.number, matching.id AS group_id, batch.number AS batch, fact.day,
        fact.confidence, fact.case_id
    FROM verdict_facts AS fact
    JOIN verdict_order AS ordered ON ordered.verdict_id = fact.verdict_id
    JOIN review_groups AS matching ON matching.key = fact.key
    LEFT JOIN review_batches AS batch ON batch.batch_id = fact.batch_id;

    CREATE VIEW shared_predictions AS
    SELECT
        prediction_id, model, version, count(*) AS verdicts, max(tolerance) AS tolerance,
        max(verdict.created_at) AS last_at,
        json_group_array(json_array(expert, outcome, json(answer), direction)) AS answers
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    GROUP BY prediction_id HAVING count(*) > 1;

    CREATE VIEW verdict_opinions AS
    SELECT
        id AS verdict_id, case_id, outcome, coalesce(answer, '') AS answer,
        CASE WHEN answer IS NULL THEN coalesce(direction, '') ELSE '' END AS direction, tolerance
    FROM verdicts
    WHERE EXISTS (SELECT 1 FROM verdict_kinds WHERE name = verdicts.judgement AND is_current);
"""

TABLES = """
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
        confidence REAL,
        case_id INTEGER NOT NULL
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
    -- Predictions that more than one expert judged.
    CREATE TABLE review_shared (
        prediction_id TEXT NOT NULL PRIMARY KEY,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        tolerance REAL,
        last_at TEXT NOT NULL,
        answers TEXT NOT NULL
    ) STRICT;
    CREATE INDEX review_shared_by_time ON review_shared (last_at);
    -- How many current verdicts say the same of a case: of one judged a thousand times, few rows.
    CREATE TABLE review_opinions (
        case_id INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        answer TEXT NOT NULL,
        direction TEXT NOT NULL,
        tolerance REAL,
        verdicts INTEGER NOT NULL,
        PRIMARY KEY (case_id, outcome, answer, direction)
    ) STRICT, WITHOUT ROWID;
    -- Cases with more than one verdict: how many of these are right and wrong by what counts.
    CREATE TABLE review_cases (
        case_id INTEGER NOT NULL PRIMARY KEY,
        prediction_id TEXT NOT NULL,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        right INTEGER NOT NULL,
        wrong INTEGER NOT NULL,
        conflict INTEGER NOT NULL,
        adjudicated INTEGER NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX review_cases_by_time ON review_cases (last_at);
    CREATE INDEX review_conflicts ON review_cases (conflict, adjudicated, last_at) WHERE conflict;
"""

FILL = """
    INSERT INTO review_groups (
        model, version, source, expert, judgement, severity, mode, value, answer, corrected,
        adjudicated, outcome, triage, verdicts, key
    )
    SELECT
        model, version, source, expert, judgement, severity, mode, value, answer, corrected,
        adjudicated, outcome, triage, count(*), key
    FROM verdict_facts GROUP BY key;
    INSERT INTO review (number, group_id, batch, day, confidence, case_id)
        SELECT number, group_id, batch, day, confidence, case_id FROM review_rows ORDER BY number;
    INSERT INTO review_days (model, version, day, judgement, outcome, verdicts)
        SELECT model, version, day, judgement, outcome, count(*)
        FROM review JOIN review_groups ON review_groups.id = group_id GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO review_confidence (model, version, percent, judgement, outcome, verdicts)
        SELECT
            model, version, CAST(confidence * 100 + 1e-9 AS INTEGER), judgement, outcome, count(*)
        FROM review JOIN review_groups ON review_groups.id = group_id
        WHERE confidence IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO review_shared SELECT * FROM shared_predictions;
    INSERT INTO review_opinions (case_id, outcome, answer, direction, tolerance, verdicts)
        SELECT case_id, outcome, answer, direction, max(tolerance), count(*)
        FROM verdict_opinions AS opinion
        WHERE NOT EXISTS (SELECT 1 FROM verdicts WHERE supersedes = opinion.verdict_id)
        GROUP BY 1, 2, 3, 4;
    UPDATE review_totals SET shared = 0, repeated = 0, conflicts = 0, undecided = 0;
    UPDATE review_totals SET
        shared = own.shared, repeated = own.repeated
    FROM (
        SELECT model, version, count(*) AS shared, sum(verdicts - 1) AS repeated
        FROM review_shared GROUP BY 1, 2
    ) AS own
    WHERE own.model = review_totals.model AND own.version = review_totals.version;
"""
SEVERAL_VERDICTS = """
    SELECT case_id FROM review_opinions GROUP BY case_id HAVING sum(verdicts) > 1
"""

OPINIONS = """
    SELECT outcome, answer, direction, tolerance, verdicts FROM review_opinions
    WHERE case_id = :case_id AND verdicts > 0
"""
FORGET_CASE = "DELETE FROM review_cases WHERE case_id = :case_id"
ADD_CASE = """
    INSERT INTO review_cases (
        case_id, prediction_id, model, version, verdicts, right, wrong, conflict, adjudicated,
        last_at
    )
    SELECT
        :case_id, prediction.id, model, version, :verdicts,
        CASE final.outcome WHEN 'right' THEN :verdicts WHEN 'wrong' THEN 0 ELSE :right END,
        CASE final.outcome WHEN 'wrong' THEN :verdicts WHEN 'right' THEN 0 ELSE :wrong END,
        :conflict, final.outcome IS NOT NULL, last.created_at
    FROM (
        SELECT prediction_id, created_at FROM verdicts WHERE case_id = :case_id
        ORDER BY rowid DESC LIMIT 1
    ) AS last
    JOIN predictions AS prediction ON prediction.id = last.prediction_id
    LEFT JOIN final_answers AS final ON final.case_id = :case_id
"""

# A view cannot be written: what is inserted into these two starts the trigger behind them.
SUMMARIES = """
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

    CREATE VIEW verdicts_to_count AS SELECT id AS verdict_id FROM verdicts;
    CREATE TRIGGER review_counts_anew INSTEAD OF INSERT ON verdicts_to_count
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
        INSERT INTO review (number, group_id, batch, day, confidence, case_id)
            SELECT number, group_id, batch, day, confidence, case_id FROM review_rows
            WHERE verdict_id = new.verdict_id;
    END;

    CREATE TRIGGER review_counts_shared AFTER INSERT ON review_shared
    BEGIN
        UPDATE review_totals SET shared = shared + 1, repeated = repeated + new.verdicts - 1
        WHERE model = new.model AND version = new.version;
    END;
    CREATE TRIGGER review_discounts_shared AFTER DELETE ON review_shared
    BEGIN
        UPDATE review_totals SET shared = shared - 1, repeated = repeated - (old.verdicts - 1)
        WHERE model = old.model AND version = old.version;
    END;
    CREATE TRIGGER review_counts_cases AFTER INSERT ON review_cases
    BEGIN
        UPDATE review_totals SET
            conflicts = conflicts + new.conflict,
            undecided = undecided + (new.conflict AND NOT new.adjudicated)
        WHERE model = new.model AND version = new.version;
    END;
    CREATE TRIGGER review_discounts_cases AFTER DELETE ON review_cases
    BEGIN
        UPDATE review_totals SET
            conflicts = conflicts - old.conflict,
            undecided = undecided - (old.conflict AND NOT old.adjudicated)
        WHERE model = old.model AND version = old.version;
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
        INSERT INTO verdicts_to_count (verdict_id) VALUES (new.id);
        UPDATE review_opinions SET verdicts = verdicts - 1
        WHERE (case_id, outcome, answer, direction) = (
            SELECT case_id, outcome, answer, direction FROM verdict_opinions
            WHERE verdict_id = new.supersedes
        );
        INSERT INTO review_opinions (case_id, outcome, answer, direction, tolerance, verdicts)
            SELECT case_id, outcome, answer, direction, tolerance, 1 FROM verdict_opinions
            WHERE verdict_id = new.id
            ON CONFLICT (case_id, outcome, answer, direction)
            DO UPDATE SET verdicts = verdicts + 1;
    END;
    CREATE TRIGGER review_follows_shared_predictions AFTER INSERT ON verdicts
    WHEN EXISTS (
        SELECT 1 FROM verdicts WHERE prediction_id = new.prediction_id AND id <> new.id
    )
    BEGIN
        DELETE FROM review_shared WHERE prediction_id = new.prediction_id;
        INSERT INTO review_shared
            SELECT * FROM shared_predictions WHERE prediction_id = new.prediction_id;
    END;
    CREATE TRIGGER review_follows_triage AFTER INSERT ON triage
    BEGIN
        INSERT INTO verdicts_to_count (verdict_id) VALUES (new.verdict_id);
    END;
    CREATE TRIGGER review_follows_adjudications AFTER INSERT ON adjudications
    BEGIN
        INSERT INTO verdicts_to_count (verdict_id)
            SELECT id FROM verdicts WHERE case_id = new.case_id;
    END;
"""
