-- The change log as it is read: newest first, from a moment on and up to another.
CREATE INDEX changes_by_time ON changes (recorded_at, seq, ordinal);
