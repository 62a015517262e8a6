use proptest::prelude::*;

use super::*;

/// As Postfix writes it.
const POSTFIX: &str = "Return-Path: <>\r\n\
Delivered-To: bounces+token@example.com\r\n\
Received: by mail.example.com (Postfix)\r\n\tid 1234; Wed,  4 Mar 2020 10:00:00 +0000 (UTC)\r\n\
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)\r\n\
Subject: Undelivered Mail Returned to Sender\r\n\
To: bounces+token@example.com\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"A/mail.example.com\"\r\n\
\r\n\
This is a MIME-encapsulated message.\r\n\
\r\n\
--A/mail.example.com\r\n\
Content-Description: Notification\r\n\
Content-Type: text/plain; charset=us-ascii\r\n\
\r\n\
I'm sorry to have to inform you that your message could not\r\nbe delivered.\r\n\
\r\n\
--A/mail.example.com\r\n\
Content-Description: Delivery report\r\n\
Content-Type: message/delivery-status\r\n\
\r\n\
Reporting-MTA: dns; mail.example.com\r\n\
X-Postfix-Queue-ID: 1234\r\n\
Arrival-Date: Wed,  4 Mar 2020 10:00:00 +0000 (UTC)\r\n\
\r\n\
Final-Recipient: rfc822; jdoe@harbour.example\r\n\
Original-Recipient: rfc822;jdoe@harbour.example\r\n\
Action: failed\r\n\
Status: 5.1.1\r\n\
Remote-MTA: dns; mx.harbour.example\r\n\
Diagnostic-Code: smtp; 550 5.1.1 <jdoe@harbour.example>: Recipient address\r\n    rejected: User unknown\r\n\
\r\n\
--A/mail.example.com\r\n\
Content-Description: Undelivered Message Headers\r\n\
Content-Type: text/rfc822-headers\r\n\
\r\n\
To: other+token2@example.com\r\n\
Subject: Usage report\r\n\
\r\n\
--A/mail.example.com--\r\n";

fn said_of(text: &str) -> Said {
    read(text.as_bytes()).expect("a message").said
}

#[test]
fn a_report_says_what_happened_and_whom_it_was_sent_to() {
    let returned = read(POSTFIX.as_bytes()).unwrap();
    assert_eq!(
        returned.addressed, ["bounces+token@example.com"; 2],
        "and not whom the returned mail was for"
    );
    let why = "5.1.1: smtp; 550 5.1.1 <jdoe@harbour.example>: Recipient address rejected: User unknown";
    assert_eq!(returned.said, Said::Failed(why.to_owned()));
}

#[test]
fn line_ends_of_unix_and_any_case_are_read_as_well() {
    let loose = POSTFIX.replace("\r\n", "\n").replace("Action: failed", "ACTION:Failed (mailbox gone)");
    assert_eq!(said_of(&loose), said_of(POSTFIX));
    let global = POSTFIX.replace("message/delivery-status", "message/global-delivery-status");
    assert_eq!(said_of(&global), said_of(POSTFIX));
}

#[test]
fn each_action_is_told_from_the_others() {
    let with = |action: &str| said_of(&POSTFIX.replace("Action: failed", &format!("Action: {action}")));
    assert!(matches!(with("delayed"), Said::Delayed(why) if why.starts_with("5.1.1: smtp;")));
    for action in ["delivered", "relayed", "expanded"] {
        assert_eq!(with(action), Said::Delivered, "{action}");
    }
    assert_eq!(with("pondered"), Said::Unclear);
}

#[test]
fn of_several_recipients_the_worst_counts() {
    let group =
        |action: &str| format!("Final-Recipient: rfc822; x@example.com\nAction: {action}\nStatus: 4.0.0\n");
    let said = |actions: &[&str]| {
        let groups: Vec<String> = actions.iter().map(|action| group(action)).collect();
        of_status(&format!("Reporting-MTA: dns; x\n\n{}", groups.join("\n")))
    };
    let why = || "4.0.0".to_owned();
    assert_eq!(said(&["delivered", "delayed", "failed"]), Said::Failed(why()));
    assert_eq!(said(&["delayed", "relayed"]), Said::Delayed(why()));
    assert_eq!(said(&[]), Said::Unclear);
}

#[test]
fn an_answer_of_somebody_who_is_away_says_nothing() {
    let away = "To: bounces+token@example.com\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nAction: failed\r\n";
    assert_eq!(said_of(away), Said::Nothing);
    let read_receipt = POSTFIX
        .replace("report-type=delivery-status", "report-type=disposition-notification")
        .replace("message/delivery-status", "message/disposition-notification");
    assert_eq!(said_of(&read_receipt), Said::Nothing);
    let empty = POSTFIX.replace("message/delivery-status", "text/plain");
    assert_eq!(said_of(&empty), Said::Unclear, "it calls itself a report");
}

#[test]
fn what_a_server_said_becomes_one_short_clean_line() {
    let long = "x".repeat(2_000);
    let nasty = format!("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; a\0b\u{1b}[31m {long}");
    let Said::Failed(why) = of_status(&nasty) else { panic!("no failure") };
    assert_eq!(why.chars().count(), MOST_CHARS);
    assert!(why.starts_with("5.0.0: smtp; a b [31m x") && !why.contains(char::is_control), "{why}");
}

/// Boxes in boxes: a report deep inside is none, and reading it takes no deeper a stack.
#[test]
fn messages_within_messages_are_read_without_end_and_without_harm() {
    for depth in [1, 50, 150, 5_000] {
        let mut nested = String::from("To: bounces+token@example.com\r\n");
        for _ in 0..depth {
            nested.push_str("Content-Type: message/rfc822\r\n\r\n");
        }
        nested.push_str(POSTFIX);
        nested.truncate(usize::try_from(LOOKED_AT_BYTES).unwrap());
        let read = read(nested.as_bytes());
        assert!(read.is_none_or(|read| matches!(read.said, Said::Nothing)), "{depth}");
    }
    for depth in [50, 150] {
        let mut nested = String::from("To: x@example.com\r\n");
        for at in 0..depth {
            let lines = format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n");
            nested.push_str(&lines);
        }
        nested.push_str(POSTFIX);
        read(nested.as_bytes());
    }
}

#[test]
fn a_cut_message_and_a_wrong_charset_are_read_as_far_as_they_go() {
    for at in 0..POSTFIX.len() {
        read(&POSTFIX.as_bytes()[..at]);
    }
    let foreign = POSTFIX.replace("text/plain; charset=us-ascii", "text/plain; charset=utf-7-klingon");
    assert_eq!(said_of(&foreign), said_of(POSTFIX));
    let coded = POSTFIX.replace(
        "Content-Type: message/delivery-status\r\n",
        "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    );
    assert_eq!(said_of(&coded), said_of(POSTFIX));
}

proptest! {
    /// Whatever arrives: it is read, or it is not; what is kept of it is short and clean.
    #[test]
    fn no_message_does_harm(
        at in 0..POSTFIX.len(),
        cut in 0..200_usize,
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = POSTFIX.as_bytes().to_vec();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, noise);
        check(&bytes);
    }

    /// Made of the words that reports are made of, in any order.
    #[test]
    fn no_heap_of_words_does_harm(words in prop::collection::vec(prop::sample::select(vec![
        "Content-Type: ", "multipart/report; ", "boundary=a", "boundary=\"\"", "\r\n", "\r\n\r\n", "--a", "--a--", "\n\n",
        "message/delivery-status", "message/rfc822", "text/plain; charset=utf-16", "Content-Transfer-Encoding: base64",
        "Action: failed", "Status: 5.1.1", "Diagnostic-Code: ", "To: ", "+", "@", "=?utf-8?b?", "?=", "\0", "\u{fffd}", " ", "\t",
    ]), 0..400)) {
        check(words.concat().as_bytes());
    }
}

fn check(bytes: &[u8]) {
    let Some(returned) = read(bytes) else { return };
    if let Said::Failed(why) | Said::Delayed(why) = returned.said {
        assert!(why.chars().count() <= MOST_CHARS && !why.contains(char::is_control), "{why:?}");
    }
}
