-- The change log as it is searched in a large channel: by who made a change and by what was changed, each newest first.
CREATE INDEX changes_by_actor ON changes (actor_id, recorded_at, seq, ordinal);
CREATE INDEX changes_by_object ON changes (object_id, recorded_at, seq, ordinal);
CREATE INDEX changes_by_kind ON changes (object, recorded_at, seq, ordinal);
