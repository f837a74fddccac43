"""Every SQL statement that asks for many predictions at once, whole and fixed."""

# Those of a batch are in its chunks: here are only the rows of it that somebody opened.
SINGLE_COUNTS = """
    SELECT version, source, count(*) AS predictions, max(created_at) AS last_at
    FROM predictions WHERE model = :model AND batch_id IS NULL
    GROUP BY version, source ORDER BY version, source
"""

SINGLES = """
    SELECT id, version, inputs, value, confidence, source, created_at FROM predictions
    WHERE model = :model AND batch_id IS NULL
        AND (:version = '' OR version = :version) AND (:source = '' OR source = :source)
        AND (:since = '' OR created_at >= :since) AND (:until = '' OR created_at < :until)
    ORDER BY created_at DESC, rowid DESC LIMIT :limit
"""

VERDICTS_ON = """
    SELECT
        prediction.id AS prediction_id, row_number, version, value, confidence, judgement,
        verdict.created_at AS created_at
    FROM predictions AS prediction
    JOIN current_verdicts AS verdict ON verdict.prediction_id = prediction.id
    WHERE model = :model AND batch_id IS :batch_id
    ORDER BY verdict.created_at, verdict.id
"""
