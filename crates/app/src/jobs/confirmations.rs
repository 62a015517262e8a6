//! Sends the mails that ask an activated user's old address to confirm a new one.

use domain::access::Actor;
use store::email_changes::EmailChange;

use super::own_server::{self, OwnServer};
use super::{describe, mailer};
use crate::mail::{Message, Outcome, Sender, Text};
use crate::users::email;
use crate::{App, Error, Result, brands};

/// Tries the mail that has waited longest; `false` where none may leave now.
pub(super) async fn send_next(app: &App) -> Result<bool> {
    let mut tx = app.write_as(Actor::System).await?;
    let Some(change) = store::email_changes::claim(&mut tx).await? else { return Ok(false) };
    tx.commit().await?;
    let outcome = match prepare(app, &change).await {
        Ok(Ok((message, own))) => own_server::send(app, own.as_ref(), &message).await,
        Ok(Err(why)) => Outcome::Skip { why },
        Err(error) => Outcome::Again { why: describe(&error) },
    };
    let (state, attempts, not_before) = mailer::settle(app, change.attempts, change.not_before, outcome);
    tracing::info!(user = %change.user_id, status = %state.parts().0, why = state.parts().1, "a confirmation was asked for");
    mailer::insist(|| async {
        let mut tx = app.write_as(Actor::System).await?;
        store::email_changes::record(&mut tx, &change, &state, attempts, not_before).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    Ok(true)
}

/// The mail, or why there can be none.
async fn prepare(
    app: &App,
    change: &EmailChange,
) -> Result<std::result::Result<(Message, Option<OwnServer>), String>> {
    let mut conn = app.read().await?;
    let deleted = || Ok(Err("the user was deleted".to_owned()));
    let Some(user) = store::users::by_id(&mut conn, change.user_id).await? else { return deleted() };
    let brand = store::brands::nearest(&mut conn, user.tenant).await?;
    let look = brands::look(&mut conn, brand.as_ref()).await?;
    let own = OwnServer::of(app, &mut conn, brand.as_ref()).await?;
    let user = store::deliveries::recipient(&mut conn, user.id, user.tenant, app.clock.now()).await?;
    let Some(user) = user else { return deleted() };
    let link = email::link(app, change)?;
    let asked = render::mail::confirmation(user.language, &change.new_email, &link, &look)
        .map_err(Error::internal)?;
    let text = Text { subject: asked.subject, html: asked.html, plain: asked.text };
    let sender = Sender::of(&app.settings.mail, brand.as_ref(), &look);
    let (id, date) = (&change.message_id, change.requested_at);
    Ok(sender.and_then(|sender| {
        let sender = if own.is_some() { sender.at_home() } else { sender };
        Ok((Message::from(sender, &user, id, date, text, Vec::new())?, own))
    }))
}
