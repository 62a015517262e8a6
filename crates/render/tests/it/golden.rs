//! Every file and mail against a reviewed copy in `tests/golden`, byte for byte.
//!
//! After a wanted change: the test leaves what it found in `target/tmp/golden`; copy that over `tests/golden`, read the
//! difference, and raise `RENDERER_VERSION`.

use std::path::PathBuf;

use crate::fixture::{Report, branded, channel};
use domain::history::Cells;
use domain::report::{Format, Kind, Level};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use render::mail::{Link, Mail, Occasion, compose};

fn written(format: Format, report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    render::write(format, &report.heading, report, &mut bytes).unwrap();
    bytes
}

fn mail(kind: Kind, language: &str, schedule: ScheduleType) -> Mail {
    mail_of(channel(kind, "en"), language, schedule)
}

fn mail_of(report: Report, language: &str, schedule: ScheduleType) -> Mail {
    mail_with(report, language, schedule, None)
}

fn mail_with(mut report: Report, language: &str, schedule: ScheduleType, link: Option<Link<'_>>) -> Mail {
    report.heading.leave_out_trial = schedule == ScheduleType::Monthly;
    let occasion = Occasion {
        language: Language::from_code(language).unwrap(),
        ordered_by: "Tidemark <Distribution>",
        schedule,
        formats: &[Format::Csv, Format::Html],
        link,
    };
    compose(&report.heading, &report, &occasion).unwrap()
}

/// Name and bytes of every golden file.
fn goldens() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for kind in [Kind::UsageSummary, Kind::UsageBreakdown] {
        for format in Format::ALL {
            let name = format!("{kind}{}", format.file_suffix());
            files.push((name, written(*format, &channel(kind, "en"))));
        }
    }
    files.push(("usage_daily.csv".into(), written(Format::Csv, &channel(Kind::UsageDaily, "en"))));
    for format in [Format::CsvV2, Format::JsonV2] {
        let mut report = channel(Kind::UsageSummary, "en");
        report.heading.show_skus = true;
        files.push((format!("skus{}", format.file_suffix()), written(format, &report)));
    }
    for format in [Format::Csv, Format::Html] {
        let report = channel(Kind::UsageSummary, "de");
        files.push((format!("german{}", format.file_suffix()), written(format, &report)));
    }
    let mut nothing = channel(Kind::UsageCurrent, "en");
    nothing.rows.clear();
    nothing.heading.level = Level::Itself;
    nothing.heading.leave_out_trial = true;
    nothing.heading.cells = Cells::default();
    for format in Format::ALL {
        files.push((format!("nothing{}", format.file_suffix()), written(*format, &nothing)));
    }
    let mut report = channel(Kind::UsageSummary, "de");
    report.heading.look = branded();
    files.push(("brand.html".into(), written(Format::Html, &report)));
    let address = "https://tide.example.com/api/tidemark/1/report-links/mzxw6ytboi";
    let link = Some(Link { address, until: "2020-04-03T10:58:53Z".parse().unwrap() });
    let (mut large, mut large_german) =
        (channel(Kind::UsageSummary, "en"), channel(Kind::UsageSummary, "en"));
    large.heading.look = branded();
    large_german.heading.look = branded();
    for (name, mail) in [
        ("mail-link", mail_with(large, "en", ScheduleType::Once, link)),
        ("mail-link-german", mail_with(large_german, "de", ScheduleType::Once, link)),
        ("mail-brand", mail_of(report, "en", ScheduleType::Once)),
        ("mail", mail(Kind::UsageSummary, "en", ScheduleType::Once)),
        ("mail-breakdown", mail(Kind::UsageBreakdown, "en", ScheduleType::Once)),
        ("mail-german", mail(Kind::UsageSummary, "de", ScheduleType::Monthly)),
    ] {
        files.push((format!("{name}.html"), mail.html.into_bytes()));
        files.push((
            format!("{name}.txt"),
            format!("Subject: {}\n\n{}", mail.subject, mail.text).into_bytes(),
        ));
    }
    files
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn files_and_mails_are_as_reviewed() {
    let mut names = Vec::new();
    let found = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("golden");
    std::fs::create_dir_all(&found).unwrap();
    let goldens = goldens();
    for (name, bytes) in &goldens {
        std::fs::write(found.join(name), bytes).unwrap();
    }
    for (name, bytes) in goldens {
        let reviewed = std::fs::read(directory().join(&name)).unwrap_or_default();
        if reviewed != bytes {
            let at = reviewed.iter().zip(&bytes).take_while(|(one, other)| one == other).count();
            let near = |bytes: &[u8]| {
                let text = &bytes[at.saturating_sub(60).min(bytes.len())..(at + 60).min(bytes.len())];
                String::from_utf8_lossy(text).into_owned()
            };
            panic!("{name}, byte {at}:\nreviewed: {}\nnow:      {}", near(&reviewed), near(&bytes));
        }
        names.push(name);
    }
    let there = std::fs::read_dir(directory()).unwrap();
    let strangers: Vec<_> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !names.contains(name))
        .collect();
    assert!(strangers.is_empty(), "nothing makes {strangers:?}");
}
