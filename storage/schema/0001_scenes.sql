-- What:  scenes, their turns with alternatives, and the Discord messages that show them.
-- After: nothing; this is the first migration.
-- When:  2026-11-21
-- Why:   a restart must lose nothing. A turn has alternatives and several messages from the start,
--        because a swipe and a long reply are ordinary and hard to add later.
--
-- Times are ISO 8601 in UTC with microseconds. STRICT, so that a wrong type fails when it is
-- written and not when it is read.

BEGIN IMMEDIATE;

CREATE TABLE scenes (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    scene_key      TEXT NOT NULL,
    guild_id       INTEGER,
    channel_id     INTEGER,
    persona_key    TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('open', 'set_aside', 'closed')),
    answers        TEXT NOT NULL CHECK (answers IN ('all', 'addressed')),
    opened_by_id   INTEGER NOT NULL,
    opened_by_name TEXT NOT NULL,
    length_word    TEXT,
    -- The first turn that the prompt takes. No foreign key: ids only grow, so the anchor keeps its
    -- place when its turn is deleted.
    anchor_turn_id INTEGER,
    opened_at      TEXT NOT NULL,
    closed_at      TEXT
) STRICT;

CREATE UNIQUE INDEX scenes_open ON scenes (scene_key) WHERE state = 'open';
CREATE UNIQUE INDEX scenes_set_aside ON scenes (scene_key, persona_key)
    WHERE state = 'set_aside';

CREATE TABLE turns (
    -- AUTOINCREMENT: an id is never given twice, so a button on an old message never means another
    -- turn.
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    scene_id          INTEGER NOT NULL REFERENCES scenes (id) ON DELETE CASCADE,
    -- The place in the scene: a turn's own id, but for a reply the id of the last turn it answers.
    -- What was said while the reply was being written thus comes after it, as it does on screen.
    position          INTEGER NOT NULL,
    role              TEXT NOT NULL CHECK (role IN ('person', 'persona', 'narrator')),
    person_id         INTEGER,
    name              TEXT NOT NULL,
    shown_alternative INTEGER NOT NULL DEFAULT 0,
    hidden            INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    awaits_answer     INTEGER NOT NULL DEFAULT 0 CHECK (awaits_answer IN (0, 1)),
    created_at        TEXT NOT NULL
) STRICT;

CREATE INDEX turns_scene ON turns (scene_id, position, id);
CREATE INDEX turns_awaiting ON turns (scene_id, id) WHERE awaits_answer = 1;

CREATE TABLE alternatives (
    id            INTEGER PRIMARY KEY,
    turn_id       INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    text          TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    length_word   TEXT,
    seed          INTEGER,
    finish_reason TEXT,
    model         TEXT,
    prompt_tokens INTEGER,
    cached_tokens INTEGER,
    reply_tokens  INTEGER,
    seconds       REAL,
    UNIQUE (turn_id, number)
) STRICT;

CREATE TABLE turn_messages (
    message_id INTEGER PRIMARY KEY,
    turn_id    INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    channel_id INTEGER,
    part       INTEGER NOT NULL
) STRICT;

CREATE INDEX turn_messages_turn ON turn_messages (turn_id);

-- Messages of a reply that is being written: after a crash the half-written message is used again.
CREATE TABLE open_replies (
    scene_id   INTEGER NOT NULL REFERENCES scenes (id) ON DELETE CASCADE,
    message_id INTEGER PRIMARY KEY,
    part       INTEGER NOT NULL
) STRICT;

CREATE INDEX open_replies_scene ON open_replies (scene_id);

PRAGMA user_version = 1;

COMMIT;
