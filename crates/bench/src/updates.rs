//! `cargo xtask bench updates`: PUT /reports/{id} by 64 clients, durable, against the same update as a bare SQL transaction.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use domain::access::Actor;
use serde_json::{Value, json};
use store::{Arg, Db};

use crate::fresh::{Fresh, on_core, partners};
use crate::server::Times;
use crate::serving::{Serving, word};

/// The core of the server and of the bare transactions, and that of the load.
const CORES: [&str; 2] = ["0", "1"];
const CLIENTS: usize = 64;
const ROUNDS: usize = 3;
const SECONDS: u64 = 10;

/// What an update of a report writes: version, kind and level, one recipient for another, and what the change log says of them.
const BARE: [&str; 6] = [
    "SELECT no, version, subject_no FROM reports WHERE id = $1",
    "UPDATE reports SET version = version + 1, level = $2, kind = $3, next_due_at = next_due_at WHERE id = $1",
    "DELETE FROM report_recipients WHERE report_id = $1",
    "INSERT INTO report_recipients (report_id, position, user_id) VALUES ($1, 0, $2)",
    "UPDATE acceptance SET seq = seq + 1 RETURNING seq",
    "INSERT INTO changes (seq, ordinal, object, object_id, tenant_no, field, old_value, new_value, valid_from, recorded_at,
     actor_kind, actor_id, reason) VALUES
     ($1, 1, 'report', $2, 1, 'level', 'a', $3, 20000, 0, 'client', $2, NULL),
     ($1, 2, 'report', $2, 1, 'kind', 'a', $4, 20000, 0, 'client', $2, NULL),
     ($1, 3, 'report', $2, 1, 'recipients', 'a', $5, 20000, 0, 'client', $2, NULL)",
];
/// What a report is in turn: kind and level.
const TURNS: [(&str, &str); 2] = [("usage_current", "accounts"), ("usage_summary", "all_customers")];

/// Measures in turn, on SQLite or on the PostgreSQL whose programs and database are named; prints a line for each round.
pub fn run(tidemark: &Path, folder: &Path, postgres: Option<(&str, &Path)>) -> Result<()> {
    // Those that load are threads of this process.
    let pinned =
        Command::new("taskset").args(["-c", "-p", CORES[1], &std::process::id().to_string()]).output()?;
    ensure!(pinned.status.success(), "taskset: {}", String::from_utf8_lossy(&pinned.stderr));
    let fresh = Fresh::make(tidemark, folder, postgres.map(|(url, _)| url))?;
    let serving = fresh.serve(CORES.first().copied())?;
    let reports = reports(&serving, &fresh.top())?;
    let database = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    println!("{database}, {CLIENTS} clients");
    println!("| bare updates/s | PUT/s | share | PUT p50 ms | p99 ms |\n|---|---|---|---|---|");
    load(&serving, &reports, Duration::from_secs(2))?;
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        let bare = match postgres {
            None => bare_sqlite(&fresh.database(), &reports)?,
            Some((url, programs)) => pgbench(url, programs, folder, &reports)?,
        };
        let (rate, times) = load(&serving, &reports, Duration::from_secs(SECONDS))?;
        let share = rate / bare * 100.0;
        println!("| {bare:.0} | {rate:.0} | {share:.0} % | {:.1} | {:.1} |", times.at(500), times.at(990));
        shares.push(share);
    }
    shares.sort_by(f64::total_cmp);
    println!("median share: {:.0} %", shares.get(ROUNDS / 2).context("a round")?);
    Ok(())
}

/// A report that a client updates, and its two users.
#[derive(Clone)]
struct Report {
    id: String,
    users: [String; 2],
}

fn reports(serving: &Serving, top: &str) -> Result<Vec<Report>> {
    let post =
        |path: &str, body: Value| serving.client.post(path).bearer(&serving.token).json(body).send().ok();
    let subject = partners(serving, top, 1)?.pop().context("a partner")?;
    let user = |login: &str| {
        let email = format!("{login}@example.com");
        let body = json!({"tenant_id": subject, "login": login, "contact": {"email": email}, "notifications": ["reports"]});
        word(&post("/api/2/users", body), "id")
    };
    let users = [user("ann"), user("bob")];
    let report = |_| {
        let body = json!({
            "parameters": {"tenant_id": subject, "kind": "usage_current", "level": "accounts", "formats": ["csv_v2_0"]},
            "schedule": {"type": "monthly"}, "result_action": "send", "recipients": [users[0]]});
        Report { id: word(&post("/api/2/reports", body), "id"), users: users.clone() }
    };
    Ok((0..CLIENTS).map(report).collect())
}

/// Every client changes kind, level and recipient of its report as fast as it is answered.
fn load(serving: &Serving, reports: &[Report], length: Duration) -> Result<(f64, Times)> {
    let start = Instant::now();
    let client = |report: &Report| {
        let (client, token) = (serving.client.clone(), serving.token.clone());
        let path = format!("/api/2/reports/{}", report.id);
        let body = |(user, (kind, level))| json!({"recipients": [user], "parameters": {"kind": kind, "level": level}});
        let bodies: Vec<Value> = report.users.iter().zip(TURNS).map(body).collect();
        move || {
            let mut times = Vec::new();
            for body in bodies.iter().cycle().take_while(|_| start.elapsed() < length) {
                let sent = Instant::now();
                let answer = client.put(&path).bearer(&token).json(body.clone()).send();
                ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
                times.push(sent.elapsed());
            }
            anyhow::Ok(times)
        }
    };
    let mut times: Vec<Duration> = Vec::new();
    thread::scope(|scope| {
        let clients: Vec<_> = reports.iter().map(|report| scope.spawn(client(report))).collect();
        for client in clients {
            times.extend(client.join().map_err(|_| anyhow!("a client failed"))??);
        }
        anyhow::Ok(())
    })?;
    #[expect(clippy::cast_precision_loss, reason = "some ten thousands")]
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    Ok((rate, Times::new(times)))
}

fn bare_sqlite(database: &str, reports: &[Report]) -> Result<f64> {
    let mut command = on_core(CORES.first().copied(), &std::env::current_exe()?);
    command.args(["bare", database]);
    for Report { id, users } in reports {
        command.arg(id).args(users);
    }
    let output = command.output()?;
    ensure!(output.status.success(), "bare: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The same by 64 tasks in this process, straight on the file; prints the updates a second. Each report is named with its
/// users.
pub async fn bare(database: &Path, reports: &[&str]) -> Result<()> {
    let db = Arc::new(Db::join(database).await?);
    let start = Instant::now();
    let tasks = reports.as_chunks().0.iter().map(|[report, users @ ..]: &[&str; 3]| {
        let (db, report) = (db.clone(), (*report).to_owned());
        let users = users.map(str::to_owned);
        tokio::spawn(async move {
            let mut done = 0_u32;
            for (user, turn) in users.iter().zip(TURNS).cycle() {
                if start.elapsed() > Duration::from_secs(SECONDS) {
                    break;
                }
                update(&db, &report, user, turn).await?;
                done += 1;
            }
            anyhow::Ok(done)
        })
    });
    let mut updates = 0;
    for task in tasks.collect::<Vec<_>>() {
        updates += task.await??;
    }
    println!("{:.1}", f64::from(updates) / start.elapsed().as_secs_f64());
    Ok(())
}

async fn update(db: &Db, report: &str, user: &str, (kind, level): (&str, &str)) -> Result<()> {
    let text = |text: &str| Arg::from(text);
    let [read, change, remove, insert, number, log] = BARE;
    let mut tx = db.write(Actor::System, || domain::time::Instant(0)).await?;
    let found = tx.one(read, vec![text(report)]).await?.context("the report")?;
    found.int("version")?;
    tx.run(change, vec![text(report), text(level), text(kind)]).await?;
    tx.run(remove, vec![text(report)]).await?;
    tx.run(insert, vec![text(report), text(user)]).await?;
    let seq = tx.one(number, Vec::new()).await?.context("a number")?.int("seq")?;
    let args = vec![Arg::from(seq), text(report), text(level), text(kind), text(user)];
    tx.run(log, args).await?;
    Ok(tx.commit().await?)
}

/// The same by PostgreSQL's own benchmark program: a script for each report, statements prepared.
fn pgbench(url: &str, programs: &Path, folder: &Path, reports: &[Report]) -> Result<f64> {
    let mut command = on_core(CORES.first().copied(), &programs.join("pgbench"));
    let clients = CLIENTS.to_string();
    command.args(["-n", "-M", "prepared", "-c", &clients, "-j", "1", "-T", &SECONDS.to_string()]);
    for report in reports {
        let script = folder.join(format!("{}.sql", report.id));
        std::fs::write(&script, script_of(report))?;
        command.arg("-f").arg(script);
    }
    let output = command.arg(url).output()?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("a rate")?;
    Ok(rate.split(' ').next().unwrap_or_default().parse()?)
}

fn script_of(report: &Report) -> String {
    let [read, change, remove, insert, number, log] = BARE;
    let id = format!("'{}'", report.id);
    let fill = |sql: &str, values: &[&str]| {
        let filled = values
            .iter()
            .zip(1..)
            .fold(sql.to_owned(), |sql, (value, at)| sql.replace(&format!("${at}"), value));
        filled.replace('\n', " ")
    };
    let (level, kind, user) = ("'accounts'", "'usage_current'", format!("'{}'", report.users[0]));
    [
        "BEGIN;".to_owned(),
        fill(read, &[&id]) + ";",
        fill(change, &[&id, level, kind]) + ";",
        fill(remove, &[&id]) + ";",
        fill(insert, &[&id, &user]) + ";",
        fill(number, &[]) + " \\gset",
        fill(log, &[":seq", &id, level, kind, &user]) + ";",
        "COMMIT;".to_owned(),
    ]
    .join("\n")
}
