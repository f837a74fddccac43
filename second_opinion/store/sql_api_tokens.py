"""The table of the tokens of programs, and the SQL statements about them."""

TABLE = """
    CREATE TABLE api_tokens (
        id TEXT NOT NULL PRIMARY KEY,
        token_id TEXT NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('expert', 'reviewer')),
        action TEXT NOT NULL CHECK (action IN ('make', 'revoke')),
        token_sha256 TEXT CHECK ((token_sha256 IS NULL) = (action <> 'make')),
        moved_by TEXT NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (token_id, action)
    ) STRICT;
    CREATE TRIGGER api_tokens_never_change BEFORE UPDATE ON api_tokens
    BEGIN
        SELECT RAISE(ABORT, 'what was done with a token stays known');
    END;
    CREATE TRIGGER api_tokens_stay BEFORE DELETE ON api_tokens
    BEGIN
        SELECT RAISE(ABORT, 'what was done with a token stays known: revoke it');
    END;
"""

ADD_MOVE = """
    INSERT INTO api_tokens (
        id, token_id, name, role, action, token_sha256, moved_by, created_at
    ) VALUES (:id, :token_id, :name, :role, :action, :token_sha256, :moved_by, :created_at)
    ON CONFLICT DO NOTHING
"""

IN_USE = """
    SELECT * FROM api_tokens AS made
    WHERE action = 'make' AND NOT EXISTS (
        SELECT 1 FROM api_tokens AS later
        WHERE later.token_id = made.token_id AND later.action = 'revoke'
    )
    ORDER BY rowid
"""
