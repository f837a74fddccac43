"""The kinds of verdicts in the database, and the statements of the step that brought them.

`VERDICTS`, `RULES` and the views are what `sql_review_tables.REVIEW` and the first step made, with
the words for what a verdict says taken out: they ask ``verdict_kinds``.
"""

KINDS = """
    CREATE TABLE verdict_kinds (
        name TEXT NOT NULL PRIMARY KEY,
        counts_as TEXT NOT NULL CHECK (counts_as IN ('right', 'wrong', 'nothing')),
        is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
        first_triage TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER verdict_kinds_never_change BEFORE UPDATE ON verdict_kinds
    BEGIN
        SELECT RAISE(ABORT, 'kinds of verdicts never change: verdicts were counted by them');
    END;
    CREATE TRIGGER verdict_kinds_stay BEFORE DELETE ON verdict_kinds
    BEGIN
        SELECT RAISE(ABORT, 'kinds of verdicts stay: verdicts were counted by them');
    END;
"""
ADD_KIND = """
    INSERT INTO verdict_kinds (name, counts_as, is_current, first_triage)
    VALUES (:name, :counts_as, :is_current, :first_triage)
    ON CONFLICT (name) DO NOTHING
"""
# The columns of counts, named after the first kind that counts as this.
COUNTED_AS = """
    coalesce(sum(verdicts) FILTER (WHERE counts_as = 'right'), 0) AS agree,
    coalesce(sum(verdicts) FILTER (WHERE counts_as = 'wrong'), 0) AS disagree,
    coalesce(sum(verdicts) FILTER (WHERE counts_as = 'nothing'), 0) AS unsure
"""
STORED_KINDS = "SELECT name, counts_as, is_current, first_triage FROM verdict_kinds"

# Other programs' views may read the table that goes; SQLite would look into them at the renaming.
RENAME_ALONE = "PRAGMA legacy_alter_table = ON"
RENAME_EVERYWHERE = "PRAGMA legacy_alter_table = OFF"
FOREIGN_KEYS_HELD = "PRAGMA foreign_keys"
ORPHANS = "PRAGMA foreign_key_check"

# All columns by name: the hash of before and after is of the same.
ROWS = """
    SELECT
        rowid, id, prediction_id, expert, identity_source, judgement, correct_value, direction,
        severity, comment, mode, blind_value, blind_confidence, seconds, supersedes, created_at
    FROM verdicts ORDER BY rowid
"""
COUNTS = "SELECT judgement, count(*) FROM verdicts GROUP BY judgement ORDER BY judgement"

VERDICTS = """
    CREATE TABLE verdicts_of_kinds (
        id TEXT NOT NULL PRIMARY KEY,
        prediction_id TEXT NOT NULL REFERENCES predictions (id),
        expert TEXT NOT NULL,
        identity_source TEXT NOT NULL
            CHECK (identity_source IN ('oidc', 'invite', 'code', 'declared', 'api')),
        judgement TEXT NOT NULL REFERENCES verdict_kinds (name),
        correct_value TEXT CHECK (correct_value IS NULL OR json_valid(correct_value)),
        direction TEXT CHECK (direction IN ('too_high', 'too_low')),
        severity TEXT CHECK (severity IN ('minor', 'serious')),
        comment TEXT NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('open', 'blind')),
        blind_value TEXT CHECK (blind_value IS NULL OR json_valid(blind_value)),
        blind_confidence REAL,
        seconds REAL,
        supersedes TEXT REFERENCES verdicts (id),
        created_at TEXT NOT NULL
    ) STRICT;
    INSERT INTO verdicts_of_kinds (
        rowid, id, prediction_id, expert, identity_source, judgement, correct_value, direction,
        severity, comment, mode, blind_value, blind_confidence, seconds, supersedes, created_at
    )
    SELECT
        rowid, id, prediction_id, expert, identity_source, judgement, correct_value, direction,
        severity, comment, mode, blind_value, blind_confidence, seconds, supersedes, created_at
    FROM verdicts ORDER BY rowid;

    DROP TRIGGER review_follows_triage;
    DROP TRIGGER review_follows_adjudications;
    DROP VIEW review_rows;
    DROP VIEW verdict_facts;
    DROP VIEW verdict_outcomes;
    DROP VIEW verdict_parts;
    DROP VIEW shared_cases;
    DROP VIEW current_verdicts;
    DROP TABLE verdicts;
    ALTER TABLE verdicts_of_kinds RENAME TO verdicts;
"""

RULES = """
    CREATE UNIQUE INDEX verdicts_supersedes ON verdicts (supersedes);
    CREATE INDEX verdicts_by_prediction ON verdicts (prediction_id);
    CREATE INDEX verdicts_by_time ON verdicts (created_at, id);

    CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON verdicts
    BEGIN
        SELECT RAISE(ABORT, 'verdicts are append-only: add one that supersedes this one');
    END;
    CREATE TRIGGER verdicts_stay BEFORE DELETE ON verdicts
    BEGIN
        SELECT RAISE(ABORT, 'verdicts are append-only: add one that is withdrawn');
    END;
    -- INSERT OR REPLACE deletes without asking the trigger above.
    CREATE TRIGGER verdicts_are_not_replaced BEFORE INSERT ON verdicts
    WHEN EXISTS (
        SELECT 1 FROM verdicts WHERE id = new.id OR supersedes = new.supersedes
    )
    BEGIN
        SELECT RAISE(ABORT, 'verdicts are append-only: this one is already there');
    END;
"""

VIEWS = """
    CREATE VIEW current_verdicts AS
    SELECT * FROM verdicts
    WHERE EXISTS (SELECT 1 FROM verdict_kinds WHERE name = verdicts.judgement AND is_current)
        AND NOT EXISTS (SELECT 1 FROM verdicts AS later WHERE later.supersedes = verdicts.id);

    -- A class is whatever is no fraction: the answers of a regression differ from case to case.
    CREATE VIEW verdict_parts AS
    SELECT
        verdict.id AS verdict_id, model, version, source, expert, judgement, counts_as,
        coalesce(severity, '') AS severity, mode, value, correct_value,
        value IS NOT NULL AND (probabilities IS NOT NULL OR json_type(value) <> 'real')
            AS is_class,
        CASE counts_as WHEN 'right' THEN value WHEN 'wrong' THEN correct_value END AS said,
        final.answer AS final,
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
    LEFT JOIN final_answers AS final ON final.prediction_id = prediction.id;

    CREATE VIEW verdict_outcomes AS
    SELECT
        verdict_id, model, version, source, expert, judgement, severity, mode,
        CASE WHEN is_class THEN value ELSE '' END AS value,
        CASE WHEN is_class THEN coalesce(final, said, '') ELSE '' END AS answer,
        correct_value IS NOT NULL AS corrected,
        final IS NOT NULL AS adjudicated,
        CASE
            WHEN final IS NULL THEN CASE counts_as WHEN 'nothing' THEN 'unsure' ELSE counts_as END
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
        fact.verdict_id, ordered.number, matching.id AS group_id, batch.number AS batch, fact.day,
        fact.confidence
    FROM verdict_facts AS fact
    JOIN verdict_order AS ordered ON ordered.verdict_id = fact.verdict_id
    JOIN review_groups AS matching ON matching.key = fact.key
    LEFT JOIN review_batches AS batch ON batch.batch_id = fact.batch_id;

    -- Experts contradict each other when they name two answers, when one takes the model's and one
    -- does not, and when both say no more than a direction, and not the same.
    CREATE VIEW shared_cases AS
    SELECT
        prediction_id, model, version, count(*) AS verdicts,
        coalesce(sum(counts_as = 'right') > 0 AND sum(counts_as = 'wrong') > 0, 0)
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
            json(CASE counts_as WHEN 'right' THEN value WHEN 'wrong' THEN correct_value END)
        )) AS answers
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    CROSS JOIN verdict_kinds AS kind ON kind.name = verdict.judgement
    GROUP BY prediction_id HAVING count(*) > 1;
"""

# A view cannot be written: what is inserted into these two starts the trigger behind them.
SUMMARIES = """
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
        INSERT INTO review (number, group_id, batch, day, confidence)
            SELECT number, group_id, batch, day, confidence FROM review_rows
            WHERE verdict_id = new.verdict_id;
    END;
    CREATE VIEW cases_to_compare AS SELECT id AS prediction_id FROM predictions;
    CREATE TRIGGER review_compares_anew INSTEAD OF INSERT ON cases_to_compare
    BEGIN
        DELETE FROM review_cases WHERE prediction_id = new.prediction_id;
        INSERT INTO review_cases
            SELECT * FROM shared_cases WHERE prediction_id = new.prediction_id;
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
    END;
    CREATE TRIGGER review_follows_shared_cases AFTER INSERT ON verdicts
    WHEN EXISTS (
        SELECT 1 FROM verdicts WHERE prediction_id = new.prediction_id AND id <> new.id
    )
    BEGIN
        INSERT INTO cases_to_compare (prediction_id) VALUES (new.prediction_id);
    END;
    CREATE TRIGGER review_follows_triage AFTER INSERT ON triage
    BEGIN
        INSERT INTO verdicts_to_count (verdict_id) VALUES (new.verdict_id);
    END;
    CREATE TRIGGER review_follows_adjudications AFTER INSERT ON adjudications
    BEGIN
        INSERT INTO verdicts_to_count (verdict_id)
            SELECT id FROM verdicts WHERE prediction_id = new.prediction_id;
        INSERT INTO cases_to_compare (prediction_id) VALUES (new.prediction_id);
    END;
"""
