//! The limit of concurrent connections: in total, and per address. When no slot is free, a new connection takes the slot of one that keeps
//! the service waiting: first a connection with half a request or an unread answer, then an idle one. A few more slots are reserved for
//! health requests from this machine, so that a service manager or a proxy does not consider a busy service dead.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::retry;

/// Concurrent connections.
pub(super) const MOST: usize = 512;
/// Additional connections from this machine, for health requests only.
const RESERVE: usize = 16;
/// A connection that has kept the service waiting for less than this keeps its slot: a request head is sent, or an answer read, in less
/// time. If the limit were longer, clients that reconnect at once whenever they lose their slot would take every free slot, and all others
/// would be refused.
const WAITED: Duration = Duration::from_millis(10);
/// A connection that has been idle for less than this also keeps its slot: people read a page before they request the next.
const RESTED: Duration = Duration::from_secs(10);
/// The most new connections that wait for a slot.
const COMING: usize = 256;
/// How long a new connection waits for a slot.
const COMING_TIME: Duration = Duration::from_secs(1);
/// How often it tries to get one.
const COMING_STEP: Duration = Duration::from_millis(10);
/// How often to log the connections that lost or did not get a slot.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// The limit, shared by the server's threads.
#[derive(Debug)]
pub(in crate::http) struct ConnectionLimit {
    each: usize,
    taken: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    all: HashMap<u64, (IpAddr, Arc<ConnectionState>)>,
    by_address: HashMap<IpAddr, usize>,
    reserve: usize,
    /// The number of connections that wait for a slot.
    coming: usize,
    /// When there was last no slot to take, for an address or for all.
    none: Option<(Option<IpAddr>, Instant)>,
    displaced: u64,
    refused: u64,
    logged: Option<Instant>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// The client waits for its answer.
    Client,
    /// Nobody waits: the last answer was read, and no next request has started.
    Nobody,
    /// The service waits: for a request, for the rest of one, or for its answer to be read.
    Service,
    /// The client waits in vain: it sends requests without reading the answers, or the connection is being closed.
    InVain,
}

/// The state of one connection; set by the connection, and read by a connection that needs a slot.
#[derive(Debug)]
pub(super) struct ConnectionState(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    waits: Waits,
    since: Instant,
    displaced: bool,
    waker: Option<Waker>,
}

impl ConnectionState {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { waits: Waits::Service, since: Instant::now(), displaced: false, waker: None })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets who waits now.
    pub(super) fn set_waits(&self, waits: Waits) {
        self.with(|inner| {
            if inner.waits != waits {
                (inner.waits, inner.since) = (waits, Instant::now());
            }
        });
    }

    /// Whether another connection has its slot; the task is woken when that happens.
    pub(super) fn is_displaced(&self, cx: &Context<'_>) -> bool {
        self.with(|inner| {
            if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                inner.waker = Some(cx.waker().clone());
            }
            inner.displaced
        })
    }

    fn displace(&self) {
        let waker = self.with(|inner| {
            inner.displaced = true;
            inner.waker.take()
        });
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A kind of slot for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// For every request.
    Ordinary,
    /// One of the reserve, for health requests only.
    Reserved,
}

/// The permit of one connection; released when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    limit: Arc<ConnectionLimit>,
    number: u64,
    /// Which kind of slot it is for.
    pub(super) slot: Slot,
    /// The state of its connection.
    pub(super) state: Arc<ConnectionState>,
}

impl ConnectionLimit {
    /// `each`: concurrent connections from one address.
    pub(in crate::http) fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each, taken: Mutex::default() })
    }

    /// A slot for a connection from this address: a free one, one that becomes free or can be taken within a second, or one of the reserve.
    pub(super) async fn come(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let address = address.to_canonical();
        let permit = self.take(address);
        if permit.is_some() {
            return permit;
        }
        if let Some(_waiting) = Coming::begin(self) {
            let trying = async {
                sleep(COMING_STEP).await;
                retry::until(retry::every(COMING_STEP), async || Ok::<_, Infallible>(self.take(address)), Option::is_some).await
            };
            if let Ok(Ok(permit)) = timeout(COMING_TIME, trying).await {
                return permit;
            }
        }
        self.reserved(address)
    }

    /// A slot, if one is free or can be taken from another connection.
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let mut taken = self.taken();
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        let full = if own >= self.each { Some(Some(address)) } else { (taken.all.len() >= MOST).then_some(None) };
        if let Some(among) = full {
            if !taken.displace(among, Instant::now()) {
                return None;
            }
            taken.displaced += 1;
            taken.log(address, own);
        }
        let state = ConnectionState::new();
        let number = taken.next;
        taken.next += 1;
        taken.all.insert(number, (address, state.clone()));
        *taken.by_address.entry(address).or_default() += 1;
        Some(Permit { limit: self.clone(), number, slot: Slot::Ordinary, state })
    }

    /// A slot of the reserve, for a connection from this machine.
    fn reserved(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let mut taken = self.taken();
        if !address.is_loopback() || taken.reserve >= RESERVE {
            taken.refused += 1;
            let own = taken.by_address.get(&address).copied().unwrap_or(0);
            taken.log(address, own);
            return None;
        }
        taken.reserve += 1;
        Some(Permit { limit: self.clone(), number: 0, slot: Slot::Reserved, state: ConnectionState::new() })
    }

    fn taken(&self) -> MutexGuard<'_, Held> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that waits for a slot.
struct Coming<'p>(&'p ConnectionLimit);

impl<'p> Coming<'p> {
    /// `None` if too many wait.
    fn begin(limit: &'p ConnectionLimit) -> Option<Self> {
        let mut taken = limit.taken();
        if taken.coming >= COMING {
            return None;
        }
        taken.coming += 1;
        Some(Self(limit))
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.taken().coming -= 1;
    }
}

impl Held {
    /// Takes the slot of the connection that has kept the service waiting for longest, or else of the one that has been idle for longest:
    /// of all, or of those from one address. Answers whether there was one. A connection whose answer is being made keeps its slot.
    fn displace(&mut self, among: Option<IpAddr>, now: Instant) -> bool {
        // many connections come at the same moment
        if self.none.is_some_and(|(here, at)| here == among && now.saturating_duration_since(at) < COMING_STEP / 2) {
            return false;
        }
        let of = |(_, (address, _)): &(&u64, &(IpAddr, Arc<ConnectionState>))| among.is_none_or(|among| *address == among);
        let candidate = |(number, (_, state)): (&u64, &(IpAddr, Arc<ConnectionState>))| {
            let (waits, since) = state.with(|inner| (inner.waits, inner.since));
            let long = match waits {
                Waits::Client => return None,
                Waits::Nobody => RESTED,
                Waits::Service => WAITED,
                Waits::InVain => Duration::ZERO,
            };
            (now.duration_since(since) >= long).then_some((waits, std::cmp::Reverse(since), *number))
        };
        let Some((.., number)) = self.all.iter().filter(of).filter_map(candidate).max() else {
            self.none = Some((among, now));
            return false;
        };
        if let Some((_, state)) = self.all.get(&number) {
            state.displace();
        }
        self.leave(number);
        true
    }

    fn leave(&mut self, number: u64) {
        let Some((address, _)) = self.all.remove(&number) else { return };
        self.none = None;
        if let Some(own) = self.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    fn log(&mut self, address: IpAddr, own: usize) {
        if self.logged.is_some_and(|logged| logged.elapsed() < LOG_EVERY) {
            return;
        }
        warn!(
            closed = self.displaced,
            refused = self.refused,
            connections = self.all.len(),
            %address,
            from_this_address = own,
            "there are too many connections: those that have kept the service waiting for longest are closed, and if there are none, new \
             ones are refused; `http.connections_per_address` limits those of one address"
        );
        (self.displaced, self.refused, self.logged) = (0, 0, Some(Instant::now()));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.limit.taken();
        if self.slot == Slot::Reserved {
            taken.reserve -= 1;
        } else {
            taken.leave(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn displaced(permit: &Permit) -> bool {
        permit.state.with(|inner| inner.displaced)
    }

    /// A slot whose connection waits for its answer.
    fn working(limit: &Arc<ConnectionLimit>, address: IpAddr) -> Permit {
        let permit = limit.take(address).unwrap();
        permit.state.set_waits(Waits::Client);
        permit
    }

    #[test]
    fn one_address_takes_its_share_and_leaves_the_others_theirs() {
        let limit = ConnectionLimit::new(3);
        let held: Vec<_> = (0..3).map(|_| working(&limit, address(1))).collect();
        assert!(limit.take(address(1)).is_none());
        assert!(limit.take(address(2)).is_some_and(|permit| permit.slot == Slot::Ordinary));
        drop(held);
        assert!(limit.take(address(1)).is_some());
        assert!(limit.taken.lock().unwrap().by_address.is_empty(), "what is free again is forgotten");
    }

    #[test]
    fn who_keeps_the_service_waiting_for_longest_gives_up_its_place() {
        let limit = ConnectionLimit::new(4);
        let held: Vec<_> = (0..4).map(|_| limit.take(address(1)).unwrap()).collect();
        held[0].state.set_waits(Waits::Nobody);
        held[1].state.set_waits(Waits::Client);
        // 2 has waited longer than 3, which started again
        held[3].state.set_waits(Waits::Client);
        held[3].state.set_waits(Waits::Service);
        let displace = |later: Duration| limit.taken.lock().unwrap().displace(Some(address(1)), Instant::now() + later);
        let all = || held.iter().map(displaced).collect::<Vec<_>>();
        assert!(!displace(Duration::ZERO), "nobody has waited for long");
        assert!(displace(WAITED));
        assert_eq!(all(), [false, false, true, false]);
        assert!(displace(WAITED));
        assert_eq!(all(), [false, false, true, true]);
        assert!(!displace(WAITED), "one at rest has a little longer");
        assert!(displace(RESTED));
        assert_eq!(all(), [true, false, true, true]);
        assert!(!displace(10 * RESTED), "never one that waits for its answer");
        drop(held);
        let taken = limit.taken.lock().unwrap();
        assert!(taken.all.is_empty() && taken.by_address.is_empty(), "a place that was given up is freed once");
    }

    #[test]
    fn who_sends_ahead_goes_before_all_others_and_at_once() {
        let limit = ConnectionLimit::new(2);
        let waiting = limit.take(address(1)).unwrap();
        let ahead = limit.take(address(1)).unwrap();
        ahead.state.set_waits(Waits::InVain);
        assert!(limit.take(address(1)).is_some());
        assert!(displaced(&ahead) && !displaced(&waiting));
    }

    #[tokio::test]
    async fn who_comes_waits_a_little_for_a_place() {
        let limit = ConnectionLimit::new(1);
        let only = working(&limit, address(1));
        let come = limit.come(address(1));
        tokio::pin!(come);
        assert!((&mut come).now_or_never().is_none());
        only.state.set_waits(Waits::InVain);
        assert!(come.await.is_some() && displaced(&only));
        assert_eq!(limit.taken().coming, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_wait_for_a_place() {
        let limit = ConnectionLimit::new(1);
        let only = working(&limit, address(1));
        let all: Vec<_> = (0..COMING).map(|_| Coming::begin(&limit).unwrap()).collect();
        assert!(limit.come(address(1)).now_or_never().is_some_and(|permit| permit.is_none()), "refused at once");
        drop(all);
        drop(only);
        assert!(limit.come(address(1)).await.is_some());
    }

    #[test]
    fn another_address_is_not_made_to_pay_for_one_that_has_its_share() {
        let limit = ConnectionLimit::new(2);
        let other = limit.take(address(2)).unwrap();
        let own = [limit.take(address(1)).unwrap(), limit.take(address(1)).unwrap()];
        assert!(limit.taken.lock().unwrap().displace(Some(address(1)), Instant::now() + RESTED));
        assert!(displaced(&own[0]) && !displaced(&other), "though it has waited for longest");
        assert!(limit.take(address(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn health_has_places_of_its_own_from_the_machine_itself() {
        let limit = ConnectionLimit::new(MOST);
        let all: Vec<_> = (0..MOST).map(|_| working(&limit, address(1))).collect();
        assert!(limit.come(address(2)).await.is_none());
        let own: IpAddr = [127, 0, 0, 1].into();
        let reserve = join_all((0..RESERVE).map(|_| limit.come(own))).await;
        assert!(
            reserve.iter().flatten().filter(|permit| permit.slot == Slot::Reserved).count() == RESERVE && limit.come(own).await.is_none()
        );
        drop(all);
        assert_eq!(limit.come(own).await.unwrap().slot, Slot::Ordinary);
        drop(reserve);
        assert_eq!(limit.taken.lock().unwrap().reserve, 0);
    }
}
