-- The delivery ledger: of each mail whom it went to, who asked for it, and whether somebody has to look after it.

-- report_id and subject_no are the run's, for lists. address: where it went, in lower case; null where there was none.
-- due_at: when it should have left. asked_by: who asked for it, all zeros for Tidemark itself. resent_at: when it was sent
-- once more as a delivery of its own; null of the newest. acknowledged_at: when somebody knew that it did not arrive.
ALTER TABLE deliveries ADD COLUMN report_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN subject_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN address TEXT COLLATE "C";
ALTER TABLE deliveries ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN asked_by_kind TEXT COLLATE "C" NOT NULL DEFAULT 'system';
ALTER TABLE deliveries ADD COLUMN asked_by TEXT COLLATE "C" NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE deliveries ADD COLUMN resent_at BIGINT;
ALTER TABLE deliveries ADD COLUMN acknowledged_at BIGINT;

-- What ended before this version is known: only what comes from now on is to be looked after.
UPDATE deliveries SET
    report_id = (SELECT r.report_id FROM runs r WHERE r.id = deliveries.run_id),
    subject_no = (SELECT r.subject_no FROM runs r WHERE r.id = deliveries.run_id),
    address = (SELECT LOWER(c.email) FROM users u JOIN contacts c ON c.id = u.contact_id
               WHERE u.id = deliveries.user_id AND c.email <> ''),
    due_at = CASE WHEN attempts = 0 THEN not_before ELSE created_at END,
    acknowledged_at = CASE WHEN status IN ('bounced', 'gave_up') THEN COALESCE(finished_at, created_at) END;

CREATE INDEX deliveries_by_time ON deliveries (created_at, id);
CREATE INDEX deliveries_not_sent ON deliveries (created_at, id) WHERE status <> 'sent';
CREATE INDEX deliveries_of_report ON deliveries (report_id, created_at, id);
CREATE INDEX deliveries_of_subject ON deliveries (subject_no, created_at, id);
CREATE INDEX deliveries_not_sent_of_subject ON deliveries (subject_no, created_at, id) WHERE status <> 'sent';
CREATE INDEX deliveries_to_resend ON deliveries (report_id, created_at, id) WHERE status <> 'sent' AND resent_at IS NULL;
CREATE INDEX deliveries_to_user ON deliveries (user_id, created_at, id);
CREATE INDEX deliveries_to_address ON deliveries (address, created_at, id);
CREATE INDEX deliveries_failed ON deliveries (due_at, id)
    WHERE status IN ('bounced', 'gave_up') AND resent_at IS NULL AND acknowledged_at IS NULL;

-- unsent_at: since when nothing of the run goes out to anybody, as it failed or as every recipient was skipped; null again
-- once somebody knows, or it is sent after all.
ALTER TABLE runs ADD COLUMN unsent_at BIGINT;
CREATE INDEX runs_unsent ON runs (due_at, id) WHERE unsent_at IS NOT NULL;
