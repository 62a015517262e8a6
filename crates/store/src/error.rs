//! What can go wrong below the use cases.

/// A failure of the database or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique index or key refused the row; its columns, as the database names them.
    #[error("not unique: {constraint}")]
    Unique {
        /// Such as `users.login`.
        constraint: String,
    },
    /// A stored value is not one that Tidemark writes.
    #[error("the column {column} holds {value:?}, which is not {expected}")]
    Corrupt {
        /// The column as the statement names it.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// A block of the history or of the ledger is not what was written.
    #[error(transparent)]
    Damaged(#[from] domain::history::Damaged),
    /// The database was locked, or no connection was free, for too long.
    #[error("the database is busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The data directory was made by a newer Tidemark, or is damaged.
    #[error("the database cannot be used")]
    Migrate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store could not be reached, refused, or failed.
    #[error("the object store cannot be used")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store does not have what was put there, or not all of it.
    #[error("the object store does not have all of the object {key}")]
    Missing {
        /// Its key.
        key: String,
    },
    /// Anything else the driver says.
    #[error("the database failed")]
    Driver(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Whether the unique index or key with this column refused the row.
    pub fn is_unique(&self, column: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint.contains(column))
    }
}
