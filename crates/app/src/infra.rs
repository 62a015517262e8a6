//! Locations and storages.
