//! What a set of actors is started for.

/// What starts the work of the actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A service: schedules and timers start the work.
    Service,
    /// A command: only what the command asks for is done.
    Command,
}

impl Mode {
    /// Whether schedules and timers start the work.
    pub fn is_service(self) -> bool {
        self == Self::Service
    }
}
