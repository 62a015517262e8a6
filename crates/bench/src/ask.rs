//! The questions of bench/queries.py, in a new process.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use domain::ids::TenantNo;
use domain::report::{Document, Kind, Label, Level, Pass, Rows as _};
use domain::threads::on_two_threads;
use domain::time::{Day, Period};
use store::report_input::{Channel, Wanted};
use store::{Conn, Db};

use crate::answer::{Answer, ItemsOfChannel};
use crate::channel::Meta;
use crate::installation;

/// The figures of so many tenants are handed out by one thread, as other engines share their work among threads too.
const TENANTS_AT_ONCE: usize = 1 << 12;

/// Asks once; prints how long it took, the answer and the most memory this process had.
pub async fn ask(channel: &Path, store: &Path, query: &str) -> Result<()> {
    let meta = Meta::read(channel)?;
    let start = Instant::now();
    let db = Db::open(&installation::database(store)).await?;
    let mut conn = db.read().await?;
    let numbers = Numbers::read(store)?;
    let answer = match query {
        "q1" => summaries(&mut conn, &numbers, &meta, false).await?,
        "q4" => summaries(&mut conn, &numbers, &meta, true).await?,
        "q2" | "q5" => {
            let period = Period::inclusive(meta.day(0)?, meta.day(meta.number("last")?)?);
            of_one(&mut conn, &numbers, &meta, "p5", Kind::UsageDaily, period).await?
        }
        "q3" => {
            let period =
                Period::inclusive(meta.day(meta.number("before")?)?, meta.day(meta.number("last")?)?);
            of_one(&mut conn, &numbers, &meta, "tiny", Kind::UsageSummary, period).await?
        }
        other => bail!("there is no question {other}"),
    };
    let ms = start.elapsed().as_secs_f64() * 1_000.0;
    println!(r#"{{"ms": {ms:.3}, "answer": {}, "peak_mib": {}}}"#, answer.json(), peak_mib()?);
    Ok(())
}

/// The channel's numbers of the tenants.
struct Numbers(Vec<u32>);

impl Numbers {
    fn read(store: &Path) -> Result<Self> {
        let bytes = std::fs::read(store.join("numbers.bin"))?;
        Ok(Self(bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()))
    }

    fn of(&self, no: TenantNo) -> u32 {
        usize::try_from(no.0).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(u32::MAX)
    }

    fn no(&self, number: i32) -> Result<TenantNo> {
        let number = u32::try_from(number)?;
        let at = self.0.iter().position(|known| *known == number).context("a tenant of the channel")?;
        Ok(TenantNo(i64::try_from(at)?))
    }
}

/// All partners' summaries: one pass, and of each tenant the lines that are not zero; or, as reports have it, the lines of all
/// that was used, and how many cells were carried.
async fn summaries(conn: &mut Conn, numbers: &Numbers, meta: &Meta, as_reports: bool) -> Result<Answer> {
    let (first, last) = (meta.day(0)?, meta.day(meta.number("last")?)?);
    let period = Period::inclusive(first, last);
    let channel = store::report_input::channel(conn, period, Kind::UsageSummary, last.next(), false).await?;
    let channel = channel.context("a channel that one pass may be made of")?;
    let Channel { question, twigs, archive, numbers: items, .. } = channel;
    let of_channel = ItemsOfChannel::new(&items);
    let pass = Pass::new(TenantNo::TOP, twigs, &archive, &items, question)?.context("the root")?;
    let add = if as_reports { Answer::add_line } else { Answer::add };
    let tenants: Vec<TenantNo> = pass.tenants().collect();
    let parts: Vec<&[TenantNo]> = tenants.chunks(TENANTS_AT_ONCE).collect();
    let answers = on_two_threads(&parts, |part| {
        let mut answer = Answer::default();
        for no in *part {
            let tenant = numbers.of(*no);
            for (item, _, figures) in pass.figures(*no, first, last) {
                let y = figures.absolute.total();
                let x = y - figures.delta.total();
                add(&mut answer, tenant, of_channel.number(item), 0, (x, y))?;
            }
        }
        Ok(answer)
    });
    let mut answer: Answer = answers.into_iter().sum::<Result<_>>()?;
    if as_reports {
        answer.add_line(0, 0, 0, (pass.carried(TenantNo::TOP).into(), 0))?;
    }
    Ok(answer)
}

/// One partner's report: what the server does to make it, but for the writing of the file.
async fn of_one(
    conn: &mut Conn,
    numbers: &Numbers,
    meta: &Meta,
    partner: &str,
    kind: Kind,
    period: Period,
) -> Result<Answer> {
    let document = document(conn, numbers.no(meta.number(partner)?)?, kind, period).await?;
    let item_numbers = store::catalogue::item_numbers(conn).await?;
    let items = ItemsOfChannel::new(&item_numbers);
    let first: Day = period.start;
    let mut answer = Answer::default();
    for row in document.rows() {
        let Label::Item(item) = row.label else { continue };
        let Some(item) = item_numbers.no(&item.name) else { continue };
        let (level, delta) = (row.figures.absolute.total(), row.figures.delta.total());
        let (day, pair) = match kind {
            Kind::UsageDaily => (row.date.0 - first.0, (level, delta)),
            _ => (0, (level - delta, level)),
        };
        answer.add(numbers.of(row.tenant.no), items.number(item), day, pair)?;
    }
    Ok(answer)
}

/// A report at all_customers, as the server loads and folds it.
pub async fn document(conn: &mut Conn, subject: TenantNo, kind: Kind, period: Period) -> Result<Document> {
    let wanted = Wanted {
        subject,
        period,
        kind,
        level: Level::AllCustomers,
        hide_zero_usage: false,
        show_skus: false,
        leave_out_trial: false,
        as_known: period.last().next(),
        as_of: store::history::newest(conn).await?,
    };
    let input = store::report_input::load(conn, &wanted).await?;
    let archive = store::report_input::archive(conn, &wanted).await?;
    Document::new(input, archive)?.context("the partner")
}

/// The most memory this process had, in MiB.
pub fn peak_mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024)
}
