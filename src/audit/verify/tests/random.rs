//! Random histories, against the fold that the server itself goes by.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::world::*;
use crate::audit::verify::Code;
use crate::ids::{AttemptId, LaunchId};
use crate::record::{Entry, Event, Launch, LaunchInstance, LaunchState, Phase, TerminationStage, Verdict};

/// Launches that a history is about.
const LAUNCHES: u8 = 3;

/// What may be proposed to the log.
#[derive(Debug, Clone)]
enum Step {
    Decide(Verdict),
    Intend,
    Succeed(&'static str),
    Fail,
    Lose,
    End(LaunchState),
    Reach(usize, Phase),
    Terminate(TerminationStage),
    EndLate(TerminationStage, usize),
    Start,
}

fn any_step() -> impl Strategy<Value = (u8, Step)> {
    let phases = vec![Phase::Pending, Phase::Running, Phase::Ready, Phase::Failed, Phase::TimedOut, Phase::Terminated];
    let step = prop_oneof![
        3 => prop::bool::weighted(0.9).prop_map(|yes| Step::Decide(if yes { Verdict::Admitted } else { Verdict::Refused })),
        4 => Just(Step::Intend),
        3 => select(vec!["a", "ab", "abc"]).prop_map(Step::Succeed),
        2 => Just(Step::Fail),
        2 => Just(Step::Lose),
        1 => select(vec![LaunchState::Failed, LaunchState::Cancelled]).prop_map(Step::End),
        5 => (0..3usize, select(phases)).prop_map(|(which, phase)| Step::Reach(which, phase)),
        2 => select(vec![TerminationStage::Requested, TerminationStage::Accepted, TerminationStage::Failed])
            .prop_map(Step::Terminate),
        2 => (select(vec![TerminationStage::Requested, TerminationStage::Accepted, TerminationStage::Failed]), 0..3usize)
            .prop_map(|(stage, which)| Step::EndLate(stage, which)),
        1 => Just(Step::Start),
    ];
    (1..=LAUNCHES, step)
}

/// The letter of a launch's instance: no two launches share one.
fn letter(launch: u8, which: usize) -> char {
    char::from(b'a' + (launch - 1) * 3 + u8::try_from(which).unwrap())
}

/// The log that follows from proposing all steps: what the fold refuses is not in it, nor an
/// answer to a termination that was not asked for, which the fold does not mind.
fn history(steps: &[(u8, Step)]) -> Vec<Entry> {
    let mut log = Vec::new();
    let mut fold = Fold::default();
    // The attempt of each launch that was intended last, and how many were.
    let mut attempts: BTreeMap<u8, (u8, usize)> = BTreeMap::new();
    let mut asked = HashSet::new();
    for (number, (launch, step)) in (1u8..).zip(steps) {
        let launch = *launch;
        let (attempt, begun) = attempts.get(&launch).copied().unwrap_or((200 + launch, 0));
        let entry = match step {
            Step::Decide(verdict) => decided(launch, *verdict),
            Step::Intend if begun < 3 => intended(launch, number, begun),
            Step::Intend => continue,
            Step::Succeed(letters) => {
                let own: String = (0..letters.len()).map(|which| letter(launch, which)).collect();
                succeeded(launch, attempt, &own)
            }
            Step::Fail => failed(launch, attempt),
            Step::Lose => unknown(launch, attempt),
            Step::End(state) => ended(launch, *state),
            Step::Reach(which, phase) => reached(launch, letter(launch, *which), *phase, None),
            Step::Terminate(stage) => {
                if *stage != TerminationStage::Requested && !asked.contains(&launch) {
                    continue;
                }
                let request = format!("t-{number}");
                termination(launch, *stage, (*stage == TerminationStage::Requested).then_some(&request), "")
            }
            Step::EndLate(stage, which) => {
                let letter = letter(launch, *which);
                if *stage != TerminationStage::Requested && !fold.has_asked(launch, letter) {
                    continue;
                }
                late_end(launch, *stage, &letter.to_string())
            }
            Step::Start => started(),
        };
        if !fold.takes(&entry) {
            continue;
        }
        match step {
            Step::Intend => drop(attempts.insert(launch, (number, begun + 1))),
            Step::Terminate(TerminationStage::Requested) => drop(asked.insert(launch)),
            _ => {}
        }
        log.push(entry);
    }
    log
}

/// The launches as the server folds them.
#[derive(Default)]
struct Fold(BTreeMap<LaunchId, Launch>);

impl Fold {
    /// Whether an instance was to be terminated for not being ready in time.
    fn has_asked(&self, launch: u8, letter: char) -> bool {
        let instances = self.0.get(&launch_id(launch)).into_iter().flat_map(|launch| &launch.instances);
        let asked = |it: &LaunchInstance| it.place.instance_id == instance_id(letter) && it.late_end.is_some();
        instances.filter(|it| asked(it)).count() > 0
    }

    fn takes(&mut self, entry: &Entry) -> bool {
        let Some(id) = entry.launch_id else { return true };
        match self.0.get_mut(&id) {
            Some(launch) => launch.apply(entry).is_ok(),
            None => Launch::begin(entry).map(|(launch, _)| self.0.insert(id, launch)).is_ok(),
        }
    }
}

/// The first record that the fold refuses.
fn refused(log: &[Entry]) -> Option<u64> {
    let mut fold = Fold::default();
    log.iter().position(|entry| !fold.takes(entry)).map(|index| index as u64)
}

fn set_attempt(entry: &mut Entry, id: AttemptId) {
    match &mut entry.event {
        Event::AttemptIntended(intended) => {
            intended.attempt_id = id;
            intended.client_token = id.client_token();
        }
        Event::AttemptSucceeded(succeeded) => succeeded.attempt_id = id,
        Event::AttemptFailed(failed) => failed.attempt_id = id,
        Event::AttemptUnknown(unknown) => unknown.attempt_id = id,
        _ => {}
    }
}

/// One thing that a tamperer does before he makes the tree anew.
fn tampered(mut log: Vec<Entry>, how: u8, first: Index, second: Index) -> Vec<Entry> {
    if log.is_empty() {
        return log;
    }
    let (first, second) = (first.index(log.len()), second.index(log.len()));
    match how {
        0 => drop(log.remove(first)),
        1 => log.insert(second, log[first].clone()),
        2 => log.swap(first, second),
        3 => set_attempt(&mut log[first], attempt_id(250)),
        _ => log[first].launch_id = log[second].launch_id,
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_fold_accepts_is_sound(steps in prop::collection::vec(any_step(), 0..80)) {
        let log = history(&steps);
        prop_assert_eq!(refused(&log), None);
        let report = verify_entries(&log);
        prop_assert_eq!(found(&report), [], "{:?}", log);
    }

    #[test]
    fn what_the_fold_refuses_is_found(
        steps in prop::collection::vec(any_step(), 0..60),
        how in 0u8..5,
        first in any::<Index>(),
        second in any::<Index>(),
    ) {
        let log = tampered(history(&steps), how, first, second);
        let report = verify_entries(&log);
        let named = report.failures.first();
        match refused(&log) {
            // The rules may find something earlier that the fold does not mind.
            Some(index) => prop_assert!(named.is_some_and(|named| named.index <= Some(index)), "{report:?} {log:?}"),
            // What the fold does not mind is between launches, or between a decision and what it let happen.
            None => prop_assert!(named.is_none_or(|named| matches!(
                named.code,
                Code::AttemptIdReused
                    | Code::ClientTokenReused
                    | Code::AttemptOfOtherLaunch
                    | Code::AttemptNotDecided
                    | Code::InstanceOfTwoLaunches
                    | Code::RequestDecidedTwice
                    | Code::RefusedLaunchWentOn
                    | Code::TerminationNotRequested
                    | Code::LaunchIdMissing
                    | Code::LaunchIdUnexpected
            )), "{report:?} {log:?}"),
        }
    }
}
