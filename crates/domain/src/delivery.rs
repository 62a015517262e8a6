//! The mail of a run to one recipient.

use crate::ids::{DeliveryId, RunId, UserId};
use crate::tenant::words;
use crate::time::Instant;

words! {
    /// Where a delivery stands; the words of the database.
    DeliveryStatus {
        /// Waits for its moment or for the next try.
        Pending = "pending",
        /// A node is at it.
        Sending = "sending",
        /// The server has said 250.
        Sent = "sent",
        /// The server refused this mail or this recipient for good.
        Bounced = "bounced",
        /// Tried often enough.
        GaveUp = "gave_up",
        /// Not to be sent.
        Skipped = "skipped",
    }
}

/// Where a delivery stands, with what that state knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its moment or for the next try.
    Pending,
    /// A node is at it; no other may be until the lease runs out.
    Sending,
    /// The server took it, and answered this.
    Sent {
        /// The server's own words.
        answer: String,
    },
    /// A 5xx to RCPT or DATA.
    Bounced {
        /// The server's own words.
        why: String,
    },
    /// Tried often enough.
    GaveUp {
        /// What failed last.
        why: String,
    },
    /// The recipient is not to get it.
    Skipped {
        /// Why not.
        why: String,
    },
}

impl DeliveryState {
    /// Its word and its text for the database.
    pub fn parts(&self) -> (DeliveryStatus, Option<&str>) {
        match self {
            Self::Pending => (DeliveryStatus::Pending, None),
            Self::Sending => (DeliveryStatus::Sending, None),
            Self::Sent { answer } => (DeliveryStatus::Sent, Some(answer)),
            Self::Bounced { why } => (DeliveryStatus::Bounced, Some(why)),
            Self::GaveUp { why } => (DeliveryStatus::GaveUp, Some(why)),
            Self::Skipped { why } => (DeliveryStatus::Skipped, Some(why)),
        }
    }
}

/// One mail to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The run whose files it carries.
    pub run_id: RunId,
    /// Who gets it.
    pub user_id: UserId,
    /// 0 for the first sending; a resend on demand counts up and has a Message-ID of its own.
    pub resend_no: i64,
    /// The one Message-ID of this delivery, without angle brackets: a retry repeats it.
    pub message_id: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// Not before this moment.
    pub not_before: Instant,
    /// Where it goes or went, in lower case; `None` where the recipient has no address.
    pub address: Option<String>,
    /// What failed last, while it waits for the next try.
    pub fault: Option<String>,
    /// When it was inserted: a resend's Date.
    pub created_at: Instant,
}

/// An address as deliveries are found by it: in lower case, `None` where there is none.
pub fn address(email: &str) -> Option<String> {
    let email = email.trim();
    (!email.is_empty()).then(|| email.to_lowercase())
}

words! {
    /// What should have gone out and did not.
    AlertKind {
        /// A report was due, and nothing has begun to make it.
        RunMissing = "run_missing",
        /// A run is not ready, long after it was due.
        RunLate = "run_late",
        /// A run failed for good.
        RunFailed = "run_failed",
        /// Every recipient of a run was skipped.
        AllSkipped = "all_skipped",
        /// A mail has not left, long after it was due.
        MailLate = "mail_late",
        /// A mail was refused for good, or came back.
        MailBounced = "mail_bounced",
        /// A mail was tried often enough.
        MailGaveUp = "mail_gave_up",
    }
}

impl AlertKind {
    /// Whether it ends by itself once what is late has come; the others last until somebody sends again or says that it
    /// is known.
    pub const fn ends_by_itself(self) -> bool {
        matches!(self, Self::RunMissing | Self::RunLate | Self::MailLate)
    }
}

/// How many times a delivery is tried before it is given up.
pub const MAX_ATTEMPTS: i64 = 12;

/// Seconds to wait after the n-th failed try (1 is the first): 30 s, doubling, at most 6 h.
pub const fn backoff_seconds(attempts: i64) -> i64 {
    let doublings = if attempts < 1 {
        0
    } else if attempts > 10 {
        10
    } else {
        attempts - 1
    };
    let seconds = 30 << doublings;
    if seconds > 21_600 { 21_600 } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours() {
        assert_eq!([1, 2, 3, 10, 11, 100].map(backoff_seconds), [30, 60, 120, 15_360, 21_600, 21_600]);
    }
}
