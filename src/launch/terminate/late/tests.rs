//! What follows from the record of a launch whose instances may be late.

use super::*;
use crate::ids::AttemptId;
use crate::launch::step::tests::admitted;
use crate::record::{InstancePlace, Phase};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn instance(number: u32, phase: Phase, is_ready: bool, late_end: Option<TerminationStage>) -> LaunchInstance {
    let place = InstancePlace {
        instance_id: format!("i-{number:08x}").parse().unwrap(),
        instance_type: None,
        availability_zone: None,
        subnet_id: None,
        private_ip: None,
        private_dns_name: None,
        public_dns_name: None,
        launch_time: None,
    };
    let ready_time = is_ready.then(|| at(60));
    LaunchInstance {
        place,
        attempt_id: AttemptId::new(at(0)),
        phase,
        phase_time: at(60),
        ready_time,
        late_end,
        boot_times: crate::record::BootTimes::default(),
        has_settled: false,
    }
}

#[test]
fn only_what_is_late_is_asked_for_and_only_until_ec2_has_answered() {
    use Phase::{Failed, Impaired, Ready, Terminated, TimedOut};
    use TerminationStage::{Accepted, Requested};
    let id = |number: u32| -> InstanceId { format!("i-{number:08x}").parse().unwrap() };
    let (asked, refused) = (Some(Requested), Some(TerminationStage::Failed));
    let table = [
        (vec![instance(1, Impaired, false, None), instance(2, Ready, true, None)], false, Step::Until(at(600))),
        (vec![instance(1, Ready, true, None), instance(2, Failed, false, None)], false, Step::Over),
        (
            vec![instance(1, TimedOut, false, None), instance(2, Impaired, false, None)],
            false,
            Step::Request(vec![id(1)]),
        ),
        // Another one is late before EC2 has answered, and does not wait for that.
        (
            vec![instance(1, TimedOut, false, asked), instance(2, TimedOut, false, None)],
            false,
            Step::Request(vec![id(2)]),
        ),
        (
            vec![instance(1, TimedOut, false, asked), instance(2, TimedOut, false, asked)],
            false,
            Step::Call(vec![id(1), id(2)]),
        ),
        (vec![instance(1, Ready, true, asked)], false, Step::Call(vec![id(1)])),
        (vec![instance(1, Terminated, false, asked)], false, Step::Over),
        (vec![instance(1, TimedOut, false, Some(Accepted)), instance(2, TimedOut, false, refused)], false, Step::Over),
        // Somebody ends the whole launch.
        (vec![instance(1, TimedOut, false, None)], true, Step::Until(at(600))),
        (vec![instance(1, Terminated, false, None)], true, Step::Over),
    ];
    for (instances, terminating, step) in table {
        let launch = Launch { instances, terminating, ..admitted(1, 100) };
        assert_eq!(next_step(&launch, at(599)), step, "{:?}", launch.instances);
        let due = if step == Step::Until(at(600)) { Step::Wait } else { step };
        assert_eq!(next_step(&launch, at(600)), due, "{:?}", launch.instances);
    }
}
