-- What becomes of a mail after the server took it, and mails that bring a link in place of files.

-- Up to when the link of a delivery gives its files; null where the files are attached.
ALTER TABLE deliveries ADD COLUMN link_until BIGINT;
-- What the last report of a delay said (RFC 3464, action delayed); the delivery stays sent.
ALTER TABLE deliveries ADD COLUMN delay TEXT;
