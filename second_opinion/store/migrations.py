"""The schema's diary: each function is one step, applied once, in order, and never edited.

The rules that keep verdicts safe are constraints and triggers, so that they also hold for whoever
opens the file with another program.
"""

from __future__ import annotations

from sqlite_utils.db import Database
from sqlite_utils.migrations import Migrations

from second_opinion.store import (
    outcome_step,
    sql_api_tokens,
    sql_audit,
    sql_invitations,
    sql_namesakes,
    sql_own_answers,
    sql_plan_tables,
    sql_retention,
    sql_review_tables,
    sql_sign_ins,
    sql_verdicts,
    sql_visits,
    verdict_kinds_table,
)

migrations = Migrations("second_opinion")


@migrations()
def m001_predictions_and_verdicts(db: Database) -> None:
    """Predictions that never change, and verdicts that are only ever added."""
    db.executescript("""
        CREATE TABLE predictions (
            id TEXT NOT NULL PRIMARY KEY,
            batch_id TEXT,
            row_number INTEGER,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            model_sha256 TEXT NOT NULL,
            card_sha256 TEXT NOT NULL,
            inputs TEXT NOT NULL CHECK (json_valid(inputs)),
            value TEXT CHECK (value IS NULL OR json_valid(value)),
            confidence REAL,
            probabilities TEXT CHECK (probabilities IS NULL OR json_valid(probabilities)),
            flags TEXT NOT NULL CHECK (json_valid(flags)),
            source TEXT NOT NULL CHECK (source IN ('form', 'batch', 'api', 'plan')),
            asked_by TEXT NOT NULL,
            latency_ms REAL NOT NULL,
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX predictions_by_person ON predictions (asked_by, created_at);
        CREATE INDEX predictions_by_model ON predictions (model, version);

        CREATE TRIGGER predictions_never_change BEFORE UPDATE ON predictions
        BEGIN
            SELECT RAISE(ABORT, 'predictions never change: add a new one');
        END;

        CREATE TABLE verdicts (
            id TEXT NOT NULL PRIMARY KEY,
            prediction_id TEXT NOT NULL REFERENCES predictions (id),
            expert TEXT NOT NULL,
            identity_source TEXT NOT NULL
                CHECK (identity_source IN ('oidc', 'invite', 'code', 'declared', 'api')),
            judgement TEXT NOT NULL
                CHECK (judgement IN ('agree', 'disagree', 'unsure', 'withdrawn')),
            correct_value TEXT CHECK (correct_value IS NULL OR json_valid(correct_value)),
            direction TEXT CHECK (direction IN ('too_high', 'too_low')),
            severity TEXT CHECK (severity IN ('minor', 'serious')),
            comment TEXT NOT NULL,
            mode TEXT NOT NULL CHECK (mode IN ('open', 'blind')),
            blind_value TEXT CHECK (blind_value IS NULL OR json_valid(blind_value)),
            blind_confidence REAL,
            seconds REAL,
            supersedes TEXT REFERENCES verdicts (id),
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX verdicts_supersedes ON verdicts (supersedes);
        CREATE INDEX verdicts_by_prediction ON verdicts (prediction_id);
        CREATE INDEX verdicts_by_time ON verdicts (created_at, id);

        CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON verdicts
        BEGIN
            SELECT RAISE(ABORT, 'verdicts are append-only: add one that supersedes this one');
        END;
        CREATE TRIGGER verdicts_stay BEFORE DELETE ON verdicts
        BEGIN
            SELECT RAISE(ABORT, 'verdicts are append-only: add one that is withdrawn');
        END;
        -- INSERT OR REPLACE deletes without asking the trigger above.
        CREATE TRIGGER verdicts_are_not_replaced BEFORE INSERT ON verdicts
        WHEN EXISTS (
            SELECT 1 FROM verdicts WHERE id = new.id OR supersedes = new.supersedes
        )
        BEGIN
            SELECT RAISE(ABORT, 'verdicts are append-only: this one is already there');
        END;

        CREATE VIEW current_verdicts AS
        SELECT * FROM verdicts
        WHERE judgement <> 'withdrawn' AND NOT EXISTS (
            SELECT 1 FROM verdicts AS later WHERE later.supersedes = verdicts.id
        );
    """)


@migrations()
def m002_aliases(db: Database) -> None:
    """Which version an alias means can change while the app runs; who changed it stays known."""
    db.executescript("""
        CREATE TABLE aliases (
            id TEXT NOT NULL PRIMARY KEY,
            model TEXT NOT NULL,
            alias TEXT NOT NULL,
            version TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('promote', 'rollback')),
            moved_by TEXT NOT NULL,
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX aliases_by_model ON aliases (model, alias);

        CREATE TRIGGER aliases_never_change BEFORE UPDATE ON aliases
        BEGIN
            SELECT RAISE(ABORT, 'alias moves are append-only: add another move');
        END;
        CREATE TRIGGER aliases_stay BEFORE DELETE ON aliases
        BEGIN
            SELECT RAISE(ABORT, 'alias moves are append-only: add another move');
        END;
    """)


@migrations()
def m003_alias_of_a_prediction(db: Database) -> None:
    """Under which alias a case was asked: an A/B alias is judged by the answers it gave."""
    db.executescript("""
        ALTER TABLE predictions ADD COLUMN alias TEXT;
        CREATE INDEX predictions_by_alias ON predictions (model, alias, version)
            WHERE alias IS NOT NULL;
    """)


@migrations()
def m004_batches(db: Database) -> None:
    """Uploads as chunks of text, written before the scoring, with the scored columns beside it."""
    db.executescript("""
        CREATE TABLE batches (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            format TEXT NOT NULL,
            file_sha256 TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            columns TEXT NOT NULL CHECK (json_valid(columns)),
            personal TEXT NOT NULL CHECK (json_valid(personal)),
            encoding TEXT NOT NULL,
            delimiter TEXT NOT NULL,
            decimal TEXT NOT NULL,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            model_sha256 TEXT NOT NULL,
            card_sha256 TEXT NOT NULL,
            asked_by TEXT NOT NULL,
            created_at TEXT NOT NULL,
            bytes_read INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            bad_rows INTEGER NOT NULL,
            problems INTEGER NOT NULL,
            rows_done INTEGER NOT NULL,
            rows_failed INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (
                state IN ('checking', 'checked', 'scoring', 'done', 'cancelled', 'failed')
            ),
            message TEXT NOT NULL,
            started_at TEXT,
            rows_before INTEGER NOT NULL,
            finished_at TEXT,
            heartbeat_at TEXT,
            worker TEXT,
            CHECK (rows_done BETWEEN 0 AND rows)
        ) STRICT;
        CREATE INDEX batches_by_time ON batches (created_at);

        CREATE TRIGGER batches_keep_what_they_are BEFORE UPDATE OF
            id, name, format, file_sha256, bytes, columns, personal, encoding, delimiter, decimal,
            model, version, model_sha256, card_sha256, asked_by, created_at
        ON batches
        BEGIN
            SELECT RAISE(ABORT, 'a batch keeps its file and its model: add a new one');
        END;

        CREATE TABLE batch_chunks (
            batch_id TEXT NOT NULL REFERENCES batches (id),
            position INTEGER NOT NULL,
            first_row INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            faults BLOB,
            problems BLOB NOT NULL,
            -- Before the text: SQLite reads a row from its start to the column that is asked for.
            scored BLOB,
            rejected BLOB NOT NULL,
            text BLOB NOT NULL,
            PRIMARY KEY (batch_id, position)
        ) STRICT;
        CREATE INDEX batch_chunks_unscored ON batch_chunks (batch_id, position)
            WHERE scored IS NULL AND rows > 0;

        CREATE TRIGGER batch_chunks_never_change BEFORE UPDATE OF
            batch_id, position, first_row, rows, problems, rejected, text
        ON batch_chunks
        BEGIN
            SELECT RAISE(ABORT, 'the rows of a batch never change: upload the file again');
        END;
        CREATE TRIGGER batch_chunks_are_scored_once BEFORE UPDATE OF faults, scored ON batch_chunks
        WHEN OLD.scored IS NOT NULL
        BEGIN
            SELECT RAISE(ABORT, 'scored rows never change: score the file as a new batch');
        END;
        CREATE TRIGGER batch_chunks_stay BEFORE DELETE ON batch_chunks
        WHEN OLD.scored IS NOT NULL
        BEGIN
            SELECT RAISE(ABORT, 'scored rows stay');
        END;
        -- INSERT OR REPLACE deletes without asking the trigger above.
        CREATE TRIGGER batch_chunks_are_not_replaced BEFORE INSERT ON batch_chunks
        WHEN EXISTS (
            SELECT 1 FROM batch_chunks WHERE batch_id = new.batch_id AND position = new.position
        )
        BEGIN
            SELECT RAISE(ABORT, 'the rows of a batch never change: this chunk is already there');
        END;

        CREATE INDEX predictions_by_batch ON predictions (batch_id, row_number)
            WHERE batch_id IS NOT NULL;
    """)


@migrations()
def m005_review(db: Database) -> None:
    """Decisions of reviewers, who did what, and summaries that make a million verdicts quick."""
    db.executescript(sql_review_tables.REVIEW)


@migrations()
def m006_verdict_kinds(db: Database) -> None:
    """What a verdict counts as stands in a table, so that a kind more needs no step of its own."""
    verdict_kinds_table.copy_verdicts(db)


@migrations()
def m007_outcomes(db: Database) -> None:
    """A verdict or final answer says of the prediction what it said when it was stored."""
    outcome_step.take(db)


@migrations()
def m008_notes_of_a_batch(db: Database) -> None:
    """How a file was read, such as which sheet of it, is said as long as its batch is there."""
    db.executescript("""
        ALTER TABLE batches ADD COLUMN notes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(notes));

        CREATE TRIGGER batches_keep_their_notes BEFORE UPDATE OF notes ON batches
        BEGIN
            SELECT RAISE(ABORT, 'a batch keeps its file and its model: add a new one');
        END;
    """)


@migrations()
def m009_database_identity(db: Database) -> None:
    """A file is known by what is in it: an id, whose copy it is, and how far it has come."""
    db.executescript("""
        CREATE TABLE database_identity (
            id TEXT NOT NULL PRIMARY KEY,
            copy_of TEXT,
            created_at TEXT NOT NULL,
            commits INTEGER NOT NULL,
            checkpointed INTEGER NOT NULL
        ) STRICT;
        INSERT INTO database_identity VALUES (
            lower(hex(randomblob(16))), NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1, 0
        );
        CREATE TRIGGER database_identity_stays BEFORE DELETE ON database_identity
        BEGIN
            SELECT RAISE(ABORT, 'a database keeps its id');
        END;
        CREATE TRIGGER database_identity_is_one BEFORE INSERT ON database_identity
        BEGIN
            SELECT RAISE(ABORT, 'a database has one id');
        END;
    """)


@migrations()
def m010_dialect_of_a_batch(db: Database) -> None:
    """How a file was written is kept, so that the scored one can be written as it came."""
    db.executescript("""
        ALTER TABLE batches ADD COLUMN dialect TEXT NOT NULL DEFAULT '{}'
            CHECK (json_valid(dialect));

        CREATE TRIGGER batches_keep_their_dialect BEFORE UPDATE OF dialect ON batches
        BEGIN
            SELECT RAISE(ABORT, 'a batch keeps its file and its model: add a new one');
        END;
    """)


@migrations()
def m011_plans(db: Database) -> None:
    """What is to be shown of a model, and in which order its cases are drawn, frozen beforehand."""
    db.executescript(sql_plan_tables.PLANS)


@migrations()
def m012_case_columns(db: Database) -> None:
    """What experts see of the columns that the model does not use, and the pictures of cases."""
    db.executescript("""
        CREATE TABLE case_columns (
            id TEXT NOT NULL PRIMARY KEY,
            batch_id TEXT NOT NULL REFERENCES batches (id),
            shown TEXT NOT NULL CHECK (json_valid(shown)),
            hidden TEXT NOT NULL CHECK (json_valid(hidden)),
            link_hosts TEXT NOT NULL CHECK (json_valid(link_hosts)),
            picture TEXT NOT NULL,
            chosen_by TEXT NOT NULL,
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX case_columns_by_batch ON case_columns (batch_id);

        CREATE TRIGGER case_columns_never_change BEFORE UPDATE ON case_columns
        BEGIN
            SELECT RAISE(ABORT, 'choices of columns are append-only: add another one');
        END;
        CREATE TRIGGER case_columns_stay BEFORE DELETE ON case_columns
        BEGIN
            SELECT RAISE(ABORT, 'choices of columns are append-only: add another one');
        END;

        CREATE TABLE case_pictures (
            batch_id TEXT NOT NULL REFERENCES batches (id),
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('png', 'jpeg', 'gif', 'webp')),
            content BLOB NOT NULL,
            created_at TEXT NOT NULL,
            PRIMARY KEY (batch_id, name)
        ) STRICT;
        CREATE TRIGGER case_pictures_never_change BEFORE UPDATE ON case_pictures
        BEGIN
            SELECT RAISE(ABORT, 'a picture of a case stays as it was judged: give it another name');
        END;
    """)


@migrations()
def m013_card_edits(db: Database) -> None:
    """Texts of a card that its owner changed: over the file's own, in every process."""
    db.executescript("""
        CREATE TABLE card_edits (
            id TEXT NOT NULL PRIMARY KEY,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            model_sha256 TEXT NOT NULL,
            field TEXT NOT NULL,
            text TEXT NOT NULL,
            edited_by TEXT NOT NULL,
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER card_edits_never_change BEFORE UPDATE ON card_edits
        BEGIN
            SELECT RAISE(ABORT, 'an edit of a card never changes: add another one');
        END;
        CREATE TRIGGER card_edits_stay BEFORE DELETE ON card_edits
        BEGIN
            SELECT RAISE(ABORT, 'an edit of a card stays');
        END;
    """)


@migrations()
def m014_own_probability(db: Database) -> None:
    """An expert may say beside a verdict on a risk how likely the event is."""
    db.executescript("""
        ALTER TABLE verdicts ADD COLUMN own_probability REAL
            CHECK (own_probability BETWEEN 0 AND 1);
    """)


@migrations()
def m015_reason_of_a_move(db: Database) -> None:
    """Who moves an alias may say why, which stands beside the move."""
    db.executescript("ALTER TABLE aliases ADD COLUMN reason TEXT NOT NULL DEFAULT ''")


@migrations()
def m016_queue(db: Database) -> None:
    """Whose turn a drawn case is, what was skipped, and what somebody has begun to answer."""
    db.executescript(sql_plan_tables.QUEUE)


@migrations()
def m017_unfamiliar_values_of_a_batch(db: Database) -> None:
    """What a file holds that the model has not seen is said when the file is checked."""
    db.executescript("""
        ALTER TABLE batches ADD COLUMN unfamiliar TEXT NOT NULL DEFAULT '[]'
            CHECK (json_valid(unfamiliar));
        CREATE TRIGGER batches_keep_what_was_unfamiliar BEFORE UPDATE OF unfamiliar ON batches
        WHEN OLD.state <> 'checking'
        BEGIN
            SELECT RAISE(ABORT, 'a batch keeps its file and its model: add a new one');
        END;
    """)


@migrations()
def m018_who_is_who(db: Database) -> None:
    """People go by a key, so that a typed name is not whoever signs in under it."""
    db.executescript("""
        ALTER TABLE predictions ADD COLUMN expert_key TEXT;
        ALTER TABLE verdicts ADD COLUMN expert_key TEXT;
        CREATE INDEX predictions_of_person ON predictions (expert_key, created_at)
            WHERE expert_key IS NOT NULL;
        CREATE INDEX verdicts_of_proven ON verdicts (expert_key)
            WHERE identity_source IN ('oidc', 'invite', 'api');
        CREATE INDEX verdicts_of_proven_by_label ON verdicts (expert)
            WHERE identity_source IN ('oidc', 'invite', 'api');

        -- Here the column of the label holds the key.
        DROP TRIGGER skips_never_change;
        ALTER TABLE skips ADD COLUMN label TEXT;
        UPDATE skips SET expert = 'declared:' || expert;
        UPDATE leases SET expert = 'declared:' || expert;
        UPDATE drafts SET expert = 'declared:' || expert;
        CREATE TRIGGER skips_never_change BEFORE UPDATE ON skips
        BEGIN
            SELECT RAISE(ABORT, 'who skipped a case stays known');
        END;
    """)


@migrations()
def m019_maker_of_a_batch(db: Database) -> None:
    """A batch is its maker's on every device, where something vouches for who that is."""
    db.executescript("""
        ALTER TABLE batches ADD COLUMN expert_key TEXT;
        CREATE TRIGGER batches_keep_their_maker BEFORE UPDATE OF expert_key ON batches
        BEGIN
            SELECT RAISE(ABORT, 'a batch keeps its file and its model: add a new one');
        END;
    """)


@migrations()
def m020_predictions_by_hour(db: Database) -> None:
    """Who asked how much of which version, and how quick it was, stands beside the events."""
    db.executescript(sql_audit.PREDICTION_HOURS)


@migrations()
def m021_invitations(db: Database) -> None:
    """An expert comes in by a personal link, of which the hash alone is here."""
    db.executescript(sql_invitations.TABLES)


@migrations()
def m022_visits(db: Database) -> None:
    """Who was here in which role, and how they proved it."""
    db.executescript(sql_visits.TABLE)


@migrations()
def m023_retention(db: Database) -> None:
    """What is kept how long, and what was removed; verdicts and what they rest on stay."""
    db.executescript(sql_retention.RULES_AND_REMOVALS)


@migrations()
def m024_sign_ins(db: Database) -> None:
    """An e-mail address is the account's that first signed in with it."""
    db.executescript(sql_sign_ins.TABLE)


@migrations()
def m025_api_tokens(db: Database) -> None:
    """A program calls with a token that an owner made, of which the hash alone is here."""
    db.executescript(sql_api_tokens.TABLE)


@migrations()
def m026_own_answers(db: Database) -> None:
    """What somebody answered before deciding a conflict stays, however long events are kept."""
    db.executescript(sql_own_answers.TABLE)


@migrations()
def m027_namesakes(db: Database) -> None:
    """Verdicts of people who bear one label are counted apart."""
    db.executescript(sql_namesakes.COUNT_APART)


@migrations()
def m028_logs_begun(db: Database) -> None:
    """Of several processes whose log was removed, the one that had the last begins the next."""
    db.executescript(
        "ALTER TABLE database_identity ADD COLUMN logs_begun INTEGER NOT NULL DEFAULT 0"
    )


@migrations()
def m029_answers_that_programs_sent(db: Database) -> None:
    """Home asks in each run which of them a person has still to judge."""
    db.executescript(sql_verdicts.SENT_INDEX)


@migrations()
def m030_address_releases(db: Database) -> None:
    """An owner frees an e-mail address, so that another account may sign in with it."""
    db.executescript(sql_sign_ins.RELEASES)


@migrations()
def m031_known_answers(db: Database) -> None:
    """Cases whose answer is known are put between the draws of a plan, to check who answers."""
    db.executescript(sql_plan_tables.KNOWN_ANSWERS)
