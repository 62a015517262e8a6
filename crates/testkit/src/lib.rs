//! What tests share: an app on a throw-away database with a manual clock, a real server on a socket, personas.

mod app;
mod directory;
mod smtp;

pub use app::{TestApp, at};
pub use directory::Directory;
pub use smtp::{Fault, Mail, SmtpSink};
