"""The table of the answers that deciders gave before they saw others', and the SQL about them."""

TABLE = """
    CREATE TABLE own_answers (
        id TEXT NOT NULL PRIMARY KEY,
        case_id INTEGER NOT NULL,
        prediction_id TEXT NOT NULL REFERENCES predictions (id),
        answer TEXT NOT NULL CHECK (json_valid(answer)),
        expert TEXT NOT NULL,
        expert_key TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX own_answers_by_case ON own_answers (case_id);
    CREATE TRIGGER own_answers_never_change BEFORE UPDATE ON own_answers
    BEGIN
        SELECT RAISE(ABORT, 'an own answer stays as it was locked');
    END;
    CREATE TRIGGER own_answers_stay BEFORE DELETE ON own_answers
    BEGIN
        SELECT RAISE(ABORT, 'an own answer stays as it was locked');
    END;
"""

ADD_OWN_ANSWER = """
    INSERT INTO own_answers (
        id, case_id, prediction_id, answer, expert, expert_key, created_at
    ) VALUES (:id, :case_id, :prediction_id, :answer, :expert, :expert_key, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

OWN_ANSWERS = """
    SELECT answer, created_at FROM own_answers
    WHERE case_id = :case_id AND expert_key = :expert_key ORDER BY rowid
"""
