//! `tieline demo`: everything on loopback. Two simulators with a year of simulated company data, a private Postgres, one full sync, and a
//! reconciliation summary. Then the service keeps running, and new invoices are posted until it is stopped.

mod systems;
mod tie;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, TimeZone, Utc};
use secrecy::SecretString;

use self::systems::Systems;
use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::signals::Signals;
use super::{Global, OutputForm, output, run, sync, who};
use crate::actors::scheduler::ExecuteRunSet;
use crate::actors::scheduler::run_set::RunSetRequest;
use crate::actors::system::ActorSystem;
use crate::config;
use crate::credentials::change::NewCredential;
use crate::credentials::credential_store::{SERVICENOW, SYSPRO_ODATA};
use crate::domain::chain;
use crate::domain::money::thousands;
use crate::domain::person::NoName;
use crate::domain::role::Role;
use crate::domain::run::RunKind;
use crate::domain::schedule::Schedule;
use crate::operations;
use crate::operations::api_key::{KeyEnd, NewApiKey};
use crate::process::mode::Mode;
use crate::retry;
use crate::supervision::guard::RestartPolicy;
use tieline_sim::dataset::{Companies, DatasetOptions, ODD};
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

/// How long running work may take to finish.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// With faults: the most runs of every flow, and the pause between two.
const CYCLES: usize = 20;
const CYCLE_PAUSE: Duration = Duration::from_secs(1);
/// How often new invoices are posted in each company, and how many.
const FEED: (Duration, u32) = (Duration::from_secs(5), 3);
/// When every flow runs.
const SCHEDULE: &str = "* * * * *";
/// The name of the key for the console.
const KEY_NAME: &str = "demo";

/// How the demo runs.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// AP invoices of company EDU1; company ODD, with the awkward values, has a twentieth
    #[arg(long, default_value_t = 1000, value_name = "N")]
    documents: u32,
    /// The seed of the simulated data
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let both systems misbehave: lost answers, 502, 429, cut bodies
    #[arg(long)]
    faults: bool,
    /// Exit after the summary
    #[arg(long)]
    once: bool,
    /// Keep the state here instead of in a temporary directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// A state directory that is removed at the end, unless it was given.
struct StateDirectory {
    path: PathBuf,
    keep: bool,
}

impl StateDirectory {
    fn new(named: Option<&PathBuf>) -> Result<Self, Failure> {
        let (path, keep) = match named {
            Some(path) => (path.clone(), true),
            None => (std::env::temp_dir().join(format!("tieline-demo-{}", std::process::id())), false),
        };
        // in a directory that everybody may write to, an existing one may belong to anybody
        let made = if keep { std::fs::create_dir_all(&path) } else { std::fs::create_dir(&path) };
        made.map_err(|error| Failure::new(Exit::Failed, format!("the demo's directory {} cannot be created: {error}", path.display())))?;
        Ok(Self { path, keep })
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            eprintln!("tieline: the demo's directory {} could not be removed: {error}", self.path.display());
        }
    }
}

/// Runs the command.
pub(super) fn demo(global: &Global, args: &DemoArgs) -> Result<Exit, Failure> {
    let directory = StateDirectory::new(args.directory.as_ref())?;
    say(global, "Starting simulators of SYSPRO and ServiceNow on this machine …");
    let systems = systems(args)?;
    let (listener, port) = reserve_port()?;
    let text = configuration(&systems, &directory.path, port);
    let loaded = config::load_text(&text, None, std::iter::empty()).map_err(|error| Failure::new(Exit::Configuration, chain(&error)))?;
    let checked = Checked::with(loaded)?;
    super::start_logging(global, &checked, super::Logs::Service)?;
    say(global, &format!("  SYSPRO      {}", systems.syspro.url));
    say(global, &format!("  ServiceNow  {}", systems.servicenow.url()));
    let result = super::block_on(async {
        let mut signals = Signals::listen();
        say(global, "Starting a private Postgres …");
        let context = Context::open(checked).await?;
        let result = show(global, args, &context, &systems, listener, &mut signals).await;
        context.close().await;
        result
    });
    systems.syspro.stop();
    systems.servicenow.stop();
    result
}

/// Prints a line for people; prints nothing when the output is for a program.
fn say(global: &Global, text: &str) {
    if global.output == OutputForm::Table {
        println!("{text}");
    }
}

fn systems(args: &DemoArgs) -> Result<Systems, Failure> {
    let failed = |what: &str, error: std::io::Error| Failure::new(Exit::Failed, format!("the simulator of {what} cannot start: {error}"));
    let options = SysproOptions {
        dataset: DatasetOptions { seed: args.seed, documents: args.documents, companies: Companies::Apart, ..DatasetOptions::default() },
        ..SysproOptions::default()
    };
    let syspro = SysproSim::start(options).map_err(|error| failed("SYSPRO", error))?;
    let servicenow = ServiceNowSim::start(ServiceNowOptions { seed: args.seed, ..ServiceNowOptions::default() })
        .map_err(|error| failed("ServiceNow", error))?;
    if args.faults {
        tie::add_faults(&syspro, &servicenow);
    }
    Ok(Systems { syspro, servicenow })
}

/// The demo's configuration, as a site would write it.
fn configuration(systems: &Systems, directory: &Path, port: u16) -> String {
    format!(
        r#"
[http]
listen = "127.0.0.1:{port}"
[syspro]
odata_url = "{syspro}"
time_zone = "Africa/Johannesburg"
companies = ["EDU1", "{ODD}"]
currency = "ZAR"
[servicenow]
instance_url = "{servicenow}"
profile = "apo"
batch_quota_seconds = 2
request_quota_seconds = 2
read_delay_seconds = 1
[schedule]
cost_center = "{SCHEDULE}"
gl_account = "{SCHEDULE}"
supplier = "{SCHEDULE}"
purchase_order = "{SCHEDULE}"
invoice = "{SCHEDULE}"
gl_posting = "{SCHEDULE}"
[retry]
min_delay_seconds = 1
[state]
directory = "{directory}"
[log]
level = "warn,actix_http=off"
"#,
        syspro = systems.syspro.url,
        servicenow = systems.servicenow.url(),
        directory = directory.display(),
    )
}

/// The service's usual port if it is free, or any other; reserved, for example against a second demo, until the service uses it.
fn reserve_port() -> Result<(TcpListener, u16), Failure> {
    let usual = TcpListener::bind("127.0.0.1:8650").or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let reserved = usual.and_then(|listener| listener.local_addr().map(|address| (listener, address.port())));
    reserved.map_err(|error| Failure::new(Exit::Failed, format!("the console of the demo finds no free port on 127.0.0.1: {error}")))
}

/// Sets the simulators' passwords.
async fn set_credentials(context: &Context) -> Result<(), Failure> {
    let (syspro, servicenow) = (SysproOptions::default(), ServiceNowOptions::default());
    let all = [(SYSPRO_ODATA, syspro.username, syspro.password), (SERVICENOW, servicenow.client_id, servicenow.client_secret)];
    let new = |(name, username, password): (&str, String, String)| NewCredential {
        name: name.to_owned(),
        username,
        password: SecretString::from(password),
    };
    let state = &context.checked.settings().state.directory;
    Ok(context.credential_store().set(state, all.into_iter().map(new).collect(), who::user()).await?)
}

async fn show(
    global: &Global,
    args: &DemoArgs,
    context: &Context,
    systems: &Systems,
    listener: TcpListener,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    set_credentials(context).await?;
    let process = context.service_process().await?;
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    say(global, "One full sync of two companies, suppliers and accounts before invoices …");
    let started = Instant::now();
    let flows: Vec<_> = process.flows().into_iter().map(|flow| (flow, RunKind::Poll)).collect();
    let mut cycles = 0;
    let run = async || {
        let report = if cycles == 0 {
            sync::execute_run_set(&process, &system, flows.clone(), None, signals).await?
        } else {
            let ask = RunSetRequest::by_hand(flows.clone(), who::user(), None);
            let again = system.scheduler.send(ExecuteRunSet(ask)).await;
            again.map_err(|_| Failure::new(Exit::Failed, "the run was interrupted"))?
        };
        cycles += 1;
        // with faults, deliveries are retrying or unknown for a while: a person would run it again
        let settled = !args.faults || !unsettled(context).await?;
        Ok::<_, Failure>((report, settled))
    };
    let (report, _) = retry::until(retry::pauses(CYCLE_PAUSE, CYCLES), run, |(_, settled)| *settled).await?;
    let took = started.elapsed();
    system.stop(STOP_DEADLINE).await;
    let status = context.flow_status().await?;
    let exit = sync::exit_code(&report, &status);
    let summary = tie::summary(&process, systems, &status).await?;
    let ties = summary.ties();
    if global.output == OutputForm::Json {
        output::json(&serde_json::json!({ "seconds": took.as_secs(), "cycles": cycles, "ties_out": ties, "summary": summary }))?;
    } else {
        println!("{}", tie::text(&summary, &context.checked.settings().syspro.companies));
        // computed from the printed time, so that a reader gets the same result
        let tenths = (took.as_millis() / 100).max(1);
        let rate = u128::try_from(summary.rows()).unwrap_or_default() * 10 / tenths;
        println!(
            "{} records are delivered, as {} rows, in {}.{} s ({} rows a second).",
            thousands(&summary.delivered().to_string()),
            thousands(&summary.rows().to_string()),
            tenths / 10,
            tenths % 10,
            thousands(&rate.to_string())
        );
        let says = if ties { "Both systems agree to the cent, currency by currency" } else { "The two systems do NOT agree" };
        match cycles {
            1 => println!("{says}, after 1 run of every flow."),
            _ => println!("{says}, after {cycles} runs of every flow. `read` counts a record once for each run that read it."),
        }
        let open = summary.undelivered();
        if open.total() > 0 {
            println!("{} records are not delivered: {}.", open.total(), open.sentence());
            if !args.once {
                println!("The page Failures of the console says why.");
            }
        }
    }
    sync::print_errors(&report);
    if !ties {
        return Ok(Exit::Failed);
    }
    if args.once {
        // the summary accounts for undelivered records
        return Ok(if exit == Exit::Partly { Exit::Done } else { exit });
    }
    keep_running(context, systems, listener, signals).await
}

/// Whether anything may still change automatically.
async fn unsettled(context: &Context) -> Result<bool, Failure> {
    Ok(context.flow_status().await?.iter().any(|row| row.backlog().moving() > 0))
}

/// The service keeps running, and new invoices are posted.
async fn keep_running(context: &Context, systems: &Systems, listener: TcpListener, signals: &mut Signals) -> Result<Exit, Failure> {
    let process = context.process();
    // a kept state directory has the key of the last run
    operations::api_key::remove(&process, KEY_NAME, None, who::user()).await?;
    let name = KEY_NAME.parse().map_err(|error: NoName| Failure::plain(&error))?;
    let new = NewApiKey { name, person: None, role: Role::Admin, end: Some(KeyEnd::Days(1)), why: None };
    let key = operations::api_key::add(&process, new, who::user()).await?;
    println!();
    println!("The service is running. Press Ctrl-C to stop it.");
    println!("  console   http://{}/", context.checked.settings().http.listen);
    println!("  sign in   {}", key.expose());
    println!("            (an API key for this demo: role admin, valid for one day)");
    println!();
    println!("SYSPRO gets {} new invoices per company every {} s. Tieline reads it once a minute,", FEED.1, FEED.0.as_secs());
    println!("so ServiceNow follows at the next run:");
    let companies = &context.checked.settings().syspro.companies;
    let schedule = Schedule::parse(SCHEDULE, context.checked.settings().syspro.time_zone)
        .map_err(|error| Failure::new(Exit::Configuration, format!("the demo's schedule `{SCHEDULE}` is refused: {error}")))?;
    let feed = async {
        loop {
            tokio::time::sleep(FEED.0).await;
            match systems.syspro.tick(FEED.1) {
                Ok(_) => {
                    let there =
                        companies.iter().map(|company| systems.syspro.count(company.as_str(), "ApInvoice").unwrap_or_default()).sum();
                    println!(
                        "{}",
                        feed_line(Local::now(), there, systems.servicenow.count("x_apo_invoice"), schedule.next_after(Utc::now()))
                    );
                }
                Err(error) => tracing::warn!(%error, "no new invoices can be posted in the simulated SYSPRO"),
            }
        }
    };
    drop(listener);
    tokio::select! {
        result = run::serve(context, signals, run::Reload::Never) => result,
        () = feed => Ok(Exit::Done),
    }
}

/// The number of invoices in each system, and when the next run brings the others.
fn feed_line<Z: TimeZone<Offset: std::fmt::Display>>(
    now: DateTime<Z>,
    syspro: usize,
    servicenow: usize,
    next: Option<DateTime<Utc>>,
) -> String {
    let next = next.map_or_else(String::new, |next| {
        let seconds = (next - now.to_utc()).num_seconds().max(0);
        format!("; next run at {}, in {seconds} s", next.with_timezone(&now.timezone()).format("%H:%M:%S"))
    });
    let new = match syspro.saturating_sub(servicenow) {
        0 => "none new".to_owned(),
        new => format!("{new} new"),
    };
    format!("{}  invoices: SYSPRO {syspro}, ServiceNow {servicenow}, {new}{next}", now.format("%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_says_when_the_next_run_comes() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let line = feed_line(at("2026-03-17T09:41:05Z"), 335, 326, Some(at("2026-03-17T09:42:00Z")));
        assert_eq!(line, "09:41:05  invoices: SYSPRO 335, ServiceNow 326, 9 new; next run at 09:42:00, in 55 s");
        let line = feed_line(at("2026-03-17T09:41:05Z"), 335, 335, None);
        assert_eq!(line, "09:41:05  invoices: SYSPRO 335, ServiceNow 335, none new");
    }
}
