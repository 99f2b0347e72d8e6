//! The census against a plain count.

use std::time::Duration;

use proptest::prelude::*;

use super::super::tests::{at, instance};
use super::*;
use crate::sandbox::cloud::{Cause, Deed, DeedKind, Fate, Line, NetworkInterface, State};
use crate::sandbox::zones::{Network, Zone};

fn holders<'a>(state: &'a State, zone: &'a Zone, now: Timestamp) -> impl Iterator<Item = &'a Instance> {
    state.remembered().filter(move |i| i.zone == zone.name && i.terminated_since(now).is_none())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn it_counts_what_a_look_at_everything_counts(
        steps in proptest::collection::vec((0u8..5, 0usize..40, 0i64..2000), 1..80),
    ) {
        let network = Network::new(&crate::sandbox::ACCOUNT_ID.parse().unwrap(), &"sandbox-1".parse().unwrap());
        let zone = &network.zones[0];
        let (mut state, mut now) = (State::default(), at(0));
        for (step, which, wait) in steps {
            let instances = match step {
                0 | 1 => {
                    let interfaces = 1 + which % 2;
                    let addresses = state.free_addresses(zone, (1 + which / 2) * interfaces, &[], now).unwrap();
                    (state.next_sequence()..).zip(addresses.chunks(interfaces)).map(|(sequence, addresses)| {
                        let fate = if which % 7 == 0 {
                            Fate::ImmediateTermination { code: "Server.InternalError".into(), message: "x".into() }
                        } else {
                            Fate::Healthy
                        };
                        Instance {
                            id: format!("i-{sequence}"),
                            sequence,
                            address: addresses[0],
                            interfaces: if interfaces == 1 { Vec::new() } else { addresses.iter().map(interface).collect() },
                            launched: now,
                            ..instance(fate, false)
                        }
                    }).collect()
                }
                2 => state.remembered().skip(which).take(10).filter(|i| i.terminated_since(now).is_none())
                    .map(|i| ended(i, now)).collect(),
                3 => {
                    state.forget_gone(now);
                    prop_assert!(state.remembered().all(|i| !i.is_gone(now)));
                    Vec::new()
                }
                _ => {
                    now += Duration::from_secs(wait.unsigned_abs());
                    Vec::new()
                }
            };
            state.apply(Line::Instances { region: String::new(), instances });
            let held: Vec<u32> = holders(&state, zone, now).flat_map(Instance::addresses).collect();
            let free = usize::try_from(USABLE_ADDRESSES).unwrap();
            let live = holders(&state, zone, now).count();
            prop_assert_eq!(held.iter().collect::<HashSet<_>>().len(), held.len(), "an address is held once");
            prop_assert_eq!((state.addresses_left(zone, now), state.live(now)), (free - held.len(), live));
        }
    }
}

fn interface(address: &u32) -> NetworkInterface {
    NetworkInterface {
        id: format!("eni-{address}"),
        device_index: 0,
        network_card: 0,
        address: Some(*address),
        description: String::new(),
        security_groups: Vec::new(),
        interface_type: "interface".to_owned(),
        delete_on_termination: true,
        source_dest_check: true,
    }
}

fn ended(instance: &Instance, now: Timestamp) -> Instance {
    let mut ended = instance.clone();
    ended.meet(Deed { at: now, kind: DeedKind::Terminate { by: Cause::User } });
    ended
}
