//! What stands behind a state, in one code and sentence.

use super::*;

#[test]
fn the_reason_of_a_state_is_the_last_thing_that_went_wrong() {
    type CodeAndMessage = (&'static str, &'static str);
    #[rustfmt::skip]
    let table: &[(&[Step], Option<CodeAndMessage>)] = &[
        (&[Intend(1), Fail(1)], Some(("NoCapacity", "EC2 said NoCapacity"))),
        (&[Intend(1), Lose(1)], Some(("OUTCOME_UNKNOWN", "EC2 said TIMEOUT"))),
        (&[Intend(1), Fail(1), Intend(2), Succeed(2, "abc")], None),
        (&[Intend(1), Succeed(1, "a")], Some(("FEWER_THAN_WANTED", "EC2 gave 1 of 3 instances, which is enough; there is no topping up."))),
        (&[Intend(1), Fail(1), End(S::Failed)], Some(("NO_CANDIDATE_LEFT", "no candidate is left"))),
        (&[Intend(1), Succeed(1, "a"), Reach('a', P::Failed)], Some(("BOOT_FAILED", "the volume could not be made"))),
        (&[Intend(1), Succeed(1, "abc"), Reach('a', P::Failed), Reach('a', P::Ready), Reach('b', P::Ready), Reach('c', P::Ready)], None),
        (&[Intend(1), Succeed(1, "a"), Terminate(Requested), Terminate(NotDone)], Some(("UnauthorizedOperation", "EC2 said UnauthorizedOperation"))),
    ];
    for (steps, reason) in table {
        let (launch, _) = run(Verdict::Admitted, steps);
        let reason = reason.map(|(code, message)| Reason { code: code.to_owned(), message: message.to_owned() });
        assert_eq!(launch.state_reason, reason, "{steps:?}");
    }
}
