//! Mails of runs.
