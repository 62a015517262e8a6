//! What tests share: an app on a throw-away database with a manual clock, a real server on a socket, personas.

#![expect(clippy::missing_panics_doc, reason = "a test whose fixture fails cannot go on")]

mod app;
mod certificate;
mod client;
mod database;
mod directory;
mod people;
mod server;
mod smtp;

pub use app::{TestApp, at};
pub use certificate::Certificate;
pub use client::{Answer, Call, Client};
pub use database::{Beside, Database, Kind};
pub use directory::Directory;
pub use server::Server;
pub use smtp::{Fault, Mail, SmtpSink};
