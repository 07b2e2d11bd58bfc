//! Settings: embedded defaults, then the site's file, then the environment; all problems are reported at once.

mod audit;
mod books;
mod certificates;
mod check;
mod close;
pub mod connection;
mod file_permissions;
mod load;
mod notices;
mod raw;
mod retention;
pub mod settings;
mod sign_in;
mod tasks;
#[cfg(test)]
mod tests;
mod validate;

pub use certificates::CertificateSettings;
pub use check::is_loopback;
pub use file_permissions::{DirectoryError, give_to_owner_of, make_private, make_state_directory, open_private};
pub use load::{
    ConfigError, FurtherChecks, Loaded, Origin, PREFIX, Problem, SEARCH, environment, heading, load, load_further_checks, load_text,
    shown_path,
};
pub use settings::Settings;
