-- What comes to pass by itself, so that it can be recorded when it does.

-- When a trial ends by itself; null once that is recorded, or the trial was ended by hand. Tenants made before this version
-- are looked at once.
ALTER TABLE tenants ADD COLUMN trial_ends_at BIGINT;
UPDATE tenants SET trial_ends_at = created_at WHERE pricing_mode = 'trial' AND kind <> 'unit';
CREATE INDEX tenants_by_trial_end ON tenants (trial_ends_at) WHERE trial_ends_at IS NOT NULL;
CREATE INDEX users_by_end ON users (disable_after)
    WHERE disable_after IS NOT NULL AND enabled = 1 AND deleted_at IS NULL;
