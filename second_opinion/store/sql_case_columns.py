"""Every SQL statement about the columns of a batch that its model does not use, and pictures."""

ADD_CHOICE = """
    INSERT INTO case_columns (
        id, batch_id, shown, hidden, link_hosts, picture, chosen_by, created_at
    ) VALUES (
        :id, :batch_id, :shown, :hidden, :link_hosts, :picture, :chosen_by, :created_at
    )
    ON CONFLICT (id) DO NOTHING
"""

LATEST_CHOICE = """
    SELECT shown, hidden, link_hosts, picture FROM case_columns
    WHERE batch_id = :batch_id ORDER BY rowid DESC LIMIT 1
"""

ADD_PICTURE = """
    INSERT INTO case_pictures (batch_id, name, kind, content, created_at)
    VALUES (:batch_id, :name, :kind, :content, :created_at)
    ON CONFLICT (batch_id, name) DO NOTHING
"""

PICTURES = """
    SELECT name, kind, content FROM case_pictures
    WHERE batch_id = :batch_id AND name IN (SELECT value FROM json_each(:names))
"""

PICTURE_COUNT = """
    SELECT count(*) AS pictures, coalesce(sum(length(content)), 0) AS bytes FROM case_pictures
    WHERE batch_id = :batch_id
"""

_OF_OPEN_PLANS = """
    FROM draws JOIN plans ON plans.id = draws.plan_id JOIN batches ON batches.id = draws.batch_id
    WHERE draws.position < 0
        AND plans.id NOT IN (SELECT plan_id FROM plan_closings)
        AND plans.id NOT IN (SELECT replaces FROM plans WHERE replaces IS NOT NULL)
"""
# The files of known cases that open plans on a batch have, and whether it is one itself.
KNOWN_FILES = (
    "SELECT DISTINCT draws.batch_id, batches.name, batches.columns"
    + _OF_OPEN_PLANS
    + " AND plans.batch_id = :batch_id"
)
IS_KNOWN_FILE = "SELECT 1" + _OF_OPEN_PLANS + " AND draws.batch_id = :batch_id LIMIT 1"
