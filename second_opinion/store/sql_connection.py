"""The SQL statements about the database file itself, whole and fixed."""

# A transaction that reads before it writes takes the lock first: an upgrade later fails as busy.
BEGIN_WRITE = "BEGIN IMMEDIATE"
BEGIN_READ = "BEGIN"
BEGIN_ALONE = "BEGIN EXCLUSIVE"
NO_PATIENCE = "PRAGMA busy_timeout = 0"
# In milliseconds, as `database_file.TIMEOUT_SECONDS` has it.
PATIENCE = "PRAGMA busy_timeout = 30000"
MARK = "PRAGMA user_version = 1"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

JOURNAL_MODE = "PRAGMA journal_mode"
WRITE_AHEAD = "PRAGMA journal_mode = WAL"
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
CHECKPOINT_WITHOUT_WAITING = "PRAGMA wal_checkpoint(PASSIVE)"
NO_CHECKPOINT_AT_COMMIT = "PRAGMA wal_autocheckpoint = 0"
# With NORMAL, a power cut may undo commits that were already acknowledged.
SYNC_EACH_COMMIT = "PRAGMA synchronous = FULL"
# 16 MB: at a million verdicts the upper levels of the indexes do not fit into the usual 2.
ROOM_FOR_INDEXES = "PRAGMA cache_size = -16000"
FOREIGN_KEYS = "PRAGMA foreign_keys = ON"
# A step that copies a table breaks them on its way; in a transaction SQLite would not hear this.
NO_FOREIGN_KEYS = "PRAGMA foreign_keys = OFF"
READ_ONLY = "PRAGMA query_only = ON"
# Without it, a file that is shorter than its header says is refused.
NAMES_OF_ABSENT_PAGES = "PRAGMA writable_schema = ON"
TOUCH = "SELECT count(*) FROM sqlite_schema"

ONE_FILE = "PRAGMA journal_mode = DELETE"
INTEGRITY = "PRAGMA integrity_check"
QUICK_CHECK = "PRAGMA quick_check(1)"
STEPS_TAKEN = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'second_opinion'"

TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
)

# "2Opn", as `file_identity.APPLICATION_ID` has it.
APPLICATION_ID = "PRAGMA application_id"
SIGN = "PRAGMA application_id = 0x324F706E"

HAS_IDENTITY = "SELECT count(*) FROM sqlite_schema WHERE name = 'database_identity'"
IDENTITY = "SELECT id, commits, checkpointed FROM database_identity"
COUNT_COMMIT = """
    UPDATE database_identity
    SET commits = commits + 1, checkpointed = max(checkpointed, :checkpointed)
"""
RENAME_COPY = """
    UPDATE database_identity SET copy_of = id, id = :id, created_at = :now, checkpointed = 0
"""
# How many logs were begun in place of removed ones.
LOG_NUMBER = "SELECT logs_begun FROM database_identity"
COUNT_LOG = "UPDATE database_identity SET logs_begun = logs_begun + 1"
LAST_ROWS = """
    SELECT
        (SELECT id FROM verdicts ORDER BY rowid DESC LIMIT 1),
        (SELECT id FROM predictions ORDER BY rowid DESC LIMIT 1)
"""
HAS_ROWS = """
    SELECT
        (:verdict IS NULL OR EXISTS (SELECT 1 FROM verdicts WHERE id = :verdict))
        AND (:prediction IS NULL OR EXISTS (SELECT 1 FROM predictions WHERE id = :prediction))
"""
