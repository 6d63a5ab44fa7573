-- What:  a scene's own prompt format and sampler settings, and the settings each reply was made with.
-- After: 0002_waits.sql.
-- When:  2026-11-21
-- Why:   managers change how one scene is played without touching the others; and a reply can only be
--        written again if it is known how its words were chosen.
--
-- Both columns named `sampler` are JSON objects. Values are those of the code, so none is checked here.

BEGIN IMMEDIATE;

ALTER TABLE scenes ADD COLUMN prompt_format TEXT;
ALTER TABLE scenes ADD COLUMN sampler TEXT;
ALTER TABLE alternatives ADD COLUMN sampler TEXT;

PRAGMA user_version = 3;

COMMIT;
