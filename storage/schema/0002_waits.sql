-- What:  how long a reply waited for a slot, and how much of its time went into reading the prompt.
-- After: 0001_scenes.sql.
-- When:  2026-11-21
-- Why:   `seconds` alone does not tell a slow model from a long queue or a prompt that was read anew.

BEGIN IMMEDIATE;

ALTER TABLE alternatives ADD COLUMN waited_seconds REAL;
ALTER TABLE alternatives ADD COLUMN prompt_seconds REAL;

PRAGMA user_version = 2;

COMMIT;
