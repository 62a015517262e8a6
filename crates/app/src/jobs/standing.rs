//! Whether subject and recipients of a run still lie where its report's last writer may reach (reports-api, 8.4).

use domain::delivery::{self, DeliveryState};
use domain::ids::UserId;
use domain::schedule::ScheduleType;
use domain::time::Instant;
use domain::user::Notification;
use store::Conn;
use store::deliveries::Recipient;
use store::runs::Stored;

use crate::access::Depth;
use crate::{Result, reports};

/// Why the run is not to be made; `None` where it is.
pub(crate) async fn subject(conn: &mut Conn, stored: &Stored) -> Result<Option<String>> {
    let reach = store::tenants::reach(conn, stored.writer, stored.subject).await?;
    let tenant = store::tenants::by_no(conn, stored.subject).await?;
    let closed =
        tenant.as_ref().is_none_or(|tenant| !tenant.ancestral_access && stored.writer != stored.subject);
    let deleted = tenant.and_then(|tenant| tenant.deleted_at);
    let inside = reports::depth(stored.run.parameters.level) == Depth::Inside;
    let (subject, writer) = (stored.run.subject_id, stored.run.writer_tenant_id);
    // What was used up to the day of the deletion is still to be billed; later reports would have nothing to say.
    let deleted = deleted.map(Instant::day).filter(|day| *day < stored.run.period.start);
    if let Some(day) = deleted {
        return Ok(Some(format!("tenant {subject} was deleted on {day}, before the days of this report")));
    }
    Ok(match reach {
        None => {
            Some(format!("tenant {subject} no longer lies below {writer}, whose people ordered the report"))
        }
        Some(reach) if reach.walls > 0 || (inside && closed) => Some(format!(
            "tenant {subject} no longer lets {writer}, whose people ordered the report, look inside"
        )),
        Some(_) => None,
    })
}

/// How a delivery to this user begins, and at which address.
pub(crate) async fn begin(
    conn: &mut Conn,
    stored: &Stored,
    user: UserId,
    now: Instant,
) -> Result<(DeliveryState, Option<String>)> {
    Ok(match recipient(conn, stored, user, now).await? {
        Ok(recipient) => (DeliveryState::Pending, delivery::address(&recipient.email)),
        Err(why) => (DeliveryState::Skipped { why }, None),
    })
}

/// The recipient, or why it is not to get the mail of this run.
pub(super) async fn recipient(
    conn: &mut Conn,
    stored: &Stored,
    user: UserId,
    now: Instant,
) -> Result<std::result::Result<Recipient, String>> {
    let recipient = match entitled(conn, stored, user, now).await? {
        Ok(recipient) => recipient,
        Err(why) => return Ok(Err(why)),
    };
    let wants_reports = recipient.notifications.contains(&Notification::Reports);
    Ok(if stored.run.schedule == ScheduleType::Monthly && !wants_reports {
        Err("the user's notifications do not contain reports".to_owned())
    } else if recipient.email.is_empty() {
        Err("the user has no e-mail address".to_owned())
    } else {
        Ok(recipient)
    })
}

/// The recipient, or why it may no longer see what this run has made.
pub(crate) async fn entitled(
    conn: &mut Conn,
    stored: &Stored,
    user: UserId,
    now: Instant,
) -> Result<std::result::Result<Recipient, String>> {
    let Some(recipient) = store::deliveries::recipient(conn, user, stored.writer, now).await? else {
        return Ok(Err("the user was deleted".to_owned()));
    };
    let writer = stored.run.writer_tenant_id;
    Ok(if !recipient.below {
        Err(format!("the user no longer lies below tenant {writer}, whose people ordered the report"))
    } else if !recipient.enabled {
        Err("the user is disabled".to_owned())
    } else {
        Ok(recipient)
    })
}
