-- Each restore of a backup into this database: the mails that may have left between the two moments are held (store::restores).
CREATE TABLE restores (
    restored_at INTEGER PRIMARY KEY,
    backup_made_at INTEGER NOT NULL
) STRICT;
