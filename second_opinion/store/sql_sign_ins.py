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

RELEASES = """
    CREATE TABLE address_releases (
        id TEXT NOT NULL PRIMARY KEY,
        sign_in_id TEXT NOT NULL UNIQUE,
        freed_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER address_releases_never_change BEFORE UPDATE ON address_releases
    BEGIN
        SELECT RAISE(ABORT, 'that an address was freed stays known');
    END;
    CREATE TRIGGER address_releases_stay BEFORE DELETE ON address_releases
    BEGIN
        SELECT RAISE(ABORT, 'that an address was freed stays known');
    END;
"""

FIRST = """
    SELECT expert_key FROM sign_ins
    WHERE email = :email AND (NOT :only OR provider = :provider)
        AND id NOT IN (SELECT sign_in_id FROM address_releases)
    ORDER BY rowid LIMIT 1
"""

HELD = """
    SELECT * FROM sign_ins
    WHERE id NOT IN (SELECT sign_in_id FROM address_releases) ORDER BY email, rowid
"""

SIGN_IN = "SELECT * FROM sign_ins WHERE id = :id"

ADD_RELEASE = """
    INSERT INTO address_releases (id, sign_in_id, freed_by, created_at)
    VALUES (:id, :sign_in_id, :freed_by, :created_at)
    ON CONFLICT (sign_in_id) DO NOTHING
"""

ADD_SIGN_IN = """
    INSERT INTO sign_ins (id, email, provider, expert_key, created_at)
    VALUES (:id, :email, :provider, :expert_key, :created_at)
    ON CONFLICT (id) DO NOTHING
"""
