//! A report as rows.

use super::{ReportInput, Row, RowTenant, Rows};

/// A report ready to be written.
#[derive(Debug)]
pub struct Document {
    input: ReportInput,
}

impl Document {
    /// Arranges the input. `None` when the subject is not among its tenants.
    pub fn new(input: ReportInput) -> Option<Self> {
        Some(Self { input })
    }

    /// The subject as its own rows show it.
    pub fn subject(&self) -> RowTenant {
        unimplemented!()
    }
}

impl Rows for Document {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        unimplemented!()
    }
}
