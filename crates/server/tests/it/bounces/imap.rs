//! A real IMAP server.

use app::settings::{Imap, Mailbox, Security};
use domain::delivery::DeliveryState;
use secrecy::SecretString;

use super::dovecot::Dovecot;
use super::{Returning, report, returned};

#[tokio::test]
async fn reports_are_read_from_an_imap_server_and_stay_there() {
    let dovecot = Dovecot::start();
    let imap = dovecot.settings(Security::Starttls);
    let returning = Returning::into(Some(Mailbox::Imap(imap))).await;
    let (failed, address) = returning.mailed("first@harbour.example").await;
    let (delayed, other_address) = returning.mailed("second@harbour.example").await;
    let large = report(&address, "failed", "5.1.1").replace("figures", &"figures ".repeat(1 << 20));
    dovecot.deliver("1.vague", report(&address, "pondered", "5.1.1"));
    dovecot.deliver("2.large", large);
    dovecot.deliver("3.delayed", report(&other_address, "delayed", "4.4.1"));
    dovecot.deliver("4.letter", "To: bounces@tide.example.com\r\n\r\nHello!\r\n");
    returning.look().await;
    assert_eq!(returning.state(failed).await, returned());
    assert!(matches!(returning.state(delayed).await, DeliveryState::Sent { .. }));
    assert!(returning.delay(delayed).await.is_some());
    let flags = || ["1.vague", "2.large", "3.delayed", "4.letter"].map(|name| dovecot.flags(name).unwrap());
    assert_eq!(flags(), ["F", "S", "S", "S"]);
    returning.look().await;
    assert_eq!(flags(), ["F", "S", "S", "S"], "nothing is read twice");
}

#[tokio::test]
async fn an_imap_server_is_reached_in_every_way_of_protection() {
    let dovecot = Dovecot::start();
    for (at, security) in [Security::None, Security::Starttls, Security::Tls].into_iter().enumerate() {
        let imap = dovecot.settings(security);
        let returning = Returning::into(Some(Mailbox::Imap(imap))).await;
        let (id, address) = returning.mailed("first@harbour.example").await;
        dovecot.deliver(&format!("{at}.a"), report(&address, "failed", "5.1.1"));
        returning.look().await;
        assert_eq!(returning.state(id).await, returned(), "{security:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_or_does_not_know_us_is_left_alone() {
    let dovecot = Dovecot::start();
    let trusted = || dovecot.settings(Security::Tls);
    for imap in [
        Imap { ca_file: None, ..trusted() },
        Imap { host: "127.0.0.1".to_owned(), ..trusted() },
        Imap { ca_file: None, ..dovecot.settings(Security::Starttls) },
        Imap { password: SecretString::from("wrong"), ..trusted() },
        Imap { mailbox: "Nowhere".to_owned(), ..trusted() },
        Imap { port: 1, ..trusted() },
    ] {
        let returning = Returning::into(Some(Mailbox::Imap(imap.clone()))).await;
        let (id, address) = returning.mailed("first@harbour.example").await;
        dovecot.deliver(&format!("{id}"), report(&address, "failed", "5.1.1"));
        returning.look().await;
        assert!(matches!(returning.state(id).await, DeliveryState::Sent { .. }), "{imap:?}");
    }
}
