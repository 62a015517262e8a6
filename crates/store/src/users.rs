//! Users and their contacts.
