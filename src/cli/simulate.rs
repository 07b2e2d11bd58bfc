//! `tieline simulate`: one simulator alone, as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::failure::{Exit, Failure};
use super::output;
use super::signals::Signals;
use crate::credentials::credential_store::{SERVICENOW, SYSPRO_ODATA};
use crate::domain::chain;
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::faults::{FaultPlan, Faults};
use tieline_sim::servicenow::schema::Abort;
use tieline_sim::servicenow::{LateFailure, SecondStage, ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{EnetAccounts, SysproOptions, SysproSim};

/// Which system.
#[derive(Debug, clap::Subcommand)]
pub enum SimulateCommand {
    /// SYSPRO's OData service and e.net for the simulated companies `EDU1` and `1`
    Syspro {
        /// What both take
        #[command(flatten)]
        common: Common,
        /// AP invoices of the larger company
        #[arg(long, default_value_t = 1000)]
        documents: u32,
        /// Lines of each ordinary invoice; 1 to 6 at random when left out
        #[arg(long)]
        lines_per_invoice: Option<u32>,
        /// Further companies C001, C002, ..., each with the data of EDU1
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=999))]
        more_companies: u32,
        /// Post new business automatically every N seconds
        #[arg(long, value_name = "N")]
        feed_seconds: Option<u64>,
        /// The longest query string answered, in bytes
        #[arg(long, default_value_t = 2048)]
        max_query_length: usize,
        /// The most nodes of a `$filter` answered
        #[arg(long, default_value_t = 100)]
        max_filter_nodes: usize,
        /// The operator
        #[arg(long, default_value = "TIELINE")]
        username: String,
        /// The operator's OData password
        #[arg(long, default_value = "odata-secret")]
        password: String,
        /// The operator's e.net password
        #[arg(long, default_value = "enet-secret")]
        enet_password: String,
        /// The password of every company, for e.net
        #[arg(long, default_value = "")]
        company_password: String,
    },
    /// A ServiceNow instance: token endpoint, Table, Import Set and Batch API
    Servicenow {
        /// What both take
        #[command(flatten)]
        common: Common,
        /// The OAuth client
        #[arg(long, default_value = "tieline")]
        client_id: String,
        /// Its secret
        #[arg(long, default_value = "simulated-secret")]
        client_secret: String,
        /// Forget staging rows once they are transformed, which saves memory
        #[arg(long)]
        no_staging: bool,
        /// Every N seconds, move the `u_state` of delivered invoices on: draft, approved, pending_payment, paid
        #[arg(long, value_name = "N")]
        second_stage: Option<u64>,
        /// Invoices whose column begins with this text fail there: `u_state` is rejected, `u_error` says why; may be given again
        #[arg(long, value_name = "COLUMN=TEXT", requires = "second_stage", value_parser = late_failure)]
        fail_later: Vec<LateFailure>,
        /// Add the tables, columns and transform maps of an application: the directory `dist/app` that ServiceNow's SDK has built, or an
        /// exported update set
        #[arg(long, value_name = "PATH")]
        application: Option<PathBuf>,
    },
}

/// What both take.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The seed of the generated data and of random behaviour
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Faults to inject: a TOML or JSON file
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// HTTPS with a certificate made at start
    #[arg(long)]
    tls: bool,
}

impl Common {
    fn plan(&self) -> Result<FaultPlan, Failure> {
        match &self.faults {
            None => Ok(FaultPlan::default()),
            Some(path) => FaultPlan::load(path).map_err(|error| Failure::new(Exit::Configuration, chain(&error))),
        }
    }
}

/// `u_due_date=2026-03`
fn late_failure(text: &str) -> Result<LateFailure, String> {
    let (column, begins) = text
        .split_once('=')
        .filter(|(column, begins)| !column.is_empty() && !begins.is_empty())
        .ok_or_else(|| format!("`{text}` must be COLUMN=PREFIX, such as `u_due_date=2026-03`"))?;
    let message = format!("workflow failed: `{column}` begins with `{begins}`");
    let (column, when) = (column.to_owned(), Abort::StartsWith(begins.to_owned()));
    Ok(LateFailure { column, when, state: "rejected".to_owned(), message })
}

/// The second stage of the invoices in both profiles.
fn second_stages(every: Option<u64>, failures: &[LateFailure]) -> Vec<SecondStage> {
    let Some(seconds) = every else { return Vec::new() };
    let stage =
        |table| SecondStage { every: Duration::from_secs(seconds.max(1)), failures: failures.to_vec(), ..SecondStage::of_invoices(table) };
    ["sn_apo_invoice", "sn_spend_intg_imp_invoice"].map(stage).to_vec()
}

/// Runs the command until a signal.
pub(super) fn simulate(command: &SimulateCommand) -> Result<Exit, Failure> {
    super::block_on(async {
        // before it prints its address: a reader of that may end it at once
        let mut signals = Signals::listen();
        serve(command, &mut signals).await
    })
}

async fn serve(command: &SimulateCommand, signals: &mut Signals) -> Result<Exit, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(Exit::Failed, format!("the simulator cannot start: {error}; choose another --listen"));
    match command {
        SimulateCommand::Syspro {
            common,
            documents,
            lines_per_invoice,
            more_companies,
            feed_seconds,
            max_query_length,
            max_filter_nodes,
            username,
            password,
            enet_password,
            company_password,
        } => {
            let mut options = SysproOptions {
                listen: common.listen,
                tls: common.tls,
                username: username.clone(),
                password: password.clone(),
                enet: EnetAccounts {
                    operators: vec![(username.clone(), enet_password.clone())],
                    company_password: company_password.clone(),
                    ..EnetAccounts::default()
                },
                dataset: DatasetOptions {
                    seed: common.seed,
                    documents: *documents,
                    lines_per_invoice: *lines_per_invoice,
                    copies: *more_companies,
                    ..DatasetOptions::default()
                },
                faults: Faults::new(&common.plan()?),
                feed: feed_seconds.map(|seconds| (Duration::from_secs(seconds.max(1)), 3)),
                ..SysproOptions::default()
            };
            options.switches.max_query_length = Some(*max_query_length);
            options.switches.max_filter_nodes = Some(*max_filter_nodes);
            let sim = SysproSim::start(options).map_err(failed)?;
            output::line(&format!("odata_url={}\nusername={username}\npassword={password}", sim.url))?;
            output::line(&format!("enet_url={}\nenet_password={enet_password}", sim.enet_url))?;
            print_ca(sim.ca_pem.as_deref())?;
            let keys = format!(
                "odata_url = \"{}\"\ntime_zone = \"Africa/Johannesburg\"\ncompanies = [\"EDU1\", \"1\"]\ncurrency = \"ZAR\"",
                sim.url
            );
            print_snippet("syspro", &keys, sim.ca_pem.as_deref(), SYSPRO_ODATA, username)?;
            signals.next().await;
            sim.stop();
            Ok(Exit::Done)
        }
        SimulateCommand::Servicenow { common, client_id, client_secret, no_staging, second_stage, fail_later, application } => {
            let mut options = ServiceNowOptions {
                listen: common.listen.to_string(),
                tls: common.tls,
                seed: common.seed,
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                keep_staging: !no_staging,
                second_stages: second_stages(*second_stage, fail_later),
                ..ServiceNowOptions::default()
            };
            if let Some(path) = application {
                options
                    .load_application(path)
                    .map_err(|error| Failure::new(Exit::Configuration, format!("--application: {}", chain(&error))))?;
            }
            let plan = common.plan()?;
            let sim = ServiceNowSim::start(options).map_err(failed)?;
            sim.set_faults(&plan);
            output::line(&format!("instance_url={}\nclient_id={client_id}\nclient_secret={client_secret}", sim.url()))?;
            print_ca(sim.ca_pem())?;
            let keys = format!("instance_url = \"{}\"", sim.url());
            print_snippet("servicenow", &keys, sim.ca_pem(), SERVICENOW, client_id)?;
            signals.next().await;
            sim.stop();
            Ok(Exit::Done)
        }
    }
}

/// The settings for a `tieline.toml` to use it, as comments after the values that programs read.
fn print_snippet(section: &str, keys: &str, ca_pem: Option<&str>, credential: &str, username: &str) -> Result<(), Failure> {
    let ca = if ca_pem.is_some() { "\nca_file = \"FILE\"" } else { "" };
    let toml = format!("[{section}]\n{keys}{ca}").replace('\n', "\n#   ");
    let set = format!("tieline credential set {credential} --username {username} --password-stdin");
    output::line(&format!("# for tieline.toml:\n#   {toml}\n# and once: {set}\n# Ctrl-C ends it"))
}

fn print_ca(pem: Option<&str>) -> Result<(), Failure> {
    pem.map_or(Ok(()), |pem| output::line(&format!("# write this into the file that `ca_file` names\n{pem}")))
}
