//! What people read: one line per tenant and date, one column per label (reports-api, section 13).

pub(crate) mod amount;
pub(crate) mod columns;
pub(crate) mod csv;
pub(crate) mod html;
mod lines;
pub(crate) mod money;
pub(crate) mod summary;
pub(crate) mod terms;
