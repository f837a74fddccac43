"""The SQL statements about predictions, verdicts and aliases, whole and fixed, with named
parameters.
"""

ADD_PREDICTION = """
    INSERT INTO predictions (
        id, batch_id, row_number, model, version, model_sha256, card_sha256, inputs, value,
        confidence, probabilities, flags, source, asked_by, latency_ms, created_at, alias,
        expert_key
    ) VALUES (
        :id, :batch_id, :row_number, :model, :version, :model_sha256, :card_sha256, :inputs, :value,
        :confidence, :probabilities, :flags, :source, :asked_by, :latency_ms, :created_at, :alias,
        :expert_key
    )
    ON CONFLICT (id) DO NOTHING
"""

PREDICTION = "SELECT * FROM predictions WHERE id = :id"

# rowid settles which of two predictions of the same millisecond came later.
PREDICTIONS_WITH_IDS = """
    SELECT * FROM predictions WHERE id IN (SELECT value FROM json_each(:ids))
    ORDER BY created_at DESC, rowid DESC
"""

# Of a person who is proven, from whatever device; rows of a file are opened by others too.
PREDICTIONS_OF_PERSON = """
    SELECT * FROM predictions WHERE expert_key = :expert_key AND batch_id IS NULL
    ORDER BY created_at DESC, rowid DESC LIMIT :limit
"""

ADD_VERDICT = """
    INSERT INTO verdicts (
        id, prediction_id, expert, identity_source, judgement, correct_value, direction, severity,
        comment, mode, blind_value, blind_confidence, seconds, supersedes, created_at, case_id,
        outcome, answer, tolerance, own_probability, expert_key
    ) VALUES (
        :id, :prediction_id, :expert, :identity_source, :judgement, :correct_value, :direction,
        :severity, :comment, :mode, :blind_value, :blind_confidence, :seconds, :supersedes,
        :created_at, :case_id, :outcome, :answer, :tolerance, :own_probability,
        :expert_key
    )
"""

VERDICT = "SELECT * FROM verdicts WHERE id = :id"

# By rowid, the order of storing: a clock that is set back must not reorder a chain.
VERDICT_HISTORY = "SELECT * FROM verdicts WHERE prediction_id = :prediction_id ORDER BY rowid"

# By rowid too: what was stored later may have begun earlier, and whoever fetches the log piece by
# piece would never see it.
VERDICTS_AFTER = """
    SELECT verdicts.*, predictions.model, predictions.version
    FROM verdicts JOIN predictions ON predictions.id = verdicts.prediction_id
    WHERE verdicts.rowid > coalesce(
        (SELECT rowid FROM verdicts WHERE id = :id),
        (
            SELECT max(rowid) FROM verdicts
            WHERE created_at < :created_at OR (created_at = :created_at AND id <= :id)
        ),
        0
    )
    AND model NOT IN (SELECT value FROM json_each(:hidden))
    ORDER BY verdicts.rowid LIMIT :most
"""

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
        verdict.direction, severity, comment, mode, seconds, prediction.created_at AS predicted_at,
        verdict.created_at AS created_at, source, batch_id, row_number,
        CASE WHEN final.outcome IS NULL THEN verdict.answer ELSE nullif(final.answer, 'null') END
            AS answer,
        final.outcome IS NOT NULL AS adjudicated,
        coalesce(final.outcome, verdict.outcome) AS outcome
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id
    ORDER BY verdict.created_at, verdict.id
"""

ADD_ALIAS_MOVE = """
    INSERT INTO aliases (id, model, alias, version, action, moved_by, reason, created_at)
    VALUES (:id, :model, :alias, :version, :action, :moved_by, :reason, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

ALIAS_MOVES = "SELECT * FROM aliases WHERE model = :model OR :model IS NULL ORDER BY rowid"

ADD_CARD_EDIT = """
    INSERT INTO card_edits (
        id, model, version, model_sha256, field, text, edited_by, created_at
    )
    VALUES (:id, :model, :version, :model_sha256, :field, :text, :edited_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

CARD_EDITS = "SELECT * FROM card_edits ORDER BY rowid"

ARMS = """
    SELECT
        version, count(DISTINCT prediction_id) AS predictions,
        count(*) FILTER (WHERE outcome = 'right') AS right,
        count(*) FILTER (WHERE outcome = 'wrong') AS wrong,
        count(*) FILTER (WHERE outcome = 'unsure') AS unsure
    FROM (
        SELECT
            version, prediction.id AS prediction_id,
            coalesce(final.outcome, verdict.outcome) AS outcome
        FROM predictions AS prediction
        LEFT JOIN current_verdicts AS verdict ON verdict.prediction_id = prediction.id
        LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id
        WHERE model = :model AND alias = :alias
    )
    GROUP BY version ORDER BY version
"""

# Those that count as right or wrong alone: the others do not say what is right.
JUDGED = """
    SELECT
        version, inputs, value, verdict.expert, mode, blind_value, verdict.tolerance AS tolerance,
        final.outcome IS NOT NULL AS adjudicated,
        coalesce(final.outcome, verdict.outcome) AS outcome,
        CASE WHEN final.outcome IS NULL THEN verdict.answer ELSE nullif(final.answer, 'null') END
            AS answer,
        CASE WHEN final.outcome IS NULL THEN verdict.direction ELSE final.direction END
            AS direction
    FROM predictions
    JOIN current_verdicts AS verdict ON verdict.prediction_id = predictions.id
    LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id
    WHERE model = :model AND version IN (SELECT value FROM json_each(:versions))
        AND coalesce(final.outcome, verdict.outcome) <> 'unsure'
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

# Of answers that programs sent here to be judged; no hash of a model file is claimed for them.
SENT_INDEX = """
    CREATE INDEX predictions_sent ON predictions (model, created_at, id)
        WHERE model_sha256 = '' AND source = 'api';
"""

SENT = """
    SELECT sent.id, sent.version, verdict.expert, verdict.expert_key
    FROM (
        SELECT id, version, created_at FROM predictions
        WHERE model = :model AND model_sha256 = '' AND source = 'api'
        ORDER BY created_at DESC, id DESC LIMIT :limit
    ) AS sent
    LEFT JOIN current_verdicts AS verdict ON verdict.prediction_id = sent.id
    ORDER BY sent.created_at, sent.id
"""

VERDICTS_ON = """
    SELECT
        prediction.id AS prediction_id, row_number, version, value, confidence, probabilities,
        judgement, verdict.case_id AS case_id,
        CASE WHEN final.outcome IS NULL THEN verdict.direction ELSE final.direction END
            AS direction,
        coalesce(final.outcome, verdict.outcome) AS outcome, verdict.created_at AS created_at
    FROM predictions AS prediction
    JOIN current_verdicts AS verdict ON verdict.prediction_id = prediction.id
    LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id
    WHERE model = :model AND batch_id IS :batch_id
    ORDER BY verdict.created_at, verdict.id
"""
