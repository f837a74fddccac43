"""The SQL statements about predictions, verdicts and aliases, whole and fixed, with named
parameters.
"""

from second_opinion.store.sql_verdict_kinds import COUNTED_AS

ADD_PREDICTION = """
    INSERT INTO predictions (
        id, batch_id, row_number, model, version, model_sha256, card_sha256, inputs, value,
        confidence, probabilities, flags, source, asked_by, latency_ms, created_at, alias
    ) VALUES (
        :id, :batch_id, :row_number, :model, :version, :model_sha256, :card_sha256, :inputs, :value,
        :confidence, :probabilities, :flags, :source, :asked_by, :latency_ms, :created_at, :alias
    )
    ON CONFLICT (id) DO NOTHING
"""

PREDICTION = "SELECT * FROM predictions WHERE id = :id"

# Steps from one label to the next through the index: milliseconds where DISTINCT reads every row.
LABELS = """
    WITH RECURSIVE labels (label) AS (
        SELECT min(asked_by) FROM predictions
        UNION ALL
        SELECT (SELECT min(asked_by) FROM predictions WHERE asked_by > label)
        FROM labels WHERE label IS NOT NULL
    )
    SELECT label FROM labels WHERE label IS NOT NULL
"""

# rowid settles which of two predictions of the same millisecond came later.
PREDICTIONS_ASKED_BY = """
    SELECT * FROM predictions WHERE asked_by = :asked_by
    ORDER BY created_at DESC, rowid DESC LIMIT :limit
"""

PREDICTIONS_WITH_IDS = """
    SELECT * FROM predictions WHERE id IN (SELECT value FROM json_each(:ids))
    ORDER BY created_at DESC, rowid DESC
"""

ADD_VERDICT = """
    INSERT INTO verdicts (
        id, prediction_id, expert, identity_source, judgement, correct_value, direction, severity,
        comment, mode, blind_value, blind_confidence, seconds, supersedes, created_at
    ) VALUES (
        :id, :prediction_id, :expert, :identity_source, :judgement, :correct_value, :direction,
        :severity, :comment, :mode, :blind_value, :blind_confidence, :seconds, :supersedes,
        :created_at
    )
"""

VERDICT = "SELECT * FROM verdicts WHERE id = :id"

# By rowid, the order of storing: a clock that is set back must not reorder a chain.
VERDICT_HISTORY = "SELECT * FROM verdicts WHERE prediction_id = :prediction_id ORDER BY rowid"

# The rows that the next verdict may supersede, the withdrawn included.
LATEST_VERDICTS = """
    SELECT * FROM verdicts
    WHERE prediction_id = :prediction_id AND NOT EXISTS (
        SELECT 1 FROM verdicts AS later WHERE later.supersedes = verdicts.id
    )
    ORDER BY rowid
"""

CURRENT_VERDICT = "SELECT * FROM current_verdicts WHERE id = :id"

CURRENT_VERDICTS = """
    SELECT * FROM current_verdicts
    WHERE prediction_id IN (SELECT value FROM json_each(:prediction_ids))
"""

REVIEWED = """
    SELECT
        verdict.id AS verdict_id, verdict.prediction_id, model, version, model_sha256, inputs,
        value, confidence, probabilities, flags, expert, identity_source, judgement, correct_value,
        direction, severity, comment, mode, seconds, prediction.created_at AS predicted_at,
        verdict.created_at AS created_at, source, batch_id, row_number,
        coalesce(
            final.answer,
            CASE counts_as WHEN 'right' THEN value WHEN 'wrong' THEN correct_value END
        ) AS answer,
        final.answer IS NOT NULL AS adjudicated
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    CROSS JOIN verdict_kinds ON name = judgement
    LEFT JOIN final_answers AS final ON final.prediction_id = prediction.id
    ORDER BY verdict.created_at, verdict.id
"""

ADD_ALIAS_MOVE = """
    INSERT INTO aliases (id, model, alias, version, action, moved_by, created_at)
    VALUES (:id, :model, :alias, :version, :action, :moved_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

ALIAS_MOVES = "SELECT * FROM aliases WHERE model = :model OR :model IS NULL ORDER BY rowid"

_OF_ARMS = """
    FROM (
        SELECT version, prediction.id AS prediction_id, judgement, 1 AS verdicts
        FROM predictions AS prediction
        LEFT JOIN current_verdicts AS verdict ON verdict.prediction_id = prediction.id
        WHERE model = :model AND alias = :alias
    )
    LEFT JOIN verdict_kinds ON name = judgement
    GROUP BY version ORDER BY version
"""
ARMS = "SELECT version, count(DISTINCT prediction_id) AS predictions," + COUNTED_AS + _OF_ARMS

# Those that count as right or wrong alone: the others do not say what is right.
JUDGED = """
    SELECT version, inputs, value, judgement, correct_value
    FROM predictions
    JOIN current_verdicts AS verdict ON verdict.prediction_id = predictions.id
    WHERE model = :model AND version IN (SELECT value FROM json_each(:versions))
        AND judgement IN (SELECT name FROM verdict_kinds WHERE counts_as <> 'nothing')
    ORDER BY verdict.created_at, verdict.id
"""

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
