//! Who sees the metrics.

use std::fmt;
use std::net::SocketAddr;

use anyhow::{Result, bail};

/// Who sees what `/metrics` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Clients and users of the top tenant, beside the API.
    Operator,
    /// Everybody who reaches the API.
    Public,
    /// Nobody.
    Off,
    /// Everybody who reaches this address, and nobody beside the API.
    At(SocketAddr),
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Public => f.write_str("public"),
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl Metrics {
    pub(super) fn from_word(word: &str) -> Result<Self> {
        Ok(match word {
            "operator" => Self::Operator,
            "public" => Self::Public,
            "off" => Self::Off,
            other => match other.parse() {
                Ok(address) => Self::At(address),
                Err(_) => bail!("metrics: {other:?} is none of operator, public, off, ADDR:PORT"),
            },
        })
    }
}
