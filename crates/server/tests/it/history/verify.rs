//! `tidemark verify` beside a process at work: what it proves, names and mends.

use std::fmt::Write as _;
use std::io::Cursor;

use app::usage::upload::{Encoding, Form, Format, Source, receive, store as store_upload};
use domain::access::Actor;
use domain::history::{Segment, Series};
use domain::ids::{RangeNo, TenantId};
use domain::report::Kind;
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use store::args;
use testkit::{TestApp, at};

use super::{acceptance, day, load, meters};
use crate::metering::{Metering as _, reading};
use crate::process::harness::tidemark;

const RANGE: RangeNo = RangeNo(0);

/// Makes a meter's row wrong in what it says of the day before its last.
const TAMPERED: &str = "UPDATE meters SET before_level = before_level + 1 WHERE tenant_no = $1";

/// A history with all that there is: months and days, late readings, corrections, a retraction, blocks that are packed.
struct Scene {
    test: TestApp,
    tenants: Vec<TenantId>,
}

impl Scene {
    async fn new() -> Self {
        let test = TestApp::at("2026-03-20T12:00:00Z").await;
        let mut tenants = Vec::new();
        for name in ["Harbour", "Inlet"] {
            let tenant = test.tenant(test.top, TenantKind::Customer, name).await;
            for item in ["vms", "notarizations"] {
                test.switch(tenant, item, None, true).await;
            }
            tenants.push(tenant);
        }
        let scene = Self { test, tenants };
        for n in 0..47 {
            scene.test.clock.set(at("2026-03-20T12:00:00Z").plus_seconds(n * 86_400));
            let said = [(0, "vms", n / 3), (1, "vms", n % 5), (1, "notarizations", n % 7)];
            let readings = said.map(|(who, item, value)| reading(scene.tenants[who], item, value));
            assert_eq!(scene.test.report_usage(readings.into()).await, [Ok(()), Ok(()), Ok(())]);
            scene.tend().await;
            if n == 40 {
                scene
                    .late("0,vms,2026-03-02,9,\n1,vms,2026-04-03,8,\n1,notarizations,2026-04-20,,true\n")
                    .await;
                scene.late("0,vms,2026-03-25,9,\n0,vms,2026-04-26,,true\n").await;
                scene.tend().await;
            }
        }
        // And two that no segment holds yet.
        scene.late("0,vms,2026-05-02,3,\n1,vms,2026-04-04,7,\n").await;
        scene
    }

    async fn tend(&self) {
        app::history::close_due(&self.test.app).await.unwrap();
        while app::history::tend(&self.test.app).await.unwrap() {}
    }

    async fn late(&self, lines: &str) {
        let mut body = "tenant_id,offering_item,date,value,retract\n".to_owned();
        for line in lines.lines() {
            let (who, rest) = line.split_once(',').unwrap();
            writeln!(body, "{},{rest}", self.tenants[who.parse::<usize>().unwrap()]).unwrap();
        }
        let form = Form { format: Format::Csv, encoding: Encoding::Identity, reason: None };
        let received = receive(&self.test.app, form, Cursor::new(body)).await.unwrap();
        let summary = store_upload(&self.test.app, &Source::system(), received, |_| ()).await.unwrap();
        assert_eq!(summary.refused_count, 0, "{summary:?}");
    }

    /// What it said, and its code.
    fn verify(&self, more: &[&str]) -> (String, Option<i32>) {
        let mut command = tidemark("verify");
        command.arg("--data-dir").arg(self.test.directory.path()).args(self.test.database.options());
        let output = command.args(more).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        println!("{said}{}", String::from_utf8_lossy(&output.stderr));
        (said, output.status.code())
    }

    fn is_clean(&self) {
        let (said, code) = self.verify(&[]);
        assert!(said.starts_with("1 range, ") && said.ends_with(" ledger entries: all agrees\n"), "{said}");
        assert_eq!((said.lines().count(), code), (1, Some(0)));
    }

    async fn run(&self, sql: &'static str, values: Vec<store::Arg>) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        assert_eq!(tx.run(sql, values).await.unwrap(), 1, "{sql}");
        tx.commit().await.unwrap();
    }

    /// Changes a byte in the middle of a block.
    async fn flip(&self, no: i64, read: &'static str, write: &'static str) {
        let row = self.test.app.read().await.unwrap().one(read, args![no]).await.unwrap().unwrap();
        let mut bytes = row.blob("bytes").unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.run(write, args![no, bytes]).await;
    }

    async fn flip_segment(&self, first: Day) {
        let read = "SELECT bytes FROM segments WHERE first_day = $1";
        let write = "UPDATE segments SET bytes = $2 WHERE first_day = $1";
        self.flip(first.0.into(), read, write).await;
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    }

    /// All that reports read, now and as it was once.
    async fn all(&self) -> Vec<Vec<(MeterKey, Series)>> {
        let now = acceptance(&self.test).await;
        let mut all = Vec::new();
        for (first, seq) in [
            ("2026-03-01", now),
            ("2026-04-12", now),
            ("2026-05-02", now),
            ("2026-03-01", domain::ids::Seq(now.0 / 2)),
        ] {
            let period = Period::inclusive(day(first), day("2026-05-05"));
            all.push(meters(&load(&self.test, self.test.top, period, Kind::UsageDaily, seq).await));
        }
        all
    }

    /// What was done to the store is named, mended, and has left nothing behind.
    async fn is_named_and_mended(&self, words: &[&str], written: &str, expected: &[Vec<(MeterKey, Series)>]) {
        let (said, code) = self.verify(&[]);
        for words in words {
            assert!(said.contains(words), "{words}");
        }
        assert!(said.ends_with("NOT all agrees\n"), "{said}");
        assert_eq!(code, Some(1));
        let (said, code) = self.verify(&["--rebuild"]);
        assert!(said.contains(&format!("range 0: {written} written anew from the ledger\n")), "{said}");
        assert_eq!(code, Some(0));
        self.is_clean();
        assert_eq!(self.all().await, expected);
    }
}

#[tokio::test]
async fn what_differs_from_the_ledger_is_named_and_written_anew() {
    let scene = Scene::new().await;
    let packed = scene.count("SELECT COUNT(*) AS n FROM ledger WHERE level = 2").await;
    let pending = scene.count("SELECT COUNT(*) AS n FROM ledger WHERE pending = 1").await;
    let months = scene.count("SELECT COUNT(*) AS n FROM segments WHERE last_day > first_day").await;
    assert!(packed > 0 && pending > 0 && months == 2, "{packed} {pending} {months}");
    scene.is_clean();
    let expected = scene.all().await;
    let [harbour, inlet] = [scene.tenants[0], scene.tenants[1]];

    scene.flip_segment(day("2026-04-01")).await;
    let april = "history segment of range 0 from 2026-04-01 to 2026-04-30 is damaged: ";
    scene.is_named_and_mended(&[april], "6 segments and 0 meters", &expected).await;

    scene.run("DELETE FROM segments WHERE first_day = $1", args![day("2026-05-03")]).await;
    let gap = format!(
        "tenant {inlet}, vms: between segments, 2026-05-03 to 2026-05-03: the ledger says 4 on 2026-05-03"
    );
    scene.is_named_and_mended(&[&gap], "6 segments and 0 meters", &expected).await;

    let vms = scene.test.meter(harbour, "vms", None).await;
    scene.run(TAMPERED, args![vms.tenant]).await;
    let row =
        format!("tenant {harbour}, vms: the meter's row: the ledger says 15 on 2026-05-05 after 15 on ");
    let stored = "stored is 15 on 2026-05-05 after 16 on 2026-05-04";
    scene.is_named_and_mended(&[&row, stored], "0 segments and 1 meter", &expected).await;
    let other = scene.test.meter(inlet, "vms", None).await;
    scene
        .run("DELETE FROM meters WHERE tenant_no = $1 AND item_no = $2", args![other.tenant, other.item])
        .await;
    let row = format!(
        "tenant {inlet}, vms: the meter's row: the ledger says 1 on 2026-05-05 after 0 on 2026-05-04"
    );
    scene.is_named_and_mended(&[&row, "stored is nothing"], "0 segments and 1 meter", &expected).await;

    // A block that is whole, and wrong.
    let first = day("2026-05-04");
    let mut series = Series::default();
    series.push(first, 99);
    let bytes = Segment { range: RANGE, first, last: first, series: vec![(vms, series)] }.encode();
    scene.run("UPDATE segments SET bytes = $2 WHERE first_day = $1", args![first, bytes]).await;
    let other = "the ledger says 14 on 2026-05-03, 15 on 2026-05-04, stored is 99 on 2026-05-04";
    scene.is_named_and_mended(&[other], "6 segments and 0 meters", &expected).await;

    // What the writer remembers of meters is what stands there now.
    assert_eq!(scene.test.report_usage(vec![reading(harbour, "vms", 15)]).await, [Ok(())]);
    assert_eq!(scene.test.report_usage(vec![reading(harbour, "vms", 17)]).await, [Ok(())]);
    scene.is_clean();
    scene.tend().await;
    scene.is_clean();
}

#[tokio::test]
async fn a_ledger_that_is_not_whole_proves_nothing_and_nothing_is_written_from_it() {
    let scene = Scene::new().await;
    let expected = scene.all().await;
    let untouched = async |words: &str| {
        for more in [[].as_slice(), &["--rebuild"]] {
            let (said, code) = scene.verify(more);
            assert!(said.contains(words) && !said.contains("written"), "{words}");
            assert_eq!(code, Some(1));
        }
        assert_eq!(scene.all().await, expected);
    };
    let no = scene.count("SELECT MIN(no) AS n FROM ledger WHERE level = 2").await;
    let (read, write) =
        ("SELECT bytes FROM ledger WHERE no = $1", "UPDATE ledger SET bytes = $2 WHERE no = $1");
    scene.flip(no, read, write).await;
    untouched("range 0: the ledger proves nothing: ledger block of range 0 from 2026-03-").await;
    scene.flip(no, read, write).await;
    scene.is_clean();

    scene.run("UPDATE ledger SET entries = entries + 1 WHERE no = $1", args![no]).await;
    untouched("has other entries than its row says").await;
    scene.run("UPDATE ledger SET entries = entries - 1 WHERE no = $1", args![no]).await;

    // A heard block of other meters.
    let heard = "UPDATE heard SET bytes = $2 WHERE day = $1";
    let of = |marks| domain::history::Heard { range: RANGE, day: day("2026-04-15"), marks };
    scene.run(heard, args![day("2026-04-15"), of(vec![true; 2]).encode()]).await;
    untouched("the heard block of range 0 for 2026-04-15 has 2 meters, the ledger 3").await;
    scene.run(heard, args![day("2026-04-15"), of(vec![true; 3]).encode()]).await;
    scene.is_clean();

    // A block lost: what comes after it finds what nobody said.
    let no = scene.count("SELECT no AS n FROM ledger WHERE level > 0 ORDER BY last_seq DESC LIMIT 1").await;
    scene.run("DELETE FROM ledger WHERE no = $1", args![no]).await;
    let (said, code) = scene.verify(&["--rebuild"]);
    assert!(said.contains("the ledger of range 0 has a gap before number ") && code == Some(1), "{said}");
}

#[tokio::test]
async fn entries_lost_at_the_end_are_not_taken_for_the_truth() {
    let scene = Scene::new().await;
    scene.test.clock.set(at("2026-05-06T12:00:00Z"));
    scene.tend().await;
    let expected = scene.all().await;
    // The last reading of all is frozen, so that segments and meters both have it.
    let no = scene.count("SELECT no AS n FROM ledger ORDER BY last_seq DESC LIMIT 1").await;
    scene.run("DELETE FROM ledger WHERE no = $1", args![no]).await;
    let (said, code) = scene.verify(&["--rebuild"]);
    assert!(said.contains("agree against the ledger, which must have lost entries"), "{said}");
    assert!(!said.contains("written anew"), "{said}");
    assert_eq!(code, Some(1));
    // What was known earlier cannot be told any more; what is known now stays as it was.
    assert_eq!(scene.all().await[..3], expected[..3]);
}

#[tokio::test]
async fn a_reading_of_the_open_day_that_the_ledger_has_lost_stays_in_its_row() {
    let scene = Scene::new().await;
    assert_eq!(scene.test.report_usage(vec![reading(scene.tenants[1], "vms", 42)]).await, [Ok(())]);
    let expected = scene.all().await;
    let no = scene.count("SELECT no AS n FROM ledger ORDER BY last_seq DESC LIMIT 1").await;
    scene.run("DELETE FROM ledger WHERE no = $1", args![no]).await;
    // What is wrong beside it is mended.
    scene.flip_segment(day("2026-04-01")).await;
    let (said, code) = scene.verify(&["--rebuild"]);
    assert!(
        said.contains("the ledger says 1 on 2026-05-05 after 0 on 2026-05-04, stored is 42 on"),
        "{said}"
    );
    assert!(said.contains("rows of 1 meters have another level than the ledger"), "{said}");
    assert!(said.contains("6 segments and 0 meters written anew"), "{said}");
    assert_eq!(code, Some(1));
    assert_eq!(scene.all().await[..3], expected[..3]);
    let (said, code) = scene.verify(&["--rebuild"]);
    assert!(said.contains("stored is 42 on") && !said.contains("written anew"), "{said}");
    assert_eq!(code, Some(1));
}

/// What a rebuild would write now.
async fn repair(scene: &Scene) -> Option<store::history::Repair> {
    let mut conn = scene.test.app.read().await.unwrap();
    let rebuilt = store::history::rebuild(&mut conn, RANGE).await.unwrap();
    let comparison = store::history::compare(&mut conn, RANGE, &rebuilt).await.unwrap();
    store::history::repair(&mut conn, RANGE, &rebuilt, comparison).await.unwrap()
}

#[tokio::test]
async fn what_a_server_has_changed_meanwhile_is_not_written_over() {
    let scene = Scene::new().await;
    let put = async |repair| {
        let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
        let put = store::history::put(&mut tx, repair).await.unwrap();
        if put {
            tx.commit().await.unwrap();
        }
        put
    };
    let vms = scene.test.meter(scene.tenants[0], "vms", None).await;
    scene.run(TAMPERED, args![vms.tenant]).await;
    let built = repair(&scene).await.unwrap();
    assert_eq!(scene.test.report_usage(vec![reading(scene.tenants[0], "vms", 30)]).await, [Ok(())]);
    assert!(!put(built).await, "the meter was heard");
    scene.is_clean();

    scene.run("DELETE FROM segments WHERE first_day = $1", args![day("2026-05-03")]).await;
    let built = repair(&scene).await.unwrap();
    scene.tend().await;
    assert!(!put(built).await, "corrections were taken into the segments");
    assert!(put(repair(&scene).await.unwrap()).await);
    scene.is_clean();

    scene.run(TAMPERED, args![vms.tenant]).await;
    let built = repair(&scene).await.unwrap();
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    store::history::open_up_to(&mut tx, day("2026-05-06")).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!put(built).await, "a day was closed");
    assert!(repair(&scene).await.is_none());
    let (said, code) = scene.verify(&["--rebuild"]);
    assert!(said.contains("range 0: nothing more is written: a day is being frozen; run it again"), "{said}");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_server_forgets_the_levels_it_read_from_segments_that_are_written_anew() {
    let scene = Scene::new().await;
    let inlet = scene.tenants[1];
    let notarizations = scene.test.meter(inlet, "notarizations", None).await;
    let (first, last) = (day("2026-04-01"), day("2026-04-30"));
    let read = "SELECT bytes FROM segments WHERE first_day = $1";
    let row = scene.test.app.read().await.unwrap().one(read, args![first]).await.unwrap().unwrap();
    let mut april = Segment::decode(&row.blob("bytes").unwrap(), RANGE, first, last).unwrap();
    let (_, series) = april.series.iter_mut().find(|(key, _)| *key == notarizations).unwrap();
    let (on, level) = *series.readings().last().unwrap();
    series.push(on, level + 1);
    let wrong = args![first, april.encode()];
    scene.run("UPDATE segments SET bytes = $2 WHERE first_day = $1", wrong).await;
    // As after a start, the server knows no level.
    scene.run("UPDATE acceptance SET batches = batches + 1", Vec::new()).await;
    // The meter stands at 4 since its billing period began. The server, to which it began one higher, takes 3 for that.
    let seq = acceptance(&scene.test).await;
    assert_eq!(scene.test.report_usage(vec![reading(inlet, "notarizations", 3)]).await, [Ok(())]);
    assert_eq!(acceptance(&scene.test).await, seq, "the server did not read the wrong level");

    let (said, _) = scene.verify(&["--rebuild"]);
    assert!(said.contains("6 segments and 0 meters written anew"), "{said}");
    assert_eq!(scene.test.report_usage(vec![reading(inlet, "notarizations", 4)]).await, [Ok(())]);
    assert_eq!(acceptance(&scene.test).await, seq, "the server went on with the wrong level");
    scene.is_clean();
}
