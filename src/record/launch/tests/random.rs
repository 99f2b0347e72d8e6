//! What holds for any sequence of entries, sensible or not.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// How many entries a random history has at most.
const STEPS_MAX: usize = 40;

fn any_phase() -> impl Strategy<Value = P> {
    select(vec![
        P::Requested,
        P::Pending,
        P::Running,
        P::Checking,
        P::Ready,
        P::Impaired,
        P::Stopped,
        P::Failed,
        P::Terminated,
        P::TimedOut,
    ])
}

/// Steps over few attempts and instances, so that most histories go somewhere and some do not.
fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u8..=4).prop_map(Intend),
        2 => (1u8..=4, select(vec!["a", "b", "ab", "cd", "abc"])).prop_map(|(number, letters)| Succeed(number, letters)),
        3 => (1u8..=4).prop_map(Fail),
        2 => (1u8..=4).prop_map(Lose),
        1 => select(vec![S::Failed, S::Cancelled]).prop_map(End),
        9 => (prop::char::range('a', 'd'), any_phase()).prop_map(|(letter, phase)| Reach(letter, phase)),
        2 => select(vec![Requested, Accepted, NotDone]).prop_map(Terminate),
        2 => (select(vec![Requested, Accepted, NotDone]), select(vec!["a", "b", "ab"])).prop_map(|(stage, letters)| EndLate(stage, letters)),
    ]
}

/// A history: mostly of one launch, now and then with an entry of another.
fn any_history() -> impl Strategy<Value = Vec<Entry>> {
    let any_entry = (any_step(), -5i64..5000, prop::bool::weighted(0.03)).prop_map(|(step, seconds, foreign)| {
        let entry = step.entry(seconds);
        if foreign { Entry { launch_id: Some(launch_id(9)), ..entry } } else { entry }
    });
    prop::collection::vec(any_entry, 0..STEPS_MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_invariants(history in any_history(), admitted in prop::bool::weighted(0.95)) {
        let verdict = if admitted { Verdict::Admitted } else { Verdict::Refused };
        let (mut launch, mut events) = Launch::begin(&decided(verdict)).unwrap();
        let mut ended = std::collections::BTreeSet::new();
        for entry in &history {
            let before = launch.clone();
            let is_end = matches!(&entry.event, Event::Termination(termination) if !termination.boot_failure);
            if is_end && before.state.is_settled() {
                // Its end is waited for anew, and whoever watched before has been told that it is over.
                ended.clear();
            }
            match launch.apply(entry) {
                Err(_) => prop_assert_eq!(&launch, &before, "a refused entry changes nothing"),
                Ok(more) => {
                    for event in &more {
                        prop_assert_eq!(event.launch_id, Some(launch.launch_id));
                        prop_assert_eq!(event.observed_time, entry.time);
                        match event.launch_state {
                            Some(state) => {
                                prop_assert_eq!(state, launch.state, "an event tells the state the entry led to");
                                prop_assert_eq!(event.terminal, state.is_settled());
                            }
                            None => {
                                let id = event.instance_id.clone().unwrap();
                                let had_ended = before.instances.iter().any(|it| it.place.instance_id == id && it.has_settled);
                                let phase = event.phase.unwrap();
                                let is_over = matches!(phase, P::Failed | P::Terminated);
                                let ends = if before.terminating { is_over } else { phase.is_terminal() };
                                prop_assert_eq!(event.terminal, ends && !had_ended);
                                if event.terminal {
                                    prop_assert!(ended.insert(id), "one end of each instance, until a launch at rest is to end");
                                }
                            }
                        }
                    }
                    if launch.state != before.state {
                        prop_assert!(more.iter().any(|event| event.launch_state.is_some()), "no change is silent");
                    }
                    prop_assert_eq!(launch.update_time, entry.time);
                    events.extend(more);
                }
            }
            let sure = launch.attempts.iter().filter(|attempt| attempt.state == AttemptState::Failed).count();
            prop_assert!(launch.attempts.len() - sure <= 1, "only a definite failure makes room for another attempt");
            prop_assert_eq!(launch.settle_time.is_some(), launch.state.is_settled());
            prop_assert!(admitted || (launch.state == S::Refused && launch.attempts.is_empty()));
        }
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        prop_assert_eq!(sequences, (1..=launch.last_sequence).collect::<Vec<_>>());
    }

    #[test]
    fn replay_from_any_stored_prefix_gives_the_same_launch_and_events(history in any_history(), cut in any::<prop::sample::Index>()) {
        let (mut launch, mut events) = Launch::begin(&decided(Verdict::Admitted)).unwrap();
        let mut accepted = Vec::new();
        for entry in history {
            if let Ok(more) = launch.apply(&entry) {
                accepted.push(entry.to_leaf());
                events.extend(more);
            }
        }
        // The first part is folded, stored as JSON and read back, as the store does; the rest is
        // then folded from leaves.
        let (first, rest) = accepted.split_at(cut.index(accepted.len() + 1));
        let (mut replayed, mut seen) = Launch::begin(&decided(Verdict::Admitted)).unwrap();
        for leaf in first {
            seen.extend(replayed.apply(&Entry::from_leaf(leaf).unwrap()).unwrap());
        }
        let mut replayed: Launch = serde_json::from_slice(&serde_json::to_vec(&replayed).unwrap()).unwrap();
        for leaf in rest {
            seen.extend(replayed.apply(&Entry::from_leaf(leaf).unwrap()).unwrap());
        }
        prop_assert_eq!(replayed, launch);
        prop_assert_eq!(seen, events);
    }
}
