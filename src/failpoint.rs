//! Named points at which a test can kill, stop or break the process: every statement to the database and every request to an outside system
//! passes two or more of them.
//!
//! They are in the two functions that all of these use, `Store::run` and `HttpClient::send`, so that none can lack a point. Without the
//! feature `failpoints` there is nothing here, and a plain build is made without it.
//!
//! | variable | meaning |
//! |---|---|
//! | `TIELINE_FAILPOINT=kill@NAME#3` | when `NAME` is reached for the third time (without `#`: the first), the process is killed as by `kill -9` |
//! | `…=stop@NAME` | it is stopped as by `kill -STOP` |
//! | `…=panic@NAME` | the code that reached it panics |
//! | `…=hang@NAME` | the thread that reached it does not come back |
//! | `TIELINE_ACCOUNT=NAME` | a command is of this account, as if this one ran it: tests need several people on one machine |
//! | `TIELINE_FAILPOINT_LOG=FILE` | every point that is reached is appended to the file, a line each |
//!
//! Names: `ledger:<what the transaction does>:<n>_<statement>:before|after` and `http:<method>:<path>:before|sent|answered|read`. A `*` at
//! the end of `NAME` matches any ending.

#[cfg(feature = "failpoints")]
mod armed {
    use std::cell::Cell;
    use std::fs::File;
    use std::future::Future;
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::Duration;

    /// After this time a request has been sent, and its answer is awaited.
    const UNDER_WAY: Duration = Duration::from_millis(50);

    #[derive(Clone, Copy)]
    enum Action {
        Kill,
        Stop,
        Panic,
        Hang,
    }

    struct Armed {
        action: Action,
        name: String,
        left: AtomicU64,
    }

    #[derive(Default)]
    struct Plan {
        armed: Option<Armed>,
        log: Option<Mutex<File>>,
    }

    static PLAN: OnceLock<Plan> = OnceLock::new();

    thread_local! {
        /// The current transaction, and the number of its statements so far.
        static WORK: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
    }

    fn plan() -> Option<&'static Plan> {
        let plan = PLAN.get_or_init(|| {
            let armed = std::env::var("TIELINE_FAILPOINT").ok().and_then(|text| Armed::parse(&text));
            let log = std::env::var_os("TIELINE_FAILPOINT_LOG").and_then(|path| File::options().create(true).append(true).open(path).ok());
            Plan { armed, log: log.map(Mutex::new) }
        });
        (plan.armed.is_some() || plan.log.is_some()).then_some(plan)
    }

    impl Armed {
        fn parse(text: &str) -> Option<Self> {
            let (action, rest) = text.split_once('@')?;
            let action = match action {
                "kill" => Action::Kill,
                "stop" => Action::Stop,
                "panic" => Action::Panic,
                "hang" => Action::Hang,
                _ => return None,
            };
            let (name, left) = match rest.rsplit_once('#') {
                Some((name, count)) => (name, count.parse().ok()?),
                None => (rest, 1),
            };
            Some(Self { action, name: name.to_owned(), left: AtomicU64::new(left) })
        }

        /// Whether this is the requested occurrence.
        fn triggers(&self, name: &str) -> bool {
            let named = match self.name.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => self.name == name,
            };
            named && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1)
        }
    }

    #[cfg(unix)]
    fn signal(signal: nix::sys::signal::Signal) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), signal);
    }

    #[cfg(unix)]
    fn kill() -> ! {
        signal(nix::sys::signal::Signal::SIGKILL);
        loop {
            std::thread::park();
        }
    }

    #[cfg(unix)]
    fn stop() {
        signal(nix::sys::signal::Signal::SIGSTOP);
    }

    #[cfg(not(unix))]
    fn kill() -> ! {
        std::process::abort()
    }

    #[cfg(not(unix))]
    fn stop() {}

    impl Plan {
        fn log(&self, name: &str) {
            if let Some(log) = &self.log {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = log.write_all(format!("{name}\n").as_bytes());
            }
        }

        fn trigger(&self, name: &str) {
            match self.armed.as_ref().filter(|armed| armed.triggers(name)).map(|armed| armed.action) {
                None => {}
                Some(Action::Kill) => kill(),
                Some(Action::Stop) => stop(),
                Some(Action::Panic) => panic!("fail point `{name}`"),
                Some(Action::Hang) => loop {
                    std::thread::park();
                },
            }
        }
    }

    /// Called at a point. The name is only built when points are requested.
    pub(crate) fn reached(name: impl FnOnce() -> String) {
        if let Some(plan) = plan() {
            let name = name();
            plan.log(&name);
            plan.trigger(&name);
        }
    }

    /// Runs a request, with a point at which it has been sent and has no answer yet.
    pub(crate) async fn under_way<T>(name: impl FnOnce() -> String, request: impl Future<Output = T>) -> T {
        let Some(plan) = plan() else { return request.await };
        let name = name();
        plan.log(&name);
        let mut request = std::pin::pin!(request);
        tokio::select! {
            biased;
            answer = &mut request => answer,
            () = tokio::time::sleep(UNDER_WAY) => {
                plan.trigger(&name);
                request.await
            }
        }
    }

    /// The account that a test runs a command as.
    pub(crate) fn account() -> Option<String> {
        std::env::var("TIELINE_ACCOUNT").ok().filter(|name| !name.is_empty())
    }

    /// The next statements of this thread belong to this transaction.
    pub(crate) fn transaction(what: Option<&'static str>) {
        WORK.set(what.map(|what| (what, 0)));
    }

    /// A statement is about to run (`before`) or has run (`after`) in the thread's transaction.
    pub(crate) fn statement(sql: &dyn std::fmt::Display, when: &str) {
        let (Some(_), Some((what, count))) = (plan(), WORK.get()) else { return };
        let count = if when == "before" { count + 1 } else { count };
        WORK.set(Some((what, count)));
        let sql = sql.to_string().to_ascii_lowercase();
        // a comment may precede the statement
        let verb = sql.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--")).unwrap_or_default();
        let verb = verb.split_whitespace().next().unwrap_or_default().trim_end_matches(';');
        reached(|| format!("ledger:{}:{count}_{verb}:{when}", what.replace(' ', "_")));
    }
}

#[cfg(not(feature = "failpoints"))]
mod armed {
    use std::future::Future;

    pub(crate) fn reached(_: impl FnOnce() -> String) {}

    pub(crate) async fn under_way<T>(_: impl FnOnce() -> String, request: impl Future<Output = T>) -> T {
        request.await
    }

    pub(crate) fn account() -> Option<String> {
        None
    }

    pub(crate) fn transaction(_: Option<&'static str>) {}

    pub(crate) fn statement(_: &dyn std::fmt::Display, _: &str) {}
}

pub(crate) use armed::{account, reached, statement, transaction, under_way};
