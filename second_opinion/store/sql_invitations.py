"""The tables of personal links, and the SQL statements about them."""

TABLES = """
    CREATE TABLE invitations (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL,
        model TEXT,
        plan_id TEXT REFERENCES plans (id),
        invited_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER invitations_never_change BEFORE UPDATE ON invitations
    BEGIN
        SELECT RAISE(ABORT, 'an invitation never changes: invite again');
    END;
    CREATE TRIGGER invitations_stay BEFORE DELETE ON invitations
    BEGIN
        SELECT RAISE(ABORT, 'an invitation stays: revoke its link');
    END;

    -- The last link of an invitation is the one that opens, unless it was revoked since.
    CREATE TABLE invitation_links (
        id TEXT NOT NULL PRIMARY KEY,
        invitation_id TEXT NOT NULL REFERENCES invitations (id),
        action TEXT NOT NULL CHECK (action IN ('link', 'revoke', 'restore')),
        secret_sha256 TEXT CHECK ((secret_sha256 IS NULL) = (action <> 'link')),
        moved_by TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX invitation_links_of ON invitation_links (invitation_id);
    CREATE UNIQUE INDEX invitation_links_by_secret ON invitation_links (secret_sha256)
        WHERE secret_sha256 IS NOT NULL;
    CREATE TRIGGER invitation_links_never_change BEFORE UPDATE ON invitation_links
    BEGIN
        SELECT RAISE(ABORT, 'what was done with a link stays known');
    END;
    CREATE TRIGGER invitation_links_stay BEFORE DELETE ON invitation_links
    BEGIN
        SELECT RAISE(ABORT, 'what was done with a link stays known');
    END;
"""

ADD_INVITATION = """
    INSERT INTO invitations (id, name, email, model, plan_id, invited_by, created_at)
    VALUES (:id, :name, :email, :model, :plan_id, :invited_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

ADD_LINK_MOVE = """
    INSERT INTO invitation_links (
        id, invitation_id, action, secret_sha256, moved_by, created_at
    ) VALUES (:id, :invitation_id, :action, :secret_sha256, :moved_by, :created_at)
    ON CONFLICT (id) DO NOTHING
"""

# By rowid, the order of storing: a clock that is set back must not bring a revoked link to life.
_STATES = """
    SELECT
        invitation.*,
        (SELECT model FROM plans WHERE plans.id = invitation.plan_id) AS plan_model,
        (
            SELECT action FROM invitation_links AS move
            WHERE invitation_id = invitation.id ORDER BY move.rowid DESC LIMIT 1
        ) AS last_action,
        link.secret_sha256 AS secret_sha256, link.created_at AS link_at
    FROM invitations AS invitation
    JOIN invitation_links AS link ON link.rowid = (
        SELECT max(move.rowid) FROM invitation_links AS move
        WHERE invitation_id = invitation.id AND action = 'link'
    )
"""

STATE = _STATES + " WHERE invitation.id = :id"

STATE_BY_SECRET = (
    _STATES
    + """
    WHERE invitation.id = (
        SELECT invitation_id FROM invitation_links WHERE secret_sha256 = :secret_sha256
    )
"""
)

STATES = _STATES + " ORDER BY invitation.rowid DESC"

# Of each person of an invitation how many cases of models that are not hidden are judged, and when
# the last was.
CASES = """
    SELECT
        verdict.expert_key AS expert_key, count(DISTINCT prediction_id) AS cases,
        max(verdict.created_at) AS last_verdict_at
    FROM current_verdicts AS verdict
    JOIN predictions ON predictions.id = verdict.prediction_id
        AND predictions.model NOT IN (SELECT value FROM json_each(:hidden))
    WHERE verdict.identity_source = 'invite' GROUP BY verdict.expert_key
"""

# Of each person with a link to a plan how many of its cases are answered in the way it asks for.
PLAN_CASES = """
    WITH RECURSIVE line (invitation_id, plan_id) AS (
        SELECT id, plan_id FROM invitations WHERE plan_id IS NOT NULL
        UNION ALL
        SELECT invitation_id, plans.id FROM line JOIN plans ON plans.replaces = line.plan_id
    )
    SELECT invitation_id, count(DISTINCT draw.position) AS cases
    FROM line
    JOIN plans AS plan ON plan.id = line.plan_id
        AND plan.id NOT IN (SELECT replaces FROM plans WHERE replaces IS NOT NULL)
    JOIN draws AS draw ON draw.plan_id = plan.id AND draw.position >= 0
    JOIN verdicts AS verdict ON verdict.prediction_id = draw.prediction_id
        AND verdict.expert_key = 'invite:' || invitation_id AND verdict.mode = plan.mode
        AND verdict.identity_source = 'invite'
    JOIN verdict_order AS ordered ON ordered.verdict_id = verdict.id
        AND ordered.number > plan.after_verdict
    GROUP BY invitation_id
"""
