//! Runs of reports, their files and editions.
