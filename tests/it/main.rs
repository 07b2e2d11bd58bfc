//! The integration tests: one binary, so that it is linked once.

#![allow(unreachable_pub)] // the modules are one another's only readers
#![allow(clippy::unwrap_used)] // a test that unwraps in a helper fails as well as one that does it itself

mod backfill;
mod bad_input;
mod believed;
mod binary;
mod both_ways;
mod browser;
mod cli;
mod cli_ledger;
mod complete;
mod console;
mod cost_centres;
mod counts;
mod crash;
mod database_trouble;
mod deaths;
mod definitions;
mod described;
mod doctor;
mod doubt;
mod downstream;
mod drift;
mod enet;
mod explain;
mod failures;
mod filters;
mod ghosts;
mod hold;
mod http;
mod kinds;
mod late;
mod layers;
mod main_job;
mod no_loss;
mod nodes;
mod notices;
mod odata;
mod plans;
mod poison;
mod prometheus;
mod same_key;
mod secrets;
mod service_manager;
mod servicenow_adapter;
mod settings_file;
mod soak;
mod stopping;
mod store;
mod stuck;
mod supervision;
mod support;
mod tls;
mod values;
mod vanished;
