//! Mails on their way to the relay.
