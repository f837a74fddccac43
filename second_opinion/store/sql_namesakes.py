"""How verdicts of people who bear one label are counted apart: whole and fixed statements."""

# The signs are those of `namesakes`. What a verdict counts as is as before.
COUNT_APART = """
    DROP VIEW verdict_outcomes;
    CREATE VIEW verdict_outcomes AS
    SELECT
        verdict.id AS verdict_id, verdict.prediction_id AS prediction_id,
        verdict.case_id AS case_id, model, version, source,
        CASE
            WHEN verdict.identity_source IN ('oidc', 'invite', 'api')
                AND verdict.expert_key IS NOT NULL
            THEN expert || ' <<' || verdict.expert_key || '>>'
            ELSE expert
        END AS expert,
        judgement, coalesce(severity, '') AS severity, mode,
        CASE WHEN verdict.tolerance IS NULL THEN coalesce(value, '') ELSE '' END AS value,
        CASE
            WHEN verdict.tolerance IS NOT NULL OR value IS NULL THEN ''
            WHEN final.outcome IS NULL THEN coalesce(verdict.answer, '')
            ELSE coalesce(nullif(final.answer, 'null'), '')
        END AS answer,
        correct_value IS NOT NULL AS corrected,
        final.outcome IS NOT NULL AS adjudicated,
        coalesce(final.outcome, verdict.outcome) AS outcome,
        coalesce(
            (
                SELECT state FROM triage WHERE triage.verdict_id = verdict.id
                ORDER BY triage.rowid DESC LIMIT 1
            ),
            first_triage
        ) AS triage,
        batch_id, substr(verdict.created_at, 1, 10) AS day, confidence
    FROM current_verdicts AS verdict
    JOIN predictions AS prediction ON prediction.id = verdict.prediction_id
    CROSS JOIN verdict_kinds AS kind ON kind.name = verdict.judgement
    LEFT JOIN final_answers AS final ON final.case_id = verdict.case_id;

    INSERT INTO verdicts_to_count (verdict_id)
        SELECT id FROM current_verdicts
        WHERE identity_source IN ('oidc', 'invite', 'api') AND expert_key IS NOT NULL;
"""
