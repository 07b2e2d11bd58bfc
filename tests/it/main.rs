//! The integration tests, one binary.

mod servicenow_adapter;
