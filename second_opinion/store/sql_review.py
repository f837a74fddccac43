"""The SQL statements of Feedback review, whole and fixed, with named parameters."""

from second_opinion.store.sql_verdict_kinds import COUNTED_AS

ADD_TRIAGE = """
    INSERT INTO triage (id, verdict_id, state, note, decided_by, created_at)
    VALUES (:id, :verdict_id, :state, :note, :decided_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""
TRIAGE = "SELECT * FROM triage WHERE verdict_id = :verdict_id ORDER BY rowid"

ADD_ADJUDICATION = """
    INSERT INTO adjudications (
        id, prediction_id, answer, direction, reason, decided_by, created_at, case_id, outcome
    ) VALUES (
        :id, :prediction_id, coalesce(:answer, 'null'), :direction, :reason, :decided_by,
        :created_at, :case_id, :outcome
    )
    ON CONFLICT (id) DO NOTHING
"""
ADJUDICATION = "SELECT * FROM adjudications WHERE id = :id"
ADJUDICATIONS = "SELECT * FROM adjudications WHERE case_id = :case_id ORDER BY rowid"
VERDICTS_ON_CASE = "SELECT expert, expert_key FROM verdicts WHERE case_id = :case_id"

IN_ALL = "SELECT coalesce(sum(verdicts), 0) FROM review_groups"

EXPERTS = "SELECT DISTINCT expert FROM review_groups WHERE verdicts > 0"

GROUPS = """
    SELECT id, verdicts FROM review_groups
    WHERE verdicts > 0
        AND (:model IS NULL OR model = :model)
        AND (:version IS NULL OR version = :version)
        AND (:source IS NULL OR source = :source)
        AND (:experts IS NULL OR expert IN (SELECT value FROM json_each(:experts)))
        AND (:judgement IS NULL OR judgement = :judgement)
        AND (:severity IS NULL OR severity = :severity)
        AND (:mode IS NULL OR mode = :mode)
        AND (:value IS NULL OR value = :value)
        AND (:answer IS NULL OR answer = :answer)
        AND (:corrected IS NULL OR corrected = :corrected)
        AND (:adjudicated IS NULL OR adjudicated = :adjudicated)
        AND (:outcome IS NULL OR outcome = :outcome)
        AND (:triage IS NULL OR triage = :triage)
"""

# What the verdicts on a model can be told apart by: few of them have something of their own.
FILTER_VALUES = """
    SELECT DISTINCT
        source, judgement, severity, mode, value, answer,
        CASE WHEN corrected THEN 'true' ELSE 'false' END AS corrected,
        CASE WHEN adjudicated THEN 'true' ELSE 'false' END AS adjudicated, outcome, triage
    FROM review_groups WHERE verdicts > 0 AND model = :model
"""

GROUPS_WITH_IDS = """
    SELECT * FROM review_groups WHERE id IN (SELECT value FROM json_each(:ids))
"""

BATCH = "SELECT number FROM review_batches WHERE batch_id = :batch_id"

# A bit of text per group says whether it is wanted: a third of the cost of asking a list.
_FILTER = """
    (:mask IS NULL OR substr(:mask, group_id, 1) = x'01')
    AND (:batch IS NULL OR batch = :batch)
    AND (:since IS NULL OR day >= :since) AND (:until IS NULL OR day <= :until)
    AND (:at_least IS NULL OR confidence >= :at_least)
    AND (:below IS NULL OR confidence < :below)
    AND (:closed IS NULL OR number NOT IN (SELECT value FROM json_each(:closed)))
"""
COUNT_CLOSED = """
    SELECT count(*) FROM review
    WHERE number IN (SELECT value FROM json_each(:closed))
        AND (:mask IS NULL OR substr(:mask, group_id, 1) = x'01')
"""
# The newest hits among the verdicts whose comment has the words.
_WITH_WORDS = """
    number IN (
        SELECT rowid FROM review_search WHERE review_search MATCH :words
        ORDER BY rowid DESC LIMIT :hits
    ) AND
"""
_NEWEST_FIRST = " ORDER BY number DESC"
_BY_CONFIDENCE = " ORDER BY confidence * :way NULLS LAST, number DESC"
_SERIOUS_FIRST = """
    ORDER BY substr(:serious, group_id, 1) = x'01' DESC, -confidence NULLS LAST, number DESC
"""
_PAGE = " LIMIT :size OFFSET :skipped"
_NUMBERS = "SELECT number FROM review WHERE "
_ROWS = "SELECT count(*) FROM (SELECT 1 FROM review WHERE "
# What few rows of review differ in, to be counted.
_FACTS = """
    SELECT group_id, day, CAST(confidence * 100 + 1e-9 AS INTEGER), case_id FROM review WHERE
"""

# Of the verdicts on cases that have several.
FACTS_ON_SEVERAL = """
    SELECT group_id, day, CAST(confidence * 100 + 1e-9 AS INTEGER), review.case_id
    FROM review_cases
    CROSS JOIN verdicts ON verdicts.case_id = review_cases.case_id
    CROSS JOIN verdict_order ON verdict_order.verdict_id = verdicts.id
    CROSS JOIN review ON review.number = verdict_order.number
    WHERE (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
    LIMIT :most
"""

NEWEST = _NUMBERS + _FILTER + _NEWEST_FIRST + _PAGE
SORTED = _NUMBERS + _FILTER + _BY_CONFIDENCE + _PAGE
SERIOUS = _NUMBERS + _FILTER + _SERIOUS_FIRST + _PAGE
COUNTED = _ROWS + _FILTER + " LIMIT :most)"
FACTS = _FACTS + _FILTER + _NEWEST_FIRST + " LIMIT :most"

NEWEST_FOUND = _NUMBERS + _WITH_WORDS + _FILTER + _NEWEST_FIRST + _PAGE
SORTED_FOUND = _NUMBERS + _WITH_WORDS + _FILTER + _BY_CONFIDENCE + _PAGE
SERIOUS_FOUND = _NUMBERS + _WITH_WORDS + _FILTER + _SERIOUS_FIRST + _PAGE
COUNTED_FOUND = _ROWS + _WITH_WORDS + _FILTER + " LIMIT :most)"
FACTS_FOUND = _FACTS + _WITH_WORDS + _FILTER + _NEWEST_FIRST + " LIMIT :most"

VERDICTS_NUMBERED = """
    SELECT
        verdicts.*, review_groups.outcome AS counted, triage, adjudicated,
        final.answer AS final, final.direction AS final_direction
    FROM json_each(:numbers) AS wanted
    CROSS JOIN review ON review.number = wanted.value
    CROSS JOIN review_groups ON review_groups.id = review.group_id
    CROSS JOIN verdict_order ON verdict_order.number = review.number
    CROSS JOIN verdicts ON verdicts.id = verdict_order.verdict_id
    LEFT JOIN final_answers AS final ON adjudicated AND final.case_id = verdicts.case_id
    ORDER BY wanted.key
"""

TOTALS = """
    SELECT
        coalesce(sum(predictions), 0) AS predictions, coalesce(sum(shared), 0) AS shared,
        coalesce(sum(repeated), 0) AS repeated, coalesce(sum(conflicts), 0) AS conflicts,
        coalesce(sum(undecided), 0) AS undecided
    FROM review_totals
    WHERE (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
"""
# The versions whose first prediction is older than what is kept of its card.
WITHOUT_CARD = """
    SELECT DISTINCT version FROM review_groups AS judged
    WHERE verdicts > 0 AND model = :model AND (:version IS NULL OR version = :version)
        AND NOT EXISTS (
            SELECT 1 FROM cards WHERE sha256 = (
                SELECT card_sha256 FROM predictions
                WHERE model = judged.model AND version = judged.version ORDER BY rowid LIMIT 1
            )
        )
    ORDER BY version
"""
# Of the cases with several verdicts; of all others one is as good as its count.
CASE_SUMS = """
    SELECT
        count(*) AS cases, coalesce(sum(right), 0) AS right,
        coalesce(sum(right + wrong), 0) AS certain,
        coalesce(sum(right * right), 0) AS right_squared,
        coalesce(sum(right * (right + wrong)), 0) AS right_certain,
        coalesce(sum((right + wrong) * (right + wrong)), 0) AS certain_squared
    FROM review_cases
    WHERE right + wrong > 0
        AND (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
"""
# All verdicts, without those on a case that has another one already.
JUDGED_CASES = """
    SELECT (
        SELECT coalesce(sum(verdicts), 0) FROM review_groups
        WHERE (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
    ) - (
        SELECT coalesce(sum(verdicts - 1), 0) FROM review_cases
        WHERE (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
    )
"""
# Walks back through that one day; by model, SQLite would read all of its predictions.
LAST_VERDICT_AT = """
    SELECT verdicts.created_at
    FROM verdicts CROSS JOIN predictions ON predictions.id = verdicts.prediction_id
    WHERE verdicts.created_at >= :day AND verdicts.created_at < :day || 'U'
        AND model = :model AND (:version IS NULL OR version = :version)
        AND EXISTS (SELECT 1 FROM verdict_kinds WHERE name = judgement AND is_current)
        AND NOT EXISTS (
            SELECT 1 FROM verdicts AS later WHERE later.supersedes = verdicts.id
        )
    ORDER BY verdicts.created_at DESC LIMIT 1
"""
LAST_DAY = """
    SELECT max(day) FROM review_days
    WHERE verdicts > 0 AND model = :model AND (:version IS NULL OR version = :version)
"""

_OF_MODEL = """
    AND (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
"""
# One row per value of what is asked for, with what was said and what came of it.
_RIGHT_AND_WRONG = """
    total(verdicts) FILTER (WHERE outcome = 'right') AS right,
    total(verdicts) FILTER (WHERE outcome = 'wrong') AS wrong
"""
_SAID = " sum(verdicts) AS verdicts," + COUNTED_AS + "," + _RIGHT_AND_WRONG
_KINDS = " CROSS JOIN verdict_kinds ON name = judgement WHERE verdicts > 0" + _OF_MODEL
_IN_GROUPS = _SAID + " FROM review_groups" + _KINDS
_IN_DAYS = _SAID + " FROM review_days" + _KINDS
_IN_CONFIDENCE = _SAID + " FROM review_confidence" + _KINDS

BY_EXPERT = "SELECT expert, " + _IN_GROUPS + " GROUP BY expert ORDER BY verdicts DESC, expert"
BY_VERSION = (
    "SELECT model, version, " + _IN_GROUPS + " GROUP BY model, version ORDER BY model, version"
)
BY_CLASS = "SELECT value, " + _IN_GROUPS + " AND value <> '' GROUP BY value ORDER BY value"
BY_MODE = "SELECT mode, " + _IN_GROUPS + " GROUP BY mode ORDER BY mode"
BY_TRIAGE = "SELECT triage, " + _IN_GROUPS + " AND triage <> '' GROUP BY triage ORDER BY triage"
BY_DAY = "SELECT day, " + _IN_DAYS + " GROUP BY day ORDER BY day"
BY_CONFIDENCE = "SELECT percent, " + _IN_CONFIDENCE + " GROUP BY percent ORDER BY percent"
CONFUSION = """
    SELECT value, answer, sum(verdicts) AS verdicts FROM review_groups
    WHERE verdicts > 0 AND value <> '' AND outcome <> 'unsure'
        AND (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
    GROUP BY value, answer ORDER BY value, answer
"""

_LATEST_FIRST = " ORDER BY last_at DESC"
# What was said of a case, be it on several predictions of it.
_SHARED = """
    SELECT
        case_id, prediction_id, model, version, last_at,
        (
            SELECT json_group_array(json_array(
                created_at, id, expert, expert_key, outcome, json(answer), direction, tolerance
            ))
            FROM current_verdicts WHERE current_verdicts.case_id = review_cases.case_id
        ) AS answers
    FROM review_cases WHERE true
"""
SHARED_CASE = (
    _SHARED
    + " AND case_id = (SELECT case_id FROM verdicts WHERE prediction_id = :prediction_id LIMIT 1)"
)
SHARED_CASES = _SHARED + _OF_MODEL + _LATEST_FIRST + _PAGE
_CASE = """
    SELECT case_id, prediction_id, model, version, conflict, adjudicated, last_at
    FROM review_cases WHERE
"""
CONFLICTS = (
    _CASE
    + " conflict AND (:adjudicated IS NULL OR adjudicated = :adjudicated)"
    + " AND case_id NOT IN (SELECT value FROM json_each(:closed))"
    + _OF_MODEL
    + _LATEST_FIRST
    + _PAGE
)
CASE = _CASE + " case_id = :case_id"
_STATE = "SELECT case_id, conflict AND NOT adjudicated FROM review_cases WHERE true"
SHARED_STATES = _STATE + _OF_MODEL
CURRENT_ON_CASE = """
    SELECT * FROM current_verdicts WHERE case_id = :case_id ORDER BY created_at, id LIMIT :most
"""

# The numbers of a regression and what was said of each, the newest first.
NUMBERS = """
    SELECT
        predictions.value AS value, review_groups.outcome AS outcome,
        coalesce(final.answer, verdicts.blind_value, verdicts.correct_value) AS answer,
        CASE WHEN final.outcome IS NOT NULL THEN verdicts.case_id END AS decided
    FROM review
    CROSS JOIN review_groups ON review_groups.id = review.group_id
    CROSS JOIN verdict_order ON verdict_order.number = review.number
    CROSS JOIN verdicts ON verdicts.id = verdict_order.verdict_id
    CROSS JOIN predictions ON predictions.id = verdicts.prediction_id
    LEFT JOIN final_answers AS final ON final.case_id = verdicts.case_id
    WHERE substr(:mask, review.group_id, 1) = x'01' AND review_groups.outcome <> 'unsure'
        AND (:closed IS NULL OR review.number NOT IN (SELECT value FROM json_each(:closed)))
    ORDER BY review.number DESC LIMIT :most
"""

PREDICTIONS_AFTER = """
    SELECT rowid AS place, * FROM predictions
    WHERE rowid > :place
        AND (:model IS NULL OR model = :model) AND (:version IS NULL OR version = :version)
        AND (:batch IS NULL OR batch_id = :batch) AND (:source IS NULL OR source = :source)
        AND (:since IS NULL OR created_at >= :since)
        AND (:until IS NULL OR created_at < :until || 'U')
    ORDER BY rowid LIMIT :size
"""
