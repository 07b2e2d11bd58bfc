//! How many connections there may be at once: altogether, and from one address. A few more are kept for the health of the service, asked
//! for from the machine itself, so that neither a service manager nor a proxy takes a busy service for a dead one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// Connections at once.
pub(super) const MOST: usize = 512;
/// Beyond them, from the machine itself, for health alone.
const RESERVE: usize = 16;
/// Refused connections are told of this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// All places, shared by the server's threads.
#[derive(Debug)]
pub(in crate::http) struct Places {
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    reserve: usize,
    refused: u64,
    told: Option<Instant>,
}

/// One place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    /// It is one of the reserve: only for health.
    pub(super) reserved: bool,
}

impl Places {
    /// `each`: connections at once from one address.
    pub(in crate::http) fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each, taken: Mutex::default() })
    }

    /// A place for a connection from there, if there is one.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        let reserved = if taken.all < MOST && own < self.each {
            taken.all += 1;
            *taken.by_address.entry(address).or_default() += 1;
            false
        } else if address.is_loopback() && taken.reserve < RESERVE {
            taken.reserve += 1;
            true
        } else {
            taken.refuse(address, own);
            return None;
        };
        Some(Place { places: self.clone(), address, reserved })
    }
}

impl Taken {
    fn refuse(&mut self, address: IpAddr, own: usize) {
        self.refused += 1;
        if self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        warn!(
            refused = self.refused,
            connections = self.all,
            %address,
            from_this_address = own,
            "connections are refused, because there are too many at once; `http.connections_per_address` bounds those of one address"
        );
        (self.refused, self.told) = (0, Some(Instant::now()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.reserved {
            taken.reserve -= 1;
            return;
        }
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn one_address_takes_its_share_and_leaves_the_others_theirs() {
        let places = Places::new(3);
        let held: Vec<_> = (0..3).map(|_| places.take(address(1)).unwrap()).collect();
        assert!(places.take(address(1)).is_none());
        assert!(places.take(address(2)).is_some_and(|place| !place.reserved));
        drop(held);
        assert!(places.take(address(1)).is_some());
        assert!(places.taken.lock().unwrap().by_address.is_empty(), "what is free again is forgotten");
    }

    #[test]
    fn health_has_places_of_its_own_from_the_machine_itself() {
        let places = Places::new(MOST);
        let all: Vec<_> = (0..MOST).map(|_| places.take(address(1)).unwrap()).collect();
        assert!(places.take(address(2)).is_none());
        let own: IpAddr = [127, 0, 0, 1].into();
        let reserve: Vec<_> = (0..RESERVE).map(|_| places.take(own).unwrap()).collect();
        assert!(reserve.iter().all(|place| place.reserved) && places.take(own).is_none());
        drop(all);
        assert!(!places.take(own).unwrap().reserved);
        drop(reserve);
        assert_eq!(places.taken.lock().unwrap().reserve, 0);
    }
}
