"""The SQL statements about the accounts that signed in, whole and fixed, with named parameters."""

TABLE = """
    CREATE TABLE sign_ins (
        id TEXT NOT NULL PRIMARY KEY,
        email TEXT NOT NULL,
        provider TEXT NOT NULL,
        expert_key TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sign_ins_by_email ON sign_ins (email);
    CREATE TRIGGER sign_ins_never_change BEFORE UPDATE ON sign_ins
    BEGIN
        SELECT RAISE(ABORT, 'who signed in first under an address stays known');
    END;
    CREATE TRIGGER sign_ins_stay BEFORE DELETE ON sign_ins
    BEGIN
        SELECT RAISE(ABORT, 'who signed in first under an address stays known');
    END;
"""

FIRST = """
    SELECT expert_key FROM sign_ins
    WHERE email = :email AND (NOT :only OR provider = :provider) ORDER BY rowid LIMIT 1
"""

ADD_SIGN_IN = """
    INSERT INTO sign_ins (id, email, provider, expert_key, created_at)
    VALUES (:id, :email, :provider, :expert_key, :created_at)
    ON CONFLICT (id) DO NOTHING
"""
