//! The login throttle: failed attempts are counted per address and answered more slowly after several.
//!
//! Keys contain 256 random bits, so guessing is hopeless anyway. The throttle keeps a caller with a wrong key from filling the log and the
//! database with its attempts. Memory is limited: when the table is full, the address that was quiet longest is removed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most addresses that are remembered.
const CAPACITY: usize = 1024;
/// Failures without a delay.
const FREE: u32 = 5;
/// Additional delay per further failure.
const STEP: Duration = Duration::from_millis(200);
/// The longest delay.
const MOST: Duration = Duration::from_secs(2);
/// How often slow answers of one address are logged.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// An address is removed after this time without a failure.
const QUIET: Duration = Duration::from_secs(300);

/// Concurrent sign-ins.
const SIGN_INS: usize = 16;
/// The same from one address.
const SIGN_INS_EACH: usize = 4;

/// Remembers recent failures.
#[derive(Debug, Default)]
pub(super) struct LoginThrottle {
    /// The recent failures per address.
    failures: Mutex<HashMap<IpAddr, Failures>>,
    /// The addresses of the current sign-ins, one entry per sign-in.
    sign_ins: Mutex<Vec<IpAddr>>,
}

/// A sign-in in progress.
#[derive(Debug)]
pub(super) struct SignIn<'d> {
    login_throttle: &'d LoginThrottle,
    address: IpAddr,
}

impl Drop for SignIn<'_> {
    fn drop(&mut self) {
        let mut all = self.login_throttle.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|address| *address == self.address) {
            all.swap_remove(at);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
    /// When it was last logged, and how many failures there have been since.
    logged: Option<Instant>,
    since: u32,
}

/// The consequence of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// How long to delay its answer.
    pub(super) delay: Duration,
    /// The number of failures of the address to log now, in one line.
    pub(super) logged: Option<u32>,
}

impl LoginThrottle {
    /// Starts a sign-in; `None` while there are too many, from this address or in total.
    pub(super) fn sign_in(&self, address: IpAddr) -> Option<SignIn<'_>> {
        let mut all = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if all.len() >= SIGN_INS || all.iter().filter(|one| **one == address).count() >= SIGN_INS_EACH {
            return None;
        }
        all.push(address);
        Some(SignIn { login_throttle: self, address })
    }

    /// Counts a failure.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) -> Refused {
        let mut seen = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if seen.len() >= CAPACITY && !seen.contains_key(&address) {
            seen.retain(|_, failures| now.duration_since(failures.last) < QUIET);
            let quietest = seen.iter().min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address);
            if seen.len() >= CAPACITY
                && let Some(quietest) = quietest
            {
                seen.remove(&quietest);
            }
        }
        let failures = seen.entry(address).or_insert(Failures { count: 0, last: now, logged: None, since: 0 });
        if now.duration_since(failures.last) >= QUIET {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.since = failures.since.saturating_add(1);
        failures.last = now;
        let delay = (STEP * failures.count.saturating_sub(FREE).min(1000)).min(MOST);
        let due = !delay.is_zero() && failures.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_EVERY);
        let logged = due.then(|| std::mem::take(&mut failures.since));
        if due {
            failures.logged = Some(now);
        }
        Refused { delay, logged }
    }
}

/// One caller has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_failure_and_those_after_it_are_slow() {
        let (login_throttle, now) = (LoginThrottle::default(), Instant::now());
        let one: IpAddr = "192.0.2.1".parse().expect("address");
        let delays: Vec<u128> = (0..20).map(|_| login_throttle.failed(one, now).delay.as_millis()).collect();
        assert_eq!(delays[..8], [0, 0, 0, 0, 0, 200, 400, 600]);
        assert_eq!(delays[19], 2000);
        assert_eq!(login_throttle.failed("192.0.2.2".parse().expect("address"), now).delay, Duration::ZERO);
        assert_eq!(login_throttle.failed(one, now + QUIET).delay, Duration::ZERO, "forgotten after a while");
    }

    #[test]
    fn an_address_is_told_of_once_a_minute_with_all_that_it_failed() {
        let (login_throttle, now) = (LoginThrottle::default(), Instant::now());
        let one: IpAddr = "192.0.2.1".parse().expect("address");
        let logged: Vec<u32> = (0..100).filter_map(|n| login_throttle.failed(one, now + Duration::from_secs(n)).logged).collect();
        assert_eq!(logged, [6, 60]);
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_caller() {
        let (login_throttle, now) = (LoginThrottle::default(), Instant::now());
        let last = (1..=6).map(|n| login_throttle.failed(format!("2001:db8::{n}").parse().expect("address"), now)).last();
        assert_eq!(last.map(|refused| refused.delay), Some(STEP));
    }

    #[test]
    fn so_many_sign_ins_are_in_hand_at_once() {
        let login_throttle = LoginThrottle::default();
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut mine: Vec<_> = (0..SIGN_INS_EACH).map(|_| login_throttle.sign_in(address(1)).expect("a place")).collect();
        assert!(login_throttle.sign_in(address(1)).is_none());
        let others: Vec<_> = (2..).map_while(|n| login_throttle.sign_in(address(n))).collect();
        assert_eq!(mine.len() + others.len(), SIGN_INS);
        mine.pop();
        assert!(login_throttle.sign_in(address(1)).is_some(), "one has ended");
    }

    #[test]
    fn memory_is_bounded() {
        let (login_throttle, now) = (LoginThrottle::default(), Instant::now());
        for n in 0..3 * u32::try_from(CAPACITY).expect("small") {
            login_throttle.failed(IpAddr::V4((0x0a00_0000 + n).into()), now + Duration::from_millis(n.into()));
        }
        assert_eq!(login_throttle.failures.lock().expect("lock").len(), CAPACITY);
    }
}
