"""The SQL statements that compare two databases, and bring what people said from one to another."""

ATTACH_COPY = "ATTACH :path AS copy"

# What a database has that a copy of it lacks.
ABSENT_PREDICTIONS = "SELECT id FROM main.predictions EXCEPT SELECT id FROM copy.predictions"
ABSENT_VERDICTS = "SELECT id FROM main.verdicts EXCEPT SELECT id FROM copy.verdicts"
ABSENT_TRIAGE = "SELECT id FROM main.triage EXCEPT SELECT id FROM copy.triage"
ABSENT_ADJUDICATIONS = "SELECT id FROM main.adjudications EXCEPT SELECT id FROM copy.adjudications"
ABSENT_ALIASES = "SELECT id FROM main.aliases EXCEPT SELECT id FROM copy.aliases"
ABSENT_CARD_EDITS = "SELECT id FROM main.card_edits EXCEPT SELECT id FROM copy.card_edits"
ABSENT_EVENTS = "SELECT id FROM main.events EXCEPT SELECT id FROM copy.events"
ABSENT_OWN_ANSWERS = "SELECT id FROM main.own_answers EXCEPT SELECT id FROM copy.own_answers"
ABSENT_SIGN_INS = "SELECT id FROM main.sign_ins EXCEPT SELECT id FROM copy.sign_ins"
ABSENT_ADDRESS_RELEASES = """
    SELECT id FROM main.address_releases EXCEPT SELECT id FROM copy.address_releases
"""
ABSENT_BATCHES = "SELECT id, state FROM main.batches EXCEPT SELECT id, state FROM copy.batches"
ABSENT_BATCH_CHUNKS = """
    SELECT batch_id, position, scored IS NULL FROM main.batch_chunks
    EXCEPT SELECT batch_id, position, scored IS NULL FROM copy.batch_chunks
"""
ABSENT_PLANS = "SELECT id FROM main.plans EXCEPT SELECT id FROM copy.plans"
ABSENT_PLAN_CLOSINGS = """
    SELECT plan_id FROM main.plan_closings EXCEPT SELECT plan_id FROM copy.plan_closings
"""
ABSENT_INVITATIONS = "SELECT id FROM main.invitations EXCEPT SELECT id FROM copy.invitations"
ABSENT_INVITATION_LINKS = """
    SELECT id FROM main.invitation_links EXCEPT SELECT id FROM copy.invitation_links
"""
ABSENT_API_TOKENS = "SELECT id FROM main.api_tokens EXCEPT SELECT id FROM copy.api_tokens"
ABSENT_RETENTION_RULES = """
    SELECT id FROM main.retention_rules EXCEPT SELECT id FROM copy.retention_rules
"""
ABSENT_REMOVALS = "SELECT id FROM main.removals EXCEPT SELECT id FROM copy.removals"
ABSENT_CASE_COLUMNS = "SELECT id FROM main.case_columns EXCEPT SELECT id FROM copy.case_columns"
ABSENT_CASE_PICTURES = """
    SELECT batch_id, name FROM main.case_pictures
    EXCEPT SELECT batch_id, name FROM copy.case_pictures
"""
ABSENT_DRAFTS = """
    SELECT plan_id, position, expert, updated_at FROM main.drafts
    EXCEPT SELECT plan_id, position, expert, updated_at FROM copy.drafts
"""
ABSENT_SKIPS = """
    SELECT plan_id, position, expert FROM main.skips
    EXCEPT SELECT plan_id, position, expert FROM copy.skips
"""
ABSENT_CARDS = "SELECT sha256 FROM main.cards EXCEPT SELECT sha256 FROM copy.cards"
ABSENT_VERDICT_KINDS = """
    SELECT name FROM main.verdict_kinds EXCEPT SELECT name FROM copy.verdict_kinds
"""

NEWEST_CARDS = "SELECT * FROM cards ORDER BY rowid DESC"
HAS_CARDS = "SELECT 1 FROM cards WHERE sha256 = :sha256"
NEWEST_PREDICTIONS = "SELECT * FROM predictions ORDER BY rowid DESC"
HAS_PREDICTIONS = "SELECT 1 FROM predictions WHERE id = :id"
NEWEST_VERDICTS = "SELECT * FROM verdicts ORDER BY rowid DESC"
HAS_VERDICTS = "SELECT 1 FROM verdicts WHERE id = :id"
NEWEST_TRIAGE = "SELECT * FROM triage ORDER BY rowid DESC"
HAS_TRIAGE = "SELECT 1 FROM triage WHERE id = :id"
NEWEST_ADJUDICATIONS = "SELECT * FROM adjudications ORDER BY rowid DESC"
HAS_ADJUDICATIONS = "SELECT 1 FROM adjudications WHERE id = :id"
NEWEST_ALIASES = "SELECT * FROM aliases ORDER BY rowid DESC"
HAS_ALIASES = "SELECT 1 FROM aliases WHERE id = :id"
NEWEST_PLANS = "SELECT * FROM plans ORDER BY rowid DESC"
HAS_PLANS = "SELECT 1 FROM plans WHERE id = :id"
NEWEST_DRAWS = "SELECT * FROM draws ORDER BY rowid DESC"
HAS_DRAWS = "SELECT 1 FROM draws WHERE plan_id = :plan_id AND position = :position"
NEWEST_KNOWN_ANSWERS = "SELECT * FROM known_answers ORDER BY rowid DESC"
HAS_KNOWN_ANSWERS = """
    SELECT 1 FROM known_answers WHERE plan_id = :plan_id AND position = :position
"""
NEWEST_PLAN_CLOSINGS = "SELECT * FROM plan_closings ORDER BY rowid DESC"
HAS_PLAN_CLOSINGS = "SELECT 1 FROM plan_closings WHERE plan_id = :plan_id"
NEWEST_CARD_EDITS = "SELECT * FROM card_edits ORDER BY rowid DESC"
HAS_CARD_EDITS = "SELECT 1 FROM card_edits WHERE id = :id"
NEWEST_SKIPS = "SELECT * FROM skips ORDER BY rowid DESC"
HAS_SKIPS = """
    SELECT 1 FROM skips WHERE plan_id = :plan_id AND position = :position AND expert = :expert
"""
NEWEST_INVITATIONS = "SELECT * FROM invitations ORDER BY rowid DESC"
HAS_INVITATIONS = "SELECT 1 FROM invitations WHERE id = :id"
NEWEST_API_TOKENS = "SELECT * FROM api_tokens ORDER BY rowid DESC"
HAS_API_TOKENS = "SELECT 1 FROM api_tokens WHERE id = :id"
NEWEST_INVITATION_LINKS = "SELECT * FROM invitation_links ORDER BY rowid DESC"
HAS_INVITATION_LINKS = "SELECT 1 FROM invitation_links WHERE id = :id"
NEWEST_RETENTION_RULES = "SELECT * FROM retention_rules ORDER BY rowid DESC"
HAS_RETENTION_RULES = "SELECT 1 FROM retention_rules WHERE id = :id"
NEWEST_REMOVALS = "SELECT * FROM removals ORDER BY rowid DESC"
HAS_REMOVALS = "SELECT 1 FROM removals WHERE id = :id"
NEWEST_SIGN_INS = "SELECT * FROM sign_ins ORDER BY rowid DESC"
HAS_SIGN_INS = "SELECT 1 FROM sign_ins WHERE id = :id"
NEWEST_OWN_ANSWERS = "SELECT * FROM own_answers ORDER BY rowid DESC"
HAS_OWN_ANSWERS = "SELECT 1 FROM own_answers WHERE id = :id"
NEWEST_ADDRESS_RELEASES = "SELECT * FROM address_releases ORDER BY rowid DESC"
HAS_ADDRESS_RELEASES = "SELECT 1 FROM address_releases WHERE id = :id"
NEWEST_EVENTS = "SELECT * FROM events ORDER BY rowid DESC"
HAS_EVENTS = "SELECT 1 FROM events WHERE id = :id"
