//! The only source of ids and of other random numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::{Error, Result};

/// What an id is for: a rehearsal can say beforehand which ids the next objects of a noun get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noun {
    /// A tenant.
    Tenant,
    /// A user.
    User,
    /// A report.
    Report,
    /// Anything else.
    Other,
}

/// Ids and secrets from the system's random numbers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    preset: Arc<Mutex<HashMap<Noun, VecDeque<Uuid>>>>,
}

impl Ids {
    /// The next fresh id of a noun gives this one: for the demo and for tests, never reachable through an API.
    pub fn preset(&self, noun: Noun, id: Uuid) {
        self.preset.lock().unwrap_or_else(PoisonError::into_inner).entry(noun).or_default().push_back(id);
    }

    /// A new id for an object of this noun.
    pub fn fresh(&self, noun: Noun) -> Result<Uuid> {
        let mut preset = self.preset.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = preset.get_mut(&noun).and_then(VecDeque::pop_front) {
            return Ok(id);
        }
        drop(preset);
        let mut bytes = self.bytes::<16>()?;
        // Version 4, variant 1 (RFC 9562, 5.4).
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Ok(Uuid::from_bytes(bytes))
    }

    /// A new id for anything that is no tenant, user or report.
    pub fn other(&self) -> Result<Uuid> {
        self.fresh(Noun::Other)
    }

    /// Random bytes fit for secrets.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::internal("the system gives no random numbers"))?;
        Ok(bytes)
    }

    /// A secret: 128 random bits as 32 hex digits.
    pub fn secret(&self) -> Result<String> {
        Ok(hex(&self.bytes::<16>()?))
    }
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
