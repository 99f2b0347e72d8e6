//! One image asked for by many launches at once: those who come while a call is under way share the next.
//!
//! A launch is decided on what EC2 says after it was asked for, so it can have no part in a call that was under
//! way already. But all who wait for that one to end can be answered by one more. So a storm of launches of an
//! image makes one call after the other, as the budget allows, and not one for each of them, which EC2's bucket of
//! DescribeImages (100 at once, 20 a second) would refuse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::CatalogError;
use crate::ec2::facts::Image;
use crate::ids::ImageId;

/// Images that are known to be asked for, those that nobody waits for any more included.
const KNOWN_MAX: usize = 1_024;

type Answer = Result<Option<Image>, CatalogError>;

/// The calls of one Region.
#[derive(Debug, Default)]
pub(super) struct NextCalls {
    calls: Mutex<HashMap<ImageId, Weak<Calls>>>,
}

/// The calls about one image, one at a time.
#[derive(Debug, Default)]
struct Calls {
    /// How many have begun.
    begun: AtomicU64,
    /// The last that ended: which one it was, and what it brought. Held by whoever makes the next.
    last: tokio::sync::Mutex<Option<(u64, Answer)>>,
}

impl NextCalls {
    /// What a call of `ask` brings that begins after this was called. It begins once `may_begin` has ended, and
    /// whoever comes until then shares it.
    pub(super) async fn get(
        &self,
        id: &ImageId,
        may_begin: impl Future<Output = ()>,
        ask: impl Future<Output = Answer>,
    ) -> Answer {
        let calls = self.of(id);
        let come = calls.begun.load(Ordering::SeqCst);
        // In turn. Who is dropped while asking lets the next one ask.
        let mut last = calls.last.lock().await;
        if let Some((number, answer)) = &*last
            && come < *number
        {
            return answer.clone();
        }
        may_begin.await;
        let number = calls.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = ask.await;
        *last = Some((number, answer.clone()));
        answer
    }

    fn of(&self, id: &ImageId) -> Arc<Calls> {
        // A map of weak pointers, right after every statement.
        let mut known = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(calls) = known.get(id).and_then(Weak::upgrade) {
            return calls;
        }
        if KNOWN_MAX <= known.len() {
            known.retain(|_, calls| calls.strong_count() > 0);
        }
        let calls = Arc::new(Calls::default());
        known.insert(id.clone(), Arc::downgrade(&calls));
        calls
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_a_call_is_under_way_shares_the_next_and_never_that_one() {
        let (next, id) = (NextCalls::default(), "ami-00000001".parse().unwrap());
        let made = AtomicU64::new(0);
        let ask = async |ended: Option<oneshot::Receiver<()>>| {
            made.fetch_add(1, Ordering::SeqCst);
            if let Some(ended) = ended {
                ended.await.unwrap();
            }
            Ok(None)
        };
        let (end, ended) = oneshot::channel();
        let mut first = Box::pin(next.get(&id, async {}, ask(Some(ended))));
        assert!((&mut first).now_or_never().is_none(), "it is under way");
        let mut others = Box::pin(join_all((0..50).map(|_| next.get(&id, async {}, ask(None)))));
        assert!((&mut others).now_or_never().is_none(), "they have no part in it");
        assert_eq!(made.load(Ordering::SeqCst), 1);
        end.send(()).unwrap();
        assert!(first.await.unwrap().is_none());
        assert!(others.await.iter().all(Result::is_ok));
        assert_eq!(made.load(Ordering::SeqCst), 2, "one more for all of them");
        next.get(&id, async {}, ask(None)).await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 3, "what was answered before is not of now");
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_is_made_by_the_next() {
        let (next, id) = (NextCalls::default(), "ami-00000001".parse().unwrap());
        let mut first = Box::pin(next.get(&id, async {}, std::future::pending()));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(next.get(&id, async {}, async { Ok(None) }));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.await.unwrap().is_none());
    }
}
