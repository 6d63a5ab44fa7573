-- What:  an alternative of a reply that somebody asked for and that is not written yet.
-- After: 0003_scene_settings.sql.
-- When:  2026-11-22
-- Why:   a restart must lose nothing: what was asked for before it is written after it, and a
--        message that shows half of it is brought to a whole text again.
--
-- `swipe` is a JSON object (kind, hint, length_word); its values are checked by the code.

BEGIN IMMEDIATE;

ALTER TABLE turns ADD COLUMN swipe TEXT;

CREATE INDEX turns_swiping ON turns (scene_id) WHERE swipe IS NOT NULL;

PRAGMA user_version = 4;

COMMIT;
