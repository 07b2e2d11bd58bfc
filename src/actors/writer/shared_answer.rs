//! One question to the ledger, asked once for all who want its answer at the same time.

use std::cell::{Cell, RefCell};

use tokio::sync::Mutex;

/// The latest answer to a question. A caller never gets an answer to a question that was asked before the caller came: what the caller has
/// stored by then is in the answer.
pub(super) struct SharedAnswer<T> {
    /// Held while the question is being asked.
    asking: Mutex<()>,
    /// How often it was asked.
    asked: Cell<u64>,
    /// The latest answer, and the number of its question.
    latest: RefCell<Option<(u64, T)>>,
}

impl<T> Default for SharedAnswer<T> {
    fn default() -> Self {
        Self { asking: Mutex::default(), asked: Cell::new(0), latest: RefCell::default() }
    }
}

impl<T: Clone> SharedAnswer<T> {
    /// Asks, or takes the answer of a caller who asked since this call began.
    pub(super) async fn get(&self, ask: impl AsyncFnOnce() -> T) -> T {
        let before = self.asked.get();
        let _asking = self.asking.lock().await;
        if let Some((number, answer)) = &*self.latest.borrow()
            && *number > before
        {
            return answer.clone();
        }
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let answer = ask().await;
        self.latest.replace(Some((number, answer.clone())));
        answer
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[test]
    fn callers_at_the_same_time_share_a_question_and_a_later_one_asks_again() {
        actix_rt::System::new().block_on(async {
            let (shared, times) = (SharedAnswer::default(), Cell::new(0));
            let ask = async || {
                tokio::task::yield_now().await;
                times.set(times.get() + 1);
                times.get()
            };
            // the first asks; the others come while it asks, and share the second question
            assert_eq!(join_all((0..4).map(|_| shared.get(ask))).await, [1, 2, 2, 2]);
            assert_eq!(shared.get(ask).await, 3, "an old answer does not know what was stored since");
        });
    }

    #[test]
    fn who_comes_during_a_question_gets_the_answer_of_the_next() {
        actix_rt::System::new().block_on(async {
            let (shared, stored) = (SharedAnswer::default(), Cell::new(0));
            let slow = async || {
                let seen = stored.get();
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                seen
            };
            let late = async {
                tokio::task::yield_now().await;
                stored.set(1);
                shared.get(async || stored.get()).await
            };
            assert_eq!(futures_util::future::join(shared.get(slow), late).await, (0, 1));
        });
    }
}
