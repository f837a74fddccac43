"""The SQL statements about cases that are closed to a person, whole and fixed."""

# Of some predictions, given as a list in JSON.
DRAWN = """
    SELECT prediction_id FROM draws
    WHERE plan_id = :plan_id AND prediction_id IN (SELECT value FROM json_each(:ids))
"""
ANSWERS = """
    SELECT verdicts.prediction_id, verdicts.expert, verdicts.expert_key
    FROM verdicts JOIN verdict_order AS ordered ON ordered.verdict_id = verdicts.id
    WHERE verdicts.prediction_id IN (SELECT value FROM json_each(:ids))
        AND verdicts.mode = :mode AND ordered.number > :after_verdict
"""
