//! The connector from outside.

mod odata;
