//! Sends the mails with links: those that ask an activated user's old address to confirm a new one, and those that ask a
//! new user to choose a password.

use domain::access::Actor;
use domain::user::LinkPurpose;
use store::mailed_links::{Claim, MailedLink};

use super::own_server::{self, OwnServer};
use super::{describe, mailer};
use crate::mail::{Message, Outcome, Text};
use crate::nodes::{Held, Hold};
use crate::users::links;
use crate::{App, Error, Result, brands};

/// Tries the mail that has waited longest; `false` where none may leave now.
pub(super) async fn send_next(app: &App) -> Result<bool> {
    let sign = app.nodes.last_sign();
    let mut tx = app.write_as(Actor::System).await?;
    let Some(claim) = store::mailed_links::claim(&mut tx, app.nodes.own()).await? else { return Ok(false) };
    let Claim { link, .. } = &claim;
    tx.commit().await?;
    let outcome = match prepare(app, link).await {
        Ok(Ok((message, own))) => {
            let hold = Hold::new(app, Held::Link(&claim), sign);
            own_server::send(hold, own.as_ref(), &message).await
        }
        Ok(Err(why)) => Outcome::Skip { why },
        Err(error) => Outcome::Again { why: describe(&error) },
    };
    let (state, attempts, not_before) = mailer::settle(app, link.attempts, link.not_before, outcome);
    let (status, why) = state.parts();
    tracing::info!(user = %link.user_id, purpose = %link.purpose, %status, why, "a link was mailed");
    mailer::insist(|| async {
        let mut tx = app.write_as(Actor::System).await?;
        store::mailed_links::record(&mut tx, &claim, &state, attempts, not_before).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    Ok(true)
}

/// The mail with the server it goes to, or why there can be none.
async fn prepare(
    app: &App,
    link: &MailedLink,
) -> Result<std::result::Result<(Message, Option<OwnServer>), String>> {
    let mut conn = app.read().await?;
    let deleted = || Ok(Err("the user was deleted".to_owned()));
    let Some(user) = store::users::by_id(&mut conn, link.user_id).await? else { return deleted() };
    let recipient = store::deliveries::recipient(&mut conn, user.id, user.tenant, app.clock.now()).await?;
    let Some(recipient) = recipient else { return deleted() };
    if link.purpose == LinkPurpose::Activation && recipient.email != link.email {
        return Ok(Err("the user has another address by now".to_owned()));
    }
    let brand = store::brands::nearest(&mut conn, user.tenant).await?;
    let look = brands::look(&mut conn, brand.as_ref()).await?;
    let own = OwnServer::of(app, &mut conn, brand.as_ref()).await?;
    let (language, address) = (recipient.language, links::address(app, link)?);
    let written = match link.purpose {
        LinkPurpose::EmailChange => render::mail::confirmation(language, &link.email, &address, &look),
        LinkPurpose::Activation => render::mail::activation(language, &user.login, &address, &look),
    };
    let written = written.map_err(Error::internal)?;
    let text = Text { subject: written.subject, html: written.html, plain: written.text };
    let sender = own_server::sender(app, own.as_ref(), brand.as_ref(), &look);
    Ok(sender.and_then(|sender| {
        let message = Message::new(sender, &recipient, &link.message_id, link.asked_at, text, Vec::new())?;
        Ok((message, own))
    }))
}
