//! Faults, as a test tool. `cargo xtask torture` builds and starts it; docs/reliability.md says what it does.

#![expect(
    clippy::disallowed_methods,
    reason = "kills happen in the machine's time, whatever the nodes' clocks show"
)]

mod checks;
mod clocks;
mod disk;
mod load;
mod machine;
mod node;
mod options;
mod plan;
mod postgres;
mod proxy;
mod random;
mod rows;
mod settle;
mod sink;
mod summary;
mod trouble;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use checks::Verdict;
use load::caller::{Access, Caller};
use load::channel::Channel;
use load::{Load, Told};
use machine::{Machine, wait};
use options::{Options, Setting};

/// How often processes are looked after.
const TEND: Duration = Duration::from_millis(20);
/// How often the log says how far it is.
const PROGRESS: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("torture: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", summary::head(&options.setting));
    let faults = match torture(&options) {
        Ok(faults) => faults,
        Err(error) => vec![format!("{error:#}")],
    };
    let folder = options.setting.folder.display();
    if faults.is_empty() {
        println!("all is well");
        if options.keep {
            println!("logs: {folder}");
        } else {
            let _ = std::fs::remove_dir_all(&options.setting.folder);
        }
        return ExitCode::SUCCESS;
    }
    println!("{}", summary::failure(&options.setting, &faults));
    println!("logs: {folder}");
    ExitCode::FAILURE
}

/// One run; gives what must not be.
fn torture(options: &Options) -> Result<Vec<String>> {
    let setting = &options.setting;
    let begin = Instant::now();
    let mut machine = Machine::new(setting)?;
    let first = machine.init()?;
    machine.start_all();
    wait("nodes that are ready", Duration::from_mins(1), || {
        machine.tend()?;
        Ok(machine.all_ready())
    })?;
    let access = Access {
        addresses: machine.addresses.clone(),
        nodes: setting.shape.nodes,
        first,
        stop: Arc::new(AtomicBool::new(false)),
    };
    let mut caller = Caller::new(&access, setting.seed, 5);
    let channel = Channel::make(&mut caller, &access.first.tenant).context("the channel")?;
    let load = Load::start(&access, &channel, setting.seed);
    let done = play(&mut machine, setting);
    let told = load.end()?;
    done?;
    settle::settle(&mut machine, options.settle)?;
    let verdict = checks::check(&machine, &mut caller, &channel, &told)?;
    println!("{}", summary::of(&machine, &told, &verdict, begin.elapsed()));
    Ok(all_faults(&machine, told, caller, verdict))
}

/// Does what the plan says, each at its moment.
fn play(machine: &mut Machine, setting: &Setting) -> Result<()> {
    let begin = Instant::now();
    let mut said = begin;
    for event in plan::plan(setting.seed, setting.shape) {
        while begin.elapsed() < Duration::from_millis(event.at) {
            machine.tend()?;
            thread::sleep(TEND);
        }
        machine.act(event.act)?;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            println!("{}", summary::progress(machine, begin.elapsed()));
        }
    }
    Ok(())
}

fn all_faults(machine: &Machine, told: Told, caller: Caller, verdict: Verdict) -> Vec<String> {
    [machine.faults.clone(), told.faults, caller.faults, verdict.faults].concat()
}
