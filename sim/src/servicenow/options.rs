//! Options of the instance. Where the behaviour of the real system is not known, a switch here decides.

use std::time::Duration;

use super::catalog;
use super::schema::{Abort, TableSchema};

/// Who may use the Aggregate API; the documentation of releases differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AggregateRights {
    /// Until 2025: who may read every record of the query; one hidden record makes 403.
    #[default]
    EveryRow,
    /// Since 2026: who may read the table; hidden records are counted too.
    Table,
}

/// What happens to a text longer than its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongText {
    /// Cut silently.
    Cut,
    /// Kept whole.
    Keep,
    /// Refused: 403 `Operation Failed`.
    Refuse,
}

/// What happens to a `sys_id` in the body of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerSysId {
    /// Kept; a repeat is refused with 403.
    Kept,
    /// Kept; a repeat creates another row with a new id.
    KeptOnce,
    /// Ignored: the row gets a new id.
    Ignored,
    /// Every POST with one is refused with 403.
    Refused,
}

/// A rate-limit rule.
#[derive(Debug, Clone)]
pub struct RateRule {
    /// The name of the API in the error's detail.
    pub name: String,
    /// Calls whose path (without version) begins so are counted, such as `/api/now/import`.
    pub path: String,
    /// Calls per `window` and node.
    pub limit: u32,
    /// One hour on the real instance.
    pub window: Duration,
    /// How long a call over the limit still passes after the limit was reached (up to 30 s on the real instance).
    pub lag: Duration,
}

/// The semaphore of integration calls, per node: 4 running and 50 queued on the real instance.
#[derive(Debug, Clone, Copy)]
pub struct SemaphoreRule {
    /// Calls running at once.
    pub running: usize,
    /// Calls waiting; one more is answered 429.
    pub queued: usize,
}

/// The workflow after a transform: integration, validation job, approval. A caller sees its result only when it reads the row again. The
/// names and values that a real instance stores are not published: they are set here.
#[derive(Debug, Clone)]
pub struct SecondStage {
    /// The staging table.
    pub table: String,
    /// The column of the target that says how far a row is.
    pub column: String,
    /// The column of both rows that says why one failed.
    pub error: String,
    /// How long a row stays in each state: the job that validates invoices comes every 30 minutes.
    pub every: Duration,
    /// The states of a row that succeeds, the first at once.
    pub life: Vec<String>,
    /// Which rows fail instead of reaching their second state; the first match counts.
    pub failures: Vec<LateFailure>,
    /// Whether `sys_import_state` of the staged row shows a failure too, and not only its error column.
    pub import_state: bool,
    /// Whether a row that changed nothing (`ignored`) goes through the workflow again.
    pub again_unchanged: bool,
}

impl SecondStage {
    /// The workflow of invoices, in which nothing fails.
    pub fn of_invoices(staging: &str) -> Self {
        Self {
            table: staging.to_owned(),
            column: "u_state".to_owned(),
            error: "u_error".to_owned(),
            every: Duration::from_secs(1800),
            life: ["draft", "approved", "pending_payment", "paid"].map(str::to_owned).to_vec(),
            failures: Vec::new(),
            import_state: true,
            again_unchanged: true,
        }
    }
}

/// Rows that fail in the second stage.
#[derive(Debug, Clone)]
pub struct LateFailure {
    /// The column of the target that is read.
    pub column: String,
    /// Which values make the row fail.
    pub when: Abort,
    /// The state it then has.
    pub state: String,
    /// The message in the error column of both rows, and in `sys_import_state_comment` if [`SecondStage::import_state`] is set.
    pub message: String,
}

/// Everything that can be chosen.
#[derive(Debug, Clone)]
pub struct ServiceNowOptions {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// Whether it is served over TLS with its own certificate.
    pub tls: bool,
    /// Threads.
    pub workers: usize,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Whether answers are compressed when the caller accepts it.
    pub gzip: bool,

    /// How long a token lives.
    pub token_lifetime: Duration,
    /// Whether a repeated request gets the same token while it is valid.
    pub token_reuse: bool,
    /// Whether an answer carries a refresh token.
    pub refresh_token: bool,
    /// Whether the client may name itself in a Basic header.
    pub basic_client: bool,
    /// Whether the grant type is enabled (system property and application user).
    pub client_credentials_enabled: bool,
    /// The status of a JSON body at the token endpoint.
    pub token_json_status: u16,
    /// Whether a token is checked for every item of a batch, rather than for the batch.
    pub check_token_per_item: bool,
    /// Whether session cookies are set, and calls that return them are run one at a time.
    pub session_cookies: bool,

    /// The tables.
    pub tables: Vec<TableSchema>,
    /// Whether tables marked open accept every `u_…` column.
    pub open_columns: bool,
    /// Length of the columns of an open table that are not declared.
    pub open_column_length: usize,
    /// Whether callers may read `sys_dictionary`, `sys_db_object`, `sys_transform_map` and `sys_transform_entry`. An integration user of a
    /// real instance usually may not.
    pub dictionary: bool,
    /// Whether a query with an unknown column finds nothing (`glide.invalid_query.returns_no_rows`) rather than drop the clause.
    pub invalid_query_returns_no_rows: bool,
    /// Who may use the Aggregate API.
    pub aggregate_rights: AggregateRights,
    /// What happens to a text that is too long.
    pub long_text: LongText,
    /// Decimals a decimal column keeps.
    pub decimal_places: u32,
    /// Whether a choice outside the list is stored.
    pub any_choice: bool,
    /// Whether a reference to a row that does not exist is stored.
    pub dangling_references: bool,
    /// What happens to a caller's `sys_id`.
    pub caller_sys_id: CallerSysId,
    /// How long a new row stays unreadable.
    pub read_delay: Duration,
    /// Whether a DELETE must name its `Content-Type`, as documented; the vendor's own Python client does not.
    pub delete_needs_content_type: bool,
    /// The status of an unknown route: most sources report 400, one reports 404.
    pub unknown_route_status: u16,
    /// Whether orders compute what their lines cost and still lack (the Procurement plug-in's business rules).
    pub procurement_rules: bool,
    /// Offset of the integration user's zone from UTC, in minutes, for display values.
    pub user_offset_minutes: i32,

    /// Whether import set rows only stay pending (a staging table in asynchronous mode).
    pub import_asynchronous: bool,
    /// Whether `insertMultiple` reads column names rather than labels.
    pub insert_multiple_names: bool,
    /// Whether `insertMultiple` transforms before it answers.
    pub insert_multiple_synchronous: bool,
    /// How long asynchronous rows stay pending.
    pub import_delay: Duration,
    /// Whether staging rows are kept at all.
    pub keep_staging: bool,
    /// Whether a line without its header fails.
    pub lines_need_header: bool,
    /// Whether a map accepts an empty coalesce value rather than skip the row.
    pub empty_coalesce: bool,
    /// How long staging rows are kept, where they are: a daily job deletes older ones.
    pub staging_life: Duration,
    /// Second stages; none by default.
    pub second_stages: Vec<SecondStage>,
    /// Interval at which lines that came before their header are transformed again; never by default.
    pub retrigger_every: Option<Duration>,

    /// The batch's budget: 30 s on the real instance.
    pub batch_budget: Duration,
    /// How long one record takes; counted against budgets and quotas, and waited for before the answer.
    pub record_time: Duration,
    /// Whether the item running when the budget ends comes back as serviced 500 rather than unserviced.
    pub cancelled_item_serviced: bool,
    /// Whether that item is committed anyway.
    pub cancelled_item_commits: bool,
    /// Whether items run in another order unless `enforce_order` is set.
    pub shuffle_batch: bool,
    /// The largest item of a request, in bytes.
    pub batch_item_limit: usize,
    /// The largest answer of an item, in bytes.
    pub batch_output_limit: usize,
    /// Whether items must name `Accept` and `Content-Type` too; not documented, and the vendor's own Python client leaves `Accept` out.
    pub items_need_formats: bool,
    /// Whether items count against rate rules.
    pub rate_inner: bool,

    /// Rate rules; none by default.
    pub rates: Vec<RateRule>,
    /// The semaphore; none by default.
    pub semaphore: Option<SemaphoreRule>,
    /// Nodes: limits multiply.
    pub nodes: u32,
    /// The transaction quota of Table and Import Set calls (60 s on the real instance); none by default.
    pub quota: Option<Duration>,
    /// The largest body, in bytes (10 MB on the real instance); none by default.
    pub body_limit: Option<usize>,
}

impl Default for ServiceNowOptions {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            tls: false,
            workers: 1,
            client_id: "tieline".to_owned(),
            client_secret: "simulated-secret".to_owned(),
            seed: 1,
            gzip: true,
            token_lifetime: Duration::from_secs(1800),
            token_reuse: true,
            refresh_token: false,
            basic_client: false,
            client_credentials_enabled: true,
            token_json_status: 401,
            check_token_per_item: false,
            session_cookies: true,
            tables: catalog::tables(true),
            open_columns: true,
            open_column_length: 255,
            dictionary: false,
            invalid_query_returns_no_rows: false,
            aggregate_rights: AggregateRights::default(),
            long_text: LongText::Cut,
            decimal_places: 2,
            any_choice: false,
            dangling_references: true,
            caller_sys_id: CallerSysId::Kept,
            read_delay: Duration::ZERO,
            delete_needs_content_type: true,
            unknown_route_status: 400,
            procurement_rules: true,
            user_offset_minutes: 0,
            import_asynchronous: false,
            insert_multiple_names: false,
            insert_multiple_synchronous: false,
            import_delay: Duration::from_millis(500),
            keep_staging: true,
            lines_need_header: true,
            empty_coalesce: false,
            staging_life: Duration::from_secs(7 * 86_400),
            second_stages: Vec::new(),
            retrigger_every: None,
            batch_budget: Duration::from_secs(30),
            record_time: Duration::ZERO,
            cancelled_item_serviced: true,
            cancelled_item_commits: true,
            shuffle_batch: true,
            batch_item_limit: 5 << 20,
            batch_output_limit: 10 << 20,
            items_need_formats: false,
            rate_inner: true,
            rates: Vec::new(),
            semaphore: None,
            nodes: 1,
            quota: None,
            body_limit: None,
        }
    }
}

impl ServiceNowOptions {
    /// Removes `u_source_key` and `u_source_version` from the platform tables, so that queries with them drop the clause.
    #[must_use]
    pub fn without_platform_key_columns(mut self) -> Self {
        self.tables = catalog::tables(false);
        self
    }

    /// A table by its name, to change it.
    pub fn table(&mut self, name: &str) -> Option<&mut TableSchema> {
        self.tables.iter_mut().find(|table| table.name == name)
    }
}
