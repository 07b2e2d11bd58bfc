//! Settings for SYSPRO's own books: its fiscal calendar, and its sub-ledger beside the general ledger.

/// Where SYSPRO keeps its fiscal periods.
#[derive(Debug, Clone)]
pub struct CalendarSettings {
    /// The table; empty: the calendar is not read.
    pub table: String,
    /// Its column with the company of the general ledger.
    pub company: String,
    /// Its column with the current fiscal year.
    pub year: String,
    /// Its column with the current fiscal period.
    pub period: String,
    /// Its columns with the last days of the current year's periods, without their number.
    pub current_ends: String,
    /// Its columns with the states of these periods, without their number.
    pub current_states: String,
    /// The same for the year before.
    pub previous_ends: String,
    /// The same.
    pub previous_states: String,
    /// The number of these columns.
    pub periods: i32,
    /// The states that mean that a period is open.
    pub open: Vec<String>,
    /// The states that mean that it is closed.
    pub closed: Vec<String>,
}

/// How the sub-ledger of accounts payable is compared with the general ledger.
#[derive(Debug, Clone)]
pub struct SubledgerSettings {
    /// Whether it is.
    pub compare: bool,
    /// The control account of branches that name none; empty: there is none.
    pub control_account: String,
    /// The table with the current month of accounts payable.
    pub month_table: String,
    /// Its column with the company of the general ledger; empty: the table has one row.
    pub month_company: String,
    /// Its column with the year of that month.
    pub month_year: String,
    /// Its column with the month.
    pub month_period: String,
    /// By how many periods the general ledger is ahead of a month with the same number.
    pub periods_ahead: i32,
    /// The table with the closing balances of the accounts.
    pub history_table: String,
    /// Its column with the year.
    pub history_year: String,
    /// Its columns with the closing balances, without their number.
    pub history_closing: String,
    /// The states of a journal that is made and not posted.
    pub unposted: Vec<String>,
    /// The sources of postings that come from accounts payable.
    pub sources: Vec<String>,
    /// Whether a credit is negative in the general ledger.
    pub credit_is_negative: bool,
}
