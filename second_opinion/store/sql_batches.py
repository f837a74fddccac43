"""Every SQL statement about batches, whole and fixed, with named parameters."""

ADD_BATCH = """
    INSERT INTO batches (
        id, name, format, file_sha256, bytes, columns, personal, notes, dialect, encoding,
        delimiter, decimal, model, version, model_sha256, card_sha256, asked_by, created_at,
        bytes_read, rows, bad_rows, problems, rows_done, rows_failed, state, message, started_at,
        rows_before, finished_at, heartbeat_at, worker, unfamiliar, expert_key
    ) VALUES (
        :id, :name, :format, :file_sha256, :bytes, :columns, :personal, :notes, :dialect,
        :encoding, :delimiter, :decimal, :model, :version, :model_sha256, :card_sha256, :asked_by,
        :created_at, :bytes_read, :rows, :bad_rows, :problems, :rows_done, :rows_failed, :state,
        :message, :started_at, :rows_before, :finished_at, :heartbeat_at, :worker, :unfamiliar,
        :expert_key
    )
    ON CONFLICT (id) DO NOTHING
"""

BATCH = "SELECT * FROM batches WHERE id = :id"

# A batch that was let go before the scoring has no rows to come back to.
BATCHES = """
    SELECT * FROM batches
    WHERE (
        :ids IS NULL OR id IN (SELECT value FROM json_each(:ids))
        OR expert_key = :expert_key
    ) AND (
        state <> 'cancelled' OR EXISTS (SELECT 1 FROM batch_chunks WHERE batch_id = batches.id)
    )
    ORDER BY created_at DESC, rowid DESC LIMIT :limit
"""

BATCH_MAKER = "SELECT expert_key FROM batches WHERE id = :id"

# A chunk goes in only for the worker that holds the batch: a cancelled check stops here.
GROW = """
    UPDATE batches SET
        bytes_read = :bytes_read, rows = rows + :rows, bad_rows = bad_rows + :bad_rows,
        problems = problems + :problems, heartbeat_at = :now
    WHERE id = :id AND worker = :worker AND state = 'checking'
"""

ADD_CHUNK = """
    INSERT INTO batch_chunks (batch_id, position, first_row, rows, problems, rejected, text)
    SELECT
        :id, (SELECT count(*) FROM batch_chunks WHERE batch_id = :id), rows - :rows + 1, :rows,
        :found, :rejected, :text
    FROM batches WHERE id = :id
"""

FINISH_CHECK = """
    UPDATE batches SET
        state = 'checked', bytes_read = bytes, worker = NULL, heartbeat_at = :now,
        unfamiliar = :unfamiliar
    WHERE id = :id AND worker = :worker AND state = 'checking'
"""

CLAIM = """
    UPDATE batches SET
        state = 'scoring', message = '', worker = :worker, started_at = NULL, finished_at = NULL,
        heartbeat_at = :now, rows_before = rows_done
    WHERE id = :id AND rows > 0 AND (
        state IN ('checked', 'cancelled', 'failed')
        OR state = 'scoring' AND (
            worker IS NULL OR heartbeat_at < :stale OR heartbeat_at > :too_early
        )
    ) AND EXISTS (SELECT 1 FROM batch_chunks WHERE batch_id = :id)
"""

BEGIN_SCORING = """
    UPDATE batches SET started_at = :now, heartbeat_at = :now
    WHERE id = :id AND worker = :worker AND state = 'scoring'
"""

BEAT = """
    UPDATE batches SET heartbeat_at = :now
    WHERE id = :id AND worker = :worker AND state IN ('checking', 'scoring')
"""

RELEASE = """
    UPDATE batches SET worker = NULL
    WHERE id = :id AND worker = :worker AND state = 'scoring'
"""

HAS_CHUNKS = "SELECT position FROM batch_chunks WHERE batch_id = :id LIMIT 1"

NEXT_CHUNK = """
    SELECT position, first_row, rows, text FROM batch_chunks
    WHERE batch_id = :id AND scored IS NULL AND rows > 0 ORDER BY position LIMIT 1
"""

SCORED = """
    UPDATE batches SET
        rows_done = rows_done + :rows, rows_failed = rows_failed + :failed,
        bad_rows = bad_rows + :failed, problems = problems + :failed, heartbeat_at = :now
    WHERE id = :id AND worker = :worker AND state = 'scoring'
"""

ADD_SCORED = """
    UPDATE batch_chunks SET scored = :scored, faults = :faults
    WHERE batch_id = :id AND position = :position
"""

FINISH_SCORING = """
    UPDATE batches SET state = 'done', finished_at = :now, worker = NULL
    WHERE id = :id AND worker = :worker AND state = 'scoring'
        AND rows_done = rows
"""

END = """
    UPDATE batches SET state = :state, message = :message, finished_at = :now, worker = NULL
    WHERE id = :id AND state IN ('checking', 'checked', 'scoring')
        AND (:worker IS NULL OR worker = :worker)
"""

# A check whose worker is gone cannot go on: the file was in its memory alone.
END_STALE_CHECK = """
    UPDATE batches SET state = 'failed', message = :message, finished_at = :now, worker = NULL
    WHERE id = :id AND state = 'checking'
        AND (heartbeat_at < :stale OR heartbeat_at > :too_early)
"""

DROP_CHUNKS = "DELETE FROM batch_chunks WHERE batch_id = :id"

# Chunks are scored in their order.
SCORED_CHUNKS = """
    SELECT position, first_row, rows FROM batch_chunks
    WHERE batch_id = :id AND rows > 0 AND first_row <= (
        SELECT rows_done FROM batches WHERE id = :id
    )
    ORDER BY position
"""

CHUNK_TEXT = "SELECT text FROM batch_chunks WHERE batch_id = :id AND position = :position"

CHUNK_SCORED = "SELECT scored FROM batch_chunks WHERE batch_id = :id AND position = :position"

PROBLEMS = """
    SELECT problems, faults FROM batch_chunks
    WHERE batch_id = :id AND (length(problems) > 0 OR length(faults) > 0) ORDER BY position
"""

REJECTED = """
    SELECT rejected FROM batch_chunks
    WHERE batch_id = :id AND length(rejected) > 0 ORDER BY position
"""

JUDGED_ROWS = """
    SELECT row_number, expert, verdict.expert_key, verdict.id AS verdict_id FROM predictions
    JOIN current_verdicts AS verdict ON verdict.prediction_id = predictions.id
    WHERE batch_id = :id
"""
