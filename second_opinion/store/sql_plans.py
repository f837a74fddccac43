"""The SQL statements about plans and their draws, whole and fixed, with named parameters."""

ADD_PLAN = """
    INSERT INTO plans (
        id, number, replaces, batch_id, model, version, model_sha256, answers_sha256, pool_sha256,
        cases, failed, unreadable, target, alpha, expected, design, tolerance, answers, twice, mode,
        groups, experts, known, seed, after_verdict, frozen_by, created_at
    ) VALUES (
        :id, :number, :replaces, :batch_id, :model, :version, :model_sha256, :answers_sha256,
        :pool_sha256, :cases, :failed, :unreadable, :target, :alpha, :expected, :design, :tolerance,
        :answers, :twice, :mode, :groups, :experts, :known, :seed, :after_verdict, :frozen_by,
        :created_at
    )
"""

ADD_DRAW = """
    INSERT INTO draws (
        plan_id, position, batch_id, row_number, prediction_id, band, doubt, base, confidence, twice
    ) VALUES (
        :plan_id, :position, :batch_id, :row_number, :prediction_id, :band, :doubt, :base,
        :confidence, :twice
    )
"""

ADD_KNOWN_ANSWER = """
    INSERT INTO known_answers (plan_id, position, answer) VALUES (:plan_id, :position, :answer)
"""

ADD_CLOSING = """
    INSERT INTO plan_closings (
        plan_id, closed_by, state, bound, answers, last_verdict, created_at
    ) VALUES (:plan_id, :closed_by, :state, :bound, :answers, :last_verdict, :created_at)
"""

PLAN = "SELECT * FROM plans WHERE id = :id"
PLANS = """
    SELECT * FROM plans
    WHERE (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
    ORDER BY rowid DESC
"""
# Those that take answers: neither closed nor replaced by another one on the same pool.
OPEN_PLANS = """
    SELECT * FROM plans
    WHERE id NOT IN (SELECT plan_id FROM plan_closings)
        AND id NOT IN (SELECT replaces FROM plans WHERE replaces IS NOT NULL)
    ORDER BY rowid DESC
"""
CLOSING = "SELECT * FROM plan_closings WHERE plan_id = :plan_id"
DRAWS = "SELECT * FROM draws WHERE plan_id = :plan_id AND position >= 0 ORDER BY position"
KNOWN_ANSWERS = "SELECT position, answer FROM known_answers WHERE plan_id = :plan_id"

# Of all verdicts, those taken back too.
LAST_VERDICT = "SELECT coalesce(max(number), 0) FROM verdict_order"

# By number, the order of storing. What comes after the closing changes nothing. Positions below 0
# are of known cases.
ANSWERS = """
    SELECT draws.position, verdicts.*
    FROM draws
    JOIN verdicts ON verdicts.prediction_id = draws.prediction_id
    JOIN verdict_order AS ordered ON ordered.verdict_id = verdicts.id
    WHERE draws.plan_id = :plan_id AND ordered.number > :after_verdict
        AND ordered.number <= coalesce(
            (SELECT last_verdict FROM plan_closings WHERE plan_id = :plan_id), ordered.number
        )
    ORDER BY ordered.number
"""

# It changes with everything that an assessment rests on.
MARK = """
    SELECT
        (SELECT count(*) FROM draws JOIN verdicts ON verdicts.prediction_id = draws.prediction_id
            WHERE draws.plan_id = :plan_id) AS verdicts,
        (SELECT count(*) FROM skips WHERE plan_id = :plan_id) AS skips,
        (SELECT count(*) FROM adjudications) AS adjudications
"""

PREDICTIONS_DRAWN = """
    SELECT draws.position, predictions.*
    FROM draws JOIN predictions ON predictions.id = draws.prediction_id
    WHERE draws.plan_id = :plan_id AND draws.position >= 0
"""

FINAL_ANSWERS_DRAWN = """
    SELECT DISTINCT
        draws.position, adjudications.answer, adjudications.direction, adjudications.outcome,
        adjudications.rowid
    FROM draws
    JOIN verdicts ON verdicts.prediction_id = draws.prediction_id
    JOIN adjudications ON adjudications.case_id = verdicts.case_id
    WHERE draws.plan_id = :plan_id AND draws.position >= 0
        AND adjudications.created_at >= :since
        AND adjudications.created_at <= coalesce(
            (SELECT created_at FROM plan_closings WHERE plan_id = :plan_id),
            adjudications.created_at
        )
    ORDER BY adjudications.rowid
"""
