"""The SQL statements about cases that are closed to a person, whole and fixed."""

# Of some predictions, given as a list in JSON.
DRAWN = """
    SELECT prediction_id FROM draws
    WHERE plan_id = :plan_id AND prediction_id IN (SELECT value FROM json_each(:ids))
"""
# Of some predictions those of a file of a plan, scored for the same model, maybe once more.
OF_THE_FILE = """
    SELECT predictions.id, predictions.row_number
    FROM json_each(:ids) JOIN predictions ON predictions.id = json_each.value
    JOIN batches ON batches.id = predictions.batch_id
    WHERE batches.file_sha256 = :file_sha256 AND batches.model = :model
"""
ROWS_DRAWN = """
    SELECT position, row_number FROM draws WHERE plan_id = :plan_id AND batch_id = :batch_id
"""
# The files of known cases, which are put between the draws of a plan.
KNOWN_FILES = """
    SELECT DISTINCT draws.batch_id, batches.file_sha256
    FROM draws JOIN batches ON batches.id = draws.batch_id
    WHERE draws.plan_id = :plan_id AND draws.position < 0
"""
ANSWERS = """
    SELECT verdicts.prediction_id, verdicts.expert, verdicts.expert_key
    FROM verdicts JOIN verdict_order AS ordered ON ordered.verdict_id = verdicts.id
    WHERE verdicts.prediction_id IN (SELECT value FROM json_each(:ids))
        AND verdicts.mode = :mode AND ordered.number > :after_verdict
"""
# The cases of a plan that were judged, and those of its file that was scored once more.
JUDGED = """
    SELECT verdicts.prediction_id
    FROM draws JOIN verdicts ON verdicts.prediction_id = draws.prediction_id
    WHERE draws.plan_id = :plan_id
    UNION
    SELECT verdicts.prediction_id
    FROM batches JOIN predictions ON predictions.batch_id = batches.id
    JOIN verdicts ON verdicts.prediction_id = predictions.id
    WHERE batches.file_sha256 = :file_sha256 AND batches.model = :model
"""
# Of a case that is closed, on whatever prediction of it.
VERDICTS = """
    SELECT DISTINCT ordered.number, verdicts.case_id
    FROM verdicts AS closed JOIN verdicts ON verdicts.case_id = closed.case_id
    JOIN verdict_order AS ordered ON ordered.verdict_id = verdicts.id
    WHERE closed.prediction_id IN (SELECT value FROM json_each(:ids))
"""
