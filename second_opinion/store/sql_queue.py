"""The SQL statements about whose turn a drawn case is, whole and fixed, with named parameters."""

# The lowest draws that can be anybody's turn are among the first so many.
FIRST_DRAWS = """
    SELECT position, batch_id, row_number, prediction_id, twice FROM draws
    WHERE plan_id = :plan_id AND position >= 0 ORDER BY position LIMIT :most
"""
# Cases whose answer is known, beside the draws.
KNOWN_CASES = """
    SELECT position, batch_id, row_number, prediction_id, twice FROM draws
    WHERE plan_id = :plan_id AND position < 0
"""
COUNT_TOUCHED = """
    SELECT
        (SELECT count(DISTINCT draws.position) FROM draws
            JOIN verdicts ON verdicts.prediction_id = draws.prediction_id
            WHERE draws.plan_id = :plan_id)
        + (SELECT count(*) FROM leases WHERE plan_id = :plan_id)
        + (SELECT count(*) FROM skips WHERE plan_id = :plan_id)
"""
LEASES = "SELECT position, expert FROM leases WHERE plan_id = :plan_id AND leased_at > :since"
SKIPS = "SELECT position, expert, label FROM skips WHERE plan_id = :plan_id"
LEASE = """
    INSERT INTO leases (plan_id, position, expert, leased_at)
    VALUES (:plan_id, :position, :expert, :moment)
    ON CONFLICT DO UPDATE SET leased_at = excluded.leased_at
"""
RETURN_LEASE = """
    DELETE FROM leases WHERE plan_id = :plan_id AND position = :position AND expert = :expert
"""
ADD_SKIP = """
    INSERT INTO skips (plan_id, position, expert, label, created_at)
    VALUES (:plan_id, :position, :expert, :label, :created_at)
    ON CONFLICT DO NOTHING
"""
KEEP_DRAFT = """
    INSERT INTO drafts (plan_id, position, expert, content, updated_at)
    VALUES (:plan_id, :position, :expert, :content, :moment)
    ON CONFLICT DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at
"""
DRAFT = """
    SELECT content FROM drafts
    WHERE plan_id = :plan_id AND position = :position AND expert = :expert
"""
