//! The behaviour of actix after failures, case by case, so that a change in actix is noticed; and the Guard's behaviour.
//!
//! Time is paused where no socket and no second thread is involved: waits then take no time and are exact.

mod actix_alone;
mod guard;
mod victim;
