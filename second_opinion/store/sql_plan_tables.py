"""The tables of plans: what was frozen, its cases in draw order, and what was reached."""

PLANS = """
    CREATE TABLE plans (
        id TEXT NOT NULL PRIMARY KEY,
        number INTEGER NOT NULL,
        replaces TEXT REFERENCES plans (id),
        batch_id TEXT NOT NULL,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        model_sha256 TEXT NOT NULL,
        answers_sha256 TEXT NOT NULL,
        pool_sha256 TEXT NOT NULL,
        cases INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        unreadable INTEGER NOT NULL,
        target REAL NOT NULL CHECK (target > 0 AND target < 1),
        alpha REAL NOT NULL CHECK (alpha > 0 AND alpha < 1),
        expected REAL,
        design TEXT NOT NULL CHECK (design IN ('doubt', 'uniform')),
        tolerance REAL,
        answers INTEGER NOT NULL CHECK (answers >= 1),
        twice REAL NOT NULL CHECK (twice BETWEEN 0 AND 1),
        mode TEXT NOT NULL CHECK (mode IN ('blind', 'open')),
        groups TEXT NOT NULL CHECK (json_valid(groups)),
        experts TEXT NOT NULL CHECK (json_valid(experts)),
        seed TEXT NOT NULL,
        after_verdict INTEGER NOT NULL,
        frozen_by TEXT NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (model, version, number)
    ) STRICT;
    CREATE TRIGGER plans_never_change BEFORE UPDATE ON plans
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: freeze another one');
    END;
    CREATE TRIGGER plans_stay BEFORE DELETE ON plans
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: freeze another one');
    END;
    -- INSERT OR REPLACE deletes without asking the trigger above.
    CREATE TRIGGER plans_are_not_replaced BEFORE INSERT ON plans
    WHEN EXISTS (SELECT 1 FROM plans WHERE id = new.id)
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: this one is already there');
    END;

    CREATE TABLE draws (
        plan_id TEXT NOT NULL REFERENCES plans (id),
        position INTEGER NOT NULL,
        batch_id TEXT NOT NULL,
        row_number INTEGER NOT NULL,
        prediction_id TEXT NOT NULL,
        band INTEGER NOT NULL,
        doubt REAL NOT NULL,
        base REAL NOT NULL,
        confidence REAL,
        twice INTEGER NOT NULL CHECK (twice IN (0, 1)),
        PRIMARY KEY (plan_id, position),
        UNIQUE (plan_id, prediction_id)
    ) STRICT;
    CREATE INDEX draws_by_prediction ON draws (prediction_id);
    CREATE TRIGGER draws_never_change BEFORE UPDATE ON draws
    BEGIN
        SELECT RAISE(ABORT, 'the draws of a plan are frozen: freeze another plan');
    END;
    CREATE TRIGGER draws_stay BEFORE DELETE ON draws
    BEGIN
        SELECT RAISE(ABORT, 'the draws of a plan are frozen: freeze another plan');
    END;
    CREATE TRIGGER draws_are_not_replaced BEFORE INSERT ON draws
    WHEN EXISTS (
        SELECT 1 FROM draws WHERE plan_id = new.plan_id
            AND (position = new.position OR prediction_id = new.prediction_id)
    )
    BEGIN
        SELECT RAISE(ABORT, 'the draws of a plan are frozen: this one is already there');
    END;
    CREATE TRIGGER draws_are_all_there BEFORE INSERT ON draws
    WHEN (SELECT cases FROM plans WHERE id = new.plan_id) <= new.position
    BEGIN
        SELECT RAISE(ABORT, 'the draws of a plan are frozen: it has no more cases');
    END;

    CREATE TABLE plan_closings (
        plan_id TEXT NOT NULL PRIMARY KEY REFERENCES plans (id),
        closed_by TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('established', 'refuted', 'open')),
        bound REAL NOT NULL,
        answers INTEGER NOT NULL,
        last_verdict INTEGER NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER plan_closings_are_not_replaced BEFORE INSERT ON plan_closings
    WHEN EXISTS (SELECT 1 FROM plan_closings WHERE plan_id = new.plan_id)
    BEGIN
        SELECT RAISE(ABORT, 'a closed plan stays closed: freeze another one');
    END;
    CREATE TRIGGER plan_closings_never_change BEFORE UPDATE ON plan_closings
    BEGIN
        SELECT RAISE(ABORT, 'a closed plan stays closed: freeze another one');
    END;
    CREATE TRIGGER plan_closings_stay BEFORE DELETE ON plan_closings
    BEGIN
        SELECT RAISE(ABORT, 'a closed plan stays closed: freeze another one');
    END;
"""

KNOWN_ANSWERS = """
    ALTER TABLE plans ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
    -- Of the draws at positions below 0, which are of another file and never evidence.
    CREATE TABLE known_answers (
        plan_id TEXT NOT NULL,
        position INTEGER NOT NULL CHECK (position < 0),
        answer TEXT NOT NULL CHECK (json_valid(answer)),
        PRIMARY KEY (plan_id, position),
        FOREIGN KEY (plan_id, position) REFERENCES draws (plan_id, position)
    ) STRICT;
    CREATE TRIGGER known_answers_never_change BEFORE UPDATE ON known_answers
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: freeze another one');
    END;
    CREATE TRIGGER known_answers_stay BEFORE DELETE ON known_answers
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: freeze another one');
    END;
    CREATE TRIGGER known_answers_are_all_there BEFORE INSERT ON known_answers
    WHEN new.position < -(SELECT known FROM plans WHERE id = new.plan_id)
        OR EXISTS (
            SELECT 1 FROM known_answers
            WHERE plan_id = new.plan_id AND position = new.position
        )
    BEGIN
        SELECT RAISE(ABORT, 'a plan is frozen: it has no more known answers');
    END;
"""

QUEUE = """
    -- Who has which case in hand. A lease that is not used returns after an hour.
    CREATE TABLE leases (
        plan_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        expert TEXT NOT NULL,
        leased_at TEXT NOT NULL,
        PRIMARY KEY (plan_id, position, expert),
        FOREIGN KEY (plan_id, position) REFERENCES draws (plan_id, position)
    ) STRICT;

    CREATE TABLE skips (
        plan_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        expert TEXT NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (plan_id, position, expert),
        FOREIGN KEY (plan_id, position) REFERENCES draws (plan_id, position)
    ) STRICT;
    CREATE TRIGGER skips_never_change BEFORE UPDATE ON skips
    BEGIN
        SELECT RAISE(ABORT, 'who skipped a case stays known');
    END;
    CREATE TRIGGER skips_stay BEFORE DELETE ON skips
    BEGIN
        SELECT RAISE(ABORT, 'who skipped a case stays known');
    END;

    -- What somebody has begun to answer, so that another device goes on with it.
    CREATE TABLE drafts (
        plan_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        expert TEXT NOT NULL,
        content TEXT NOT NULL CHECK (json_valid(content)),
        updated_at TEXT NOT NULL,
        PRIMARY KEY (plan_id, position, expert),
        FOREIGN KEY (plan_id, position) REFERENCES draws (plan_id, position)
    ) STRICT;
"""
