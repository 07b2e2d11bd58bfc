//! What every refusal has: its kind, and the interface in whose words the next step is.

/// The interface of the request: the next step is a path, a page or a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// The HTTP API.
    Http,
    /// The console.
    Console,
    /// The command line.
    Cli,
}

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A part of the request has no meaning.
    Malformed,
    /// The request is incomplete, or contradicts itself.
    Senseless,
    /// It names something that does not exist.
    Missing,
    /// Not possible now: other work is running, or must be done first.
    NotNow,
    /// Something that it needs does not answer.
    Unavailable,
}
