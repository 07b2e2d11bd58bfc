//! What actix does when things go wrong, row by row, so that a change in actix is noticed; and what the Guard makes of it.
//!
//! Time is paused where no socket and no second thread takes part: waits then take no time and are exact.

mod actix_alone;
mod guard;
mod victim;
