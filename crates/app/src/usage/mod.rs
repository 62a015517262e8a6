//! Readings in, current usage out.
//!
//! A call's readings are checked against one snapshot, all with a few statements ([`accept`]); what passes is written
//! together with the readings of other calls ([`writer`]).

mod check;
mod current;
mod known;
pub mod upload;
mod writer;

use domain::ids::{InfraId, TenantId};
use domain::usage::Reading;
use uuid::Uuid;

use crate::{App, Caller, Error, Result};

use check::{Accepted, Named, Placed};
pub(crate) use current::below;
pub use current::{ItemState, Usage, UsageFilter, of_tenant, of_tenants};
pub use writer::State;

/// What receiving and checking readings keeps between calls.
#[derive(Debug, Default)]
pub struct Intake {
    known: known::Known,
    uploads: upload::State,
}

/// The most readings of one call.
pub const MAX_READINGS: usize = 1_000;

/// A reading as it was sent, its form checked.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Whose.
    pub tenant: Option<TenantId>,
    /// Of which resource; Tidemark keeps none.
    pub resource: Option<Uuid>,
    /// The full name of the item.
    pub offering_item: Option<String>,
    /// The usage name, where no item is named.
    pub usage_type: Option<String>,
    /// On which storage.
    pub infra: Option<InfraId>,
    /// The value: since the begin of the billing period for accumulating items, else the level.
    pub value: Reading,
}

impl Entry {
    fn named(&self) -> Named<'_> {
        Named {
            tenant: self.tenant,
            resource: self.resource,
            offering_item: self.offering_item.as_deref(),
            usage_type: self.usage_type.as_deref(),
            infra: self.infra,
        }
    }
}

/// Why a single reading was refused; the others of the call are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A member is missing or its form is wrong.
    #[error("{field}: {why}")]
    Invalid {
        /// Which member.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The tenant lies outside the caller's subtree.
    #[error("tenant {0}")]
    Forbidden(TenantId),
    /// There is no such tenant.
    #[error("tenant {0}")]
    UnknownTenant(TenantId),
    /// There is no such resource: Tidemark keeps none.
    #[error("resource {0}")]
    UnknownResource(Uuid),
    /// There is no such item, it is off for the tenant, or it does not go with the storage.
    #[error("{0}")]
    ItemUnavailable(String),
    /// Items of this kind take no such readings.
    #[error("{0}")]
    Business(String),
}

/// What became of a reading that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It changed something.
    Accepted,
    /// It says what is known already.
    Absorbed,
    /// It cannot be taken.
    Refused(Fault),
}

impl Fault {
    /// A member that is missing or whose form is wrong.
    pub fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { field, why: why.into() }
    }
}

/// Takes readings in their order; answers in the same order once the accepted ones are safe on disk. 403 where the
/// caller reports no usage, [`Error::TooMany`] over [`MAX_READINGS`].
pub async fn accept(
    app: &App,
    caller: &Caller,
    entries: Vec<std::result::Result<Entry, Fault>>,
) -> Result<Vec<std::result::Result<(), Fault>>> {
    let roots = caller.reports_usage_below()?;
    if entries.len() > MAX_READINGS {
        return Err(Error::TooMany { why: format!("at most {MAX_READINGS} items in one call").into() });
    }
    let named: Vec<_> =
        entries.iter().map(|entry| entry.as_ref().map(Entry::named).map_err(Clone::clone)).collect();
    let placed = check::check(&app.intake.known, &mut app.read().await?, &roots, &named).await?;
    let accepted = placed.iter().zip(&entries).filter_map(|(placed, entry)| {
        let (placed, entry) = placed.as_ref().ok().zip(entry.as_ref().ok())?;
        Some(Accepted { key: placed.key, day: None, value: Some(entry.value), idempotency: None })
    });
    let written = writer::write(app, caller.actor(), None, accepted.collect()).await?;
    let mut verdicts = written.verdicts.into_iter();
    let answer = |placed: std::result::Result<Placed, Fault>| {
        placed.and_then(|_| match verdicts.next() {
            Some(Verdict::Refused(fault)) => Err(fault),
            _ => Ok(()),
        })
    };
    Ok(placed.into_iter().map(answer).collect())
}
