"""The SQL statements about the database file itself, whole and fixed."""

# A transaction that reads before it writes takes the lock first: an upgrade later fails as busy.
BEGIN_WRITE = "BEGIN IMMEDIATE"
BEGIN_READ = "BEGIN"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

WRITE_AHEAD = "PRAGMA journal_mode = WAL"
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
# With NORMAL, a power cut may undo commits that were already acknowledged.
SYNC_EACH_COMMIT = "PRAGMA synchronous = FULL"
# 16 MB: at a million verdicts the upper levels of the indexes do not fit into the usual 2.
ROOM_FOR_INDEXES = "PRAGMA cache_size = -16000"
FOREIGN_KEYS = "PRAGMA foreign_keys = ON"
# A step that copies a table breaks them on its way; in a transaction SQLite would not hear this.
NO_FOREIGN_KEYS = "PRAGMA foreign_keys = OFF"
READ_ONLY = "PRAGMA query_only = ON"
TOUCH = "SELECT count(*) FROM sqlite_schema"

ONE_FILE = "PRAGMA journal_mode = DELETE"
INTEGRITY = "PRAGMA integrity_check"
STEPS_TAKEN = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'second_opinion'"

# When something was last stored; an empty text where nothing ever was.
LATEST = """
    SELECT max(
        coalesce((SELECT max(created_at) FROM verdicts), ''),
        coalesce((SELECT created_at FROM predictions ORDER BY rowid DESC LIMIT 1), ''),
        coalesce((SELECT created_at FROM aliases ORDER BY rowid DESC LIMIT 1), ''),
        coalesce((SELECT created_at FROM triage ORDER BY rowid DESC LIMIT 1), ''),
        coalesce((SELECT created_at FROM adjudications ORDER BY rowid DESC LIMIT 1), '')
    )
"""
